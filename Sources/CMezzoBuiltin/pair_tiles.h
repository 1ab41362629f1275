/* pair_tiles.h: the innermost loops of products of bfloat16, two places of k at a time. */
#ifndef MZ_PAIR_TILES_H
#define MZ_PAIR_TILES_H
#include "matmul_tiles.h"

/* As mz_tile_float's tiles, but a[rows][MZ_TILE_STRETCH] and b[k][columns] hold pairs of bfloat16, and a pair of A times one of B
 * is the sum of both products. NULL where the processor does not multiply pairs. */
const mz_tile *mz_tile_pairs(void);

/* A row of n floats, whole vectors of 64 bytes, becomes one of bfloat16 in its place; only where there are such tiles. */
void mz_narrow_to_pairs(void *row, int64_t n);

#endif
