/* attention.h: what attention and its gradient share. Scores are made for a block of queries and a stretch of keys at a time;
 * rows of A and of scores lie MZ_TILE_STRETCH apart, as tiles want them. */
#ifndef MZ_ATTENTION_H
#define MZ_ATTENTION_H
#include "counts.h"
#include "matmul.h"

/* Reads attributes, shapes and dtypes. operands: places of q, k, v, bias, o, lse. */
mezzo_status mz_plan_scores(mz_request *r, const int operands[6]);

/* Lets products take pairs where the rule permits it, the processor does and the operands, of one dtype, lie right for it. */
void mz_plan_pairs(const mz_plan *plan, mz_attention *p, const int *operands, int n);

/* So many elements in the units of products, in which depths are given. */
static inline int64_t mz_units(const mz_attention *p, int64_t elements) { return p->in_pairs ? (elements + 1) / 2 : elements; }

/* A block of rows of an operand's matrix: to[stretch of depth][p->block][MZ_TILE_STRETCH]. */
void mz_load_block(const mz_attention *p, int operand, char *to, const char *from, int64_t rows, int64_t depth);

/* Panels [columns][depth][width of a tile] of an operand's matrix, whose rows become columns. */
void mz_pack_columns(const mz_attention *p, int operand, char *to, const char *from, int64_t depth, int64_t columns);
/* And as it is, of so many rows, which are no units yet. */
void mz_pack_rows(const mz_attention *p, int operand, char *to, const char *from, int64_t rows, int64_t columns);

/* One row of pairs of two rows, the first of a pair in its low half. */
void mz_join_pairs(uint32_t *to, const uint16_t *low, const uint16_t *high, int64_t n);

/* scores = a times the panels' columns from `first` on, `count` of them. */
void mz_make_scores(const mz_attention *p, char *scores, const char *a, const char *panels, int64_t depth, int64_t rows,
                    int64_t first, int64_t count);

/* acc[rows][stride] += scores times the panels' rows from `first` on, `count` of them. The panels are `depth` long, all in units. */
void mz_weigh(const mz_attention *p, char *acc, const char *scores, const char *panels, int64_t depth, int64_t rows, int64_t first,
              int64_t count, int64_t stride);

/* A stretch of the row of the bias at `bias` (NULL: none) that belongs to a query: `row`, filled up with 0. */
const void *mz_bias_row(const mz_attention *p, int operand, const char *bias, char *row, int64_t query, int64_t first, int64_t count);

/* Keys of a stretch that a query sees. */
static inline int64_t mz_seen(const mz_attention *p, int64_t query, int64_t first, int64_t count) {
  int64_t seen = p->is_causal && query + 1 < first + count ? query + 1 - first : count;
  return seen < 0 ? 0 : seen;
}

/* Has a matrix of an operand brought near: its rows lie too far apart for a processor to guess the next. */
static inline void mz_fetch_matrix(const mz_attention *p, int operand, const char *at, int64_t rows, int64_t columns) {
  int64_t bytes = columns * p->stride[operand][1];
  for (int64_t r = 0; r < rows; r++, at += p->stride[operand][0])
    for (int64_t i = 0; i < bytes; i += 64) __builtin_prefetch(at + i, 0, 2);
}

/* Whether the bias of a call is anything but one 0 for all. */
bool mz_has_bias(const mz_call *call, int operand);


static inline double mz_number(const mz_attention *p, const void *at) {
  return p->element == sizeof(double) ? *(const double *)at : (double)*(const float *)at;
}

#endif
