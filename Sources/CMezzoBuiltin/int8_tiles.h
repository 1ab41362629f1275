/* int8_tiles.h: the innermost loops of products of int8. */
#ifndef MZ_INT8_TILES_H
#define MZ_INT8_TILES_H
#include <stdint.h>

enum {
  MZ_INT8_GROUP = 4,     /* places of k that lie side by side, and are multiplied and added by one instruction */
  MZ_INT8_STRETCH = 512, /* of k that a tile sums at once: elements from one row of A to the next */
  MZ_INT8_SIZES = 5
};

/* What becomes of sums: float(sum) * row[row] * column[column] + bias[column]. */
typedef struct {
  const float *row, *column, *bias;
} mz_int8_scales;

/* acc[rows][columns] = start[rows][columns] + the sums over `groups` of MZ_INT8_GROUP places of k of A[rows][MZ_INT8_STRETCH]
 * times b[groups][columns][MZ_INT8_GROUP]; in int32, or, with scales, scaled in float. Strides count elements from one row to the
 * next. */
typedef void mz_int8_multiply(int64_t groups, const void *a, const int8_t *b, const int32_t *start, int64_t start_stride,
                              const mz_int8_scales *scales, void *acc, int64_t acc_stride);

typedef struct mz_int8_tile {
  int columns;
  int offset;        /* what is added to the elements of A, so that they have no sign */
  int64_t a_element; /* bytes of an element of A */
  void (*load)(void *to, const int8_t *from, int64_t n); /* of A */
  struct {
    int rows;
    mz_int8_multiply *multiply;
  } size[MZ_INT8_SIZES]; /* from the largest to that of one row */
} mz_int8_tile;

/* The tiles that this processor can run, the fastest first. */
const mz_int8_tile *mz_int8_tile_at(int index);

#endif
