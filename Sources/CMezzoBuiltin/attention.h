/* attention.h: what attention and its gradient share. Scores are made for a block of queries and a stretch of keys at a time;
 * rows of A and of scores lie MZ_TILE_STRETCH apart, as tiles want them. */
#ifndef MZ_ATTENTION_H
#define MZ_ATTENTION_H
#include "matmul.h"

/* Reads attributes, shapes and dtypes. operands: places of q, k, v, bias, o, lse. */
mezzo_status mz_plan_scores(mz_request *r, const int operands[6]);

/* A block of rows of an operand's matrix times `factor`, `depth` long: to[stretch of depth][p->block][MZ_TILE_STRETCH]. */
void mz_load_block(const mz_attention *p, int operand, char *to, const char *from, int64_t rows, int64_t depth, double factor);

/* Panels [columns][depth][width of a tile] of an operand's matrix, or of its transpose. */
void mz_pack_matrix(const mz_attention *p, int operand, char *to, const char *from, int64_t depth, int64_t columns, bool is_transposed);

/* scores = a times the panels' columns from `first` on, `count` of them. */
void mz_make_scores(const mz_attention *p, char *scores, const char *a, const char *panels, int64_t depth, int64_t rows,
                    int64_t first, int64_t count);

/* acc[rows][stride] += scores times the panels' rows from `first` on, `count` of them. The panels are `depth` long. */
void mz_weigh(const mz_attention *p, char *acc, const char *scores, const char *panels, int64_t depth, int64_t rows, int64_t first,
              int64_t count, int64_t stride);

/* Adds the bias at `bias` (NULL: none) to scores, and -inf to keys that come later. row: a buffer of a stretch. */
void mz_mask_scores(const mz_attention *p, char *scores, int operand, const char *bias, void *row, int64_t query, int64_t rows,
                    int64_t first, int64_t count);

/* Whether the bias of a call is anything but one 0 for all. */
bool mz_has_bias(const mz_call *call, int operand);

static inline int64_t mz_round_up(int64_t a, int64_t b) { return (a / b + (a % b != 0)) * b; }
static inline int64_t mz_least(int64_t a, int64_t b) { return a < b ? a : b; }

static inline double mz_number(const mz_attention *p, const void *at) {
  return p->element == sizeof(double) ? *(const double *)at : (double)*(const float *)at;
}

#endif
