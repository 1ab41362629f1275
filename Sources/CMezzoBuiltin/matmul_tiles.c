/* Tiles fill the registers: rows * vectors accumulators, a row of B, and an element of A spread over a vector. */
#include "matmul_tiles.h"
#include "target.h"

#define T float
#define NAME tile_float_128
#define TARGET
#define LANES 4
#define VECTORS 2
#if defined(__aarch64__)
#define ROWS 8
#else
#define ROWS 4
#endif
#include "matmul_tile.h"
#if defined(__x86_64__)
#define NAME tile_float_256
#define TARGET __attribute__((target("arch=x86-64-v3")))
#define ROWS 6
#define LANES 8
#define VECTORS 2
#include "matmul_tile.h"
#define NAME tile_float_512
#define TARGET __attribute__((target("arch=x86-64-v4"), min_vector_width(512)))
#define ROWS 14
#define LANES 16
#define VECTORS 2
#include "matmul_tile.h"
#endif
#undef T

#define T double
#define NAME tile_double_128
#define TARGET
#define LANES 2
#define VECTORS 2
#if defined(__aarch64__)
#define ROWS 8
#else
#define ROWS 4
#endif
#include "matmul_tile.h"
#if defined(__x86_64__)
#define NAME tile_double_256
#define TARGET __attribute__((target("arch=x86-64-v3")))
#define ROWS 6
#define LANES 4
#define VECTORS 2
#include "matmul_tile.h"
#define NAME tile_double_512
#define TARGET __attribute__((target("arch=x86-64-v4"), min_vector_width(512)))
#define ROWS 14
#define LANES 8
#define VECTORS 2
#include "matmul_tile.h"
#endif
#undef T

#if defined(__aarch64__)
enum { ROWS_128 = 8 };
#else
enum { ROWS_128 = 4 };
#endif

const mz_tile *mz_tile_float(void) {
  static const mz_tile narrow = {ROWS_128, 8, tile_float_128};
#if defined(__x86_64__)
  static const mz_tile avx2 = {6, 16, tile_float_256}, avx512 = {14, 32, tile_float_512};
  if (__builtin_cpu_supports("x86-64-v4")) return &avx512;
  if (__builtin_cpu_supports("x86-64-v3")) return &avx2;
#endif
  return &narrow;
}

const mz_tile *mz_tile_double(void) {
  static const mz_tile narrow = {ROWS_128, 4, tile_double_128};
#if defined(__x86_64__)
  static const mz_tile avx2 = {6, 8, tile_double_256}, avx512 = {14, 16, tile_double_512};
  if (__builtin_cpu_supports("x86-64-v4")) return &avx512;
  if (__builtin_cpu_supports("x86-64-v3")) return &avx2;
#endif
  return &narrow;
}
