#include "pair_tiles.h"
#include <stddef.h>
#include <string.h>
#include "target.h"

#if defined(__x86_64__)
#include <immintrin.h>

#define UNROLL _Pragma("unroll")

static inline int32_t pair_at(const char *p) {
  int32_t pair;
  memcpy(&pair, p, sizeof pair);
  return pair;
}

#define PAIRS(name, ROWS, A_ROW, A_STEP)                                                                             \
  __attribute__((target("arch=x86-64-v4,avx512bf16"), min_vector_width(512))) static void name(                      \
      int64_t k, const void *a_, const void *b_, void *acc_, int64_t stride, bool adds) {                            \
    const char *a = a_, *b = b_;                                                                                     \
    float *acc = acc_;                                                                                               \
    __m512 c[ROWS][2];                                                                                               \
    UNROLL for (int r = 0; r < ROWS; r++) UNROLL for (int v = 0; v < 2; v++) c[r][v] = _mm512_setzero_ps();          \
    for (; k > 0; k--, a += 4 * A_STEP, b += 128) {                                                                  \
      __m512bh left = (__m512bh)_mm512_loadu_si512(b), right = (__m512bh)_mm512_loadu_si512(b + 64);                 \
      UNROLL for (int r = 0; r < ROWS; r++) {                                                                        \
        __m512bh x = (__m512bh)_mm512_set1_epi32(pair_at(a + r * 4 * A_ROW));                                        \
        c[r][0] = _mm512_dpbf16_ps(c[r][0], x, left);                                                                \
        c[r][1] = _mm512_dpbf16_ps(c[r][1], x, right);                                                               \
      }                                                                                                              \
    }                                                                                                                \
    UNROLL for (int r = 0; r < ROWS; r++, acc += stride)                                                             \
      UNROLL for (int v = 0; v < 2; v++)                                                                             \
        _mm512_storeu_ps(acc + 16 * v, adds ? _mm512_add_ps(_mm512_loadu_ps(acc + 16 * v), c[r][v]) : c[r][v]);      \
  }
PAIRS(columns, 14, 1, MZ_TILE_STRETCH)
PAIRS(many, 14, MZ_TILE_STRETCH, 1)
PAIRS(half, 8, MZ_TILE_STRETCH, 1)
PAIRS(few, 4, MZ_TILE_STRETCH, 1)
PAIRS(one, 1, MZ_TILE_STRETCH, 1)

static const mz_tile pairs_tile = {
    .rows = 14,
    .half = 8,
    .few = 4,
    .columns = 32,
    .columns_of_a = columns,
    .by_rows = {[MZ_B_SAME] = {.many = many, .half = half, .few = few, .one = one}},
};

const mz_tile *mz_tile_pairs(void) {
  return __builtin_cpu_supports("x86-64-v4") && __builtin_cpu_supports("avx512bf16") ? &pairs_tile : NULL;
}
#else
const mz_tile *mz_tile_pairs(void) { return NULL; }
#endif
