/* pair_tiles.h: the innermost loops of products of bfloat16, two places of k at a time. */
#ifndef MZ_PAIR_TILES_H
#define MZ_PAIR_TILES_H
#include "matmul_tiles.h"

/* As mz_tile_float's tiles, but a[rows][MZ_TILE_STRETCH] and b[k][columns] hold pairs of bfloat16, and a pair of A times one of B
 * is the sum of both products. NULL where the processor does not multiply pairs. */
const mz_tile *mz_tile_pairs(void);

#endif
