/* Tiles fill the registers: rows * vectors accumulators, a row of B, and an element of A spread over a vector. */
#include "matmul_tiles.h"
#include "target.h"

#if defined(__aarch64__)
#define BASE_ROWS 8
#else
#define BASE_ROWS 4
#endif

#define T float
#define NAME(x) float_128_##x
#define TARGET
#define LANES 4
#define VECTORS 2
#define ROWS BASE_ROWS
#define HALF 4
#define FEW 2
#define NARROW 0
#include "matmul_tile.h"
#if defined(__x86_64__)
#define NAME(x) float_256_##x
#define TARGET __attribute__((target("arch=x86-64-v3")))
#define ROWS 6
#define HALF 4
#define FEW 2
#define LANES 8
#define VECTORS 2
#define NARROW 1
#include "matmul_tile.h"
#define NAME(x) float_512_##x
#define TARGET __attribute__((target("arch=x86-64-v4"), min_vector_width(512)))
#define ROWS 14
#define HALF 8
#define FEW 4
#define LANES 16
#define VECTORS 2
#define NARROW 1
#include "matmul_tile.h"
#endif
#undef T

#define T double
#define NAME(x) double_128_##x
#define TARGET
#define LANES 2
#define VECTORS 2
#define ROWS BASE_ROWS
#define HALF 4
#define FEW 2
#define NARROW 0
#include "matmul_tile.h"
#if defined(__x86_64__)
#define NAME(x) double_256_##x
#define TARGET __attribute__((target("arch=x86-64-v3")))
#define ROWS 6
#define HALF 4
#define FEW 2
#define LANES 4
#define VECTORS 2
#define NARROW 0
#include "matmul_tile.h"
#define NAME(x) double_512_##x
#define TARGET __attribute__((target("arch=x86-64-v4"), min_vector_width(512)))
#define ROWS 14
#define HALF 8
#define FEW 4
#define LANES 8
#define VECTORS 2
#define NARROW 0
#include "matmul_tile.h"
#endif
#undef T

const mz_tile *mz_tile_float(void) {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("x86-64-v4")) return &float_512_tile;
  if (__builtin_cpu_supports("x86-64-v3")) return &float_256_tile;
#endif
  return &float_128_tile;
}

const mz_tile *mz_tile_double(void) {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("x86-64-v4")) return &double_512_tile;
  if (__builtin_cpu_supports("x86-64-v3")) return &double_256_tile;
#endif
  return &double_128_tile;
}
