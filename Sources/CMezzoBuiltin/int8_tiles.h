/* int8_tiles.h: the innermost loops of products of int8. */
#ifndef MZ_INT8_TILES_H
#define MZ_INT8_TILES_H
#include <stdbool.h>
#include <stdint.h>

enum {
  MZ_INT8_GROUP = 4,    /* places of k that lie side by side, and are multiplied and added by one instruction */
  MZ_INT8_ROWS = 8,     /* of the largest tile */
  MZ_INT8_PANELS = 6,   /* that a tile takes at once, at most */
  MZ_INT8_COLUMNS = 16, /* of a panel of B, at most */
};

/* What sums begin with, what becomes of them, and where they go: rows that lie `stride` bytes apart, of which only so many columns
 * are there. A sum begins with zero[row] * sum[column]; without scales it stays int32, else it is stored as float32, or, narrow,
 * bfloat16, sum * row[row] * column[column] + bias[column]. `sum`, `column` and `bias` hold whole panels. What is
 * stored narrow has no NaNs with a payload among what sums are multiplied with. */
typedef struct {
  const int32_t *zero, *sum;
  const float *row, *column, *bias;
  char *at;
  int64_t stride, columns;
  bool is_scaled, is_narrow;
} mz_int8_sums;

/* A times B over `groups` of MZ_INT8_GROUP places of k. Rows of A, as `load` left them, lie a_stride bytes apart; B lies in panels
 * [groups][columns][MZ_INT8_GROUP]. */
typedef void mz_int8_multiply(int64_t groups, const char *a, int64_t a_stride, const int8_t *b, const mz_int8_sums *sums);

typedef struct mz_int8_tiles {
  int columns;       /* of a panel */
  int rows;          /* of the largest tile */
  int offset;        /* what is added to the elements of A, so that they have no sign */
  int64_t a_element; /* bytes of an element of A */
  void (*load)(void *to, const int8_t *from, int64_t n);        /* of A */
  bool narrows;                                                 /* bfloat16 can be stored */
  int panels[MZ_INT8_ROWS + 1];                                 /* that a tile of so many rows takes at most */
  mz_int8_multiply *tile[MZ_INT8_ROWS + 1][MZ_INT8_PANELS + 1]; /* of rows and panels */
} mz_int8_tiles;

/* The tiles that this processor can run, the fastest first. */
const mz_int8_tiles *mz_int8_tiles_at(int index);

/* All rows by all columns that there are. */
void mz_multiply_int8(const mz_int8_tiles *tiles, int64_t groups, const char *a, int64_t a_stride, int64_t rows, const int8_t *b,
                      const mz_int8_sums *sums);

#endif
