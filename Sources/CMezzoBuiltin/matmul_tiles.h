#ifndef MZ_MATMUL_TILES_H
#define MZ_MATMUL_TILES_H
#include <stdbool.h>
#include <stdint.h>

enum {
  MZ_TILE_STRETCH = 256, /* elements from one row of A to the next; what a tile sums at once: a panel of B then fits into the first cache */
  MZ_TILE_BYTES = 2048,  /* of the largest tile's accumulators, at most */
  MZ_TILE_PANELS = 4     /* panels of B that one row takes at once, at most */
};

/* acc[rows][columns] = A times b[k][columns], added to what it holds if `adds`, for k up to MZ_TILE_STRETCH. stride: elements from
 * one row of acc to the next. */
typedef void mz_multiply(int64_t k, const void *a, const void *b, void *acc, int64_t stride, bool adds);

/* How B lies in its panels. */
typedef enum { MZ_B_SAME, MZ_B_BF16, MZ_B_F16, MZ_B_KINDS } mz_b_kind;

typedef struct mz_tile {
  int rows, half, few; /* of A, in the largest tile and in smaller ones for the rest */
  int columns;
  mz_multiply *lanes;        /* a[k][rows], any k, B as acc */
  mz_multiply *columns_of_a; /* a[k][MZ_TILE_STRETCH], of which it takes `rows`, B as acc */
  struct {
    mz_multiply *many, *half, *few, *one;
    mz_multiply *pair, *long_row; /* one row of A by 2 and by MZ_TILE_PANELS panels of B, stride apart; acc is dense */
  } by_rows[MZ_B_KINDS]; /* a[rows][MZ_TILE_STRETCH]; a kind that the processor cannot widen is NULL */
} mz_tile;

/* Rows for the next tile: one or two rows behind a large one would keep the multipliers waiting, two smaller ones do not. */
static inline int64_t mz_tile_step(const mz_tile *tile, int64_t left) {
  return left > tile->rows && left <= 2 * tile->half ? tile->half : left < tile->rows ? left : tile->rows;
}

/* The tile by rows that is large enough for so many, or the largest. */
static inline mz_multiply *mz_tile_fitting(const mz_tile *tile, int kind, int64_t left) {
  if (left == 1) return tile->by_rows[kind].one;
  if (left <= tile->few) return tile->by_rows[kind].few;
  return left <= tile->half ? tile->by_rows[kind].half : tile->by_rows[kind].many;
}

/* Whether the fitting tile, of several rows, writes just so many. */
static inline bool mz_tile_is_full(const mz_tile *tile, int64_t rows) {
  return rows == tile->few || rows == tile->half || rows == tile->rows;
}

/* The tiles that this processor runs best. */
const mz_tile *mz_tile_float(void);
const mz_tile *mz_tile_double(void);

#endif
