#ifndef MZ_MATMUL_TILES_H
#define MZ_MATMUL_TILES_H
#include <stdint.h>

/* acc[rows][columns] += a[k][rows] transposed times b[k][columns]; dense arrays of float or double. */
typedef struct mz_tile {
  int rows, columns;
  void (*multiply)(int64_t k, const void *a, const void *b, void *acc);
} mz_tile;

enum { MZ_TILE_MAX = 512 /* elements */ };

/* The tiles that this processor runs best. */
const mz_tile *mz_tile_float(void);
const mz_tile *mz_tile_double(void);

#endif
