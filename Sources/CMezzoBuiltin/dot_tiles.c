/* Tiles of the processors that multiply pairs of bfloat16 and add them up in float, at twice the rate of float. A tile of many
 * rows fills the registers and has the next panels fetched, which else come from the third cache or memory a little too late; one
 * of few takes more panels at once, and waits for B whatever it does. */
#include "dot_tiles.h"
#include <stddef.h>

#if defined(__x86_64__)
#include <immintrin.h>
#include <string.h>
#include "target.h"

#define DOTS __attribute__((target("arch=x86-64-v4,avx512bf16"), min_vector_width(512)))
#define UNROLL _Pragma("unroll")

#define MULTIPLY(pair)                                                                             \
  UNROLL for (int r = 0; r < rows; r++) {                                                          \
    __m512bh x = (__m512bh)_mm512_set1_epi32((int)pair(a + r * a_stride));                         \
    UNROLL for (int p = 0; p < panels; p++) sum[r][p] = _mm512_dpbf16_ps(sum[r][p], x, row[p]);    \
  }

MZ_INLINE uint32_t two(const char *at) {
  uint32_t pair;
  memcpy(&pair, at, sizeof pair);
  return pair;
}

/* Beside the last element of an odd k, nothing of what lies behind the row is read. */
MZ_INLINE uint32_t last(const char *at) {
  uint16_t element;
  memcpy(&element, at, sizeof element);
  return element;
}

MZ_INLINE __mmask16 part(int64_t columns) {
  return columns >= MZ_DOT_COLUMNS ? 0xFFFF : (__mmask16)((1u << (columns < 0 ? 0 : columns)) - 1);
}

#define TILE(rows_, panels_)                                                                                             \
  DOTS static void tile_##rows_##_##panels_(int64_t k, const char *a, int64_t a_stride, const char *b, const float *start, \
                                            const mz_dot_sums *sums) {                                                   \
    enum { rows = rows_, panels = panels_, STEP = 2 * MZ_DOT_COLUMNS * 2, fetches = rows_ > MZ_DOT_ROWS / 2 };           \
    int64_t panel = (k + 1) / 2 * STEP;                                                                                  \
    __m512 sum[rows][panels];                                                                                            \
    __m512bh row[panels];                                                                                                \
    UNROLL for (int r = 0; r < rows; r++)                                                                                \
      UNROLL for (int p = 0; p < panels; p++) sum[r][p] = _mm512_loadu_ps(start + p * MZ_DOT_COLUMNS);                   \
    for (int64_t i = k / 2; i > 0; i--, a += 4, b += STEP) {                                                             \
      UNROLL for (int p = 0; p < panels; p++) row[p] = (__m512bh)_mm512_loadu_si512(b + p * panel);                      \
      if (fetches) UNROLL for (int p = 0; p < panels; p++) _mm_prefetch(b + (panels + p) * panel, _MM_HINT_T1);          \
      MULTIPLY(two)                                                                                                      \
    }                                                                                                                    \
    if (k % 2 != 0) {                                                                                                    \
      UNROLL for (int p = 0; p < panels; p++) row[p] = (__m512bh)_mm512_loadu_si512(b + p * panel);                      \
      MULTIPLY(last)                                                                                                     \
    }                                                                                                                    \
    char *to = sums->at;                                                                                                 \
    UNROLL for (int r = 0; r < rows; r++, to += sums->stride)                                                            \
      UNROLL for (int p = 0; p < panels; p++) {                                                                          \
        __mmask16 there = part(sums->columns - p * MZ_DOT_COLUMNS);                                                      \
        if (sums->is_narrow)                                                                                             \
          _mm256_mask_storeu_epi16(to + p * MZ_DOT_COLUMNS * 2, there, (__m256i)_mm512_cvtneps_pbh(sum[r][p]));          \
        else                                                                                                             \
          _mm512_mask_storeu_ps(to + p * MZ_DOT_COLUMNS * 4, there, sum[r][p]);                                          \
      }                                                                                                                  \
  }

#define UP_TO_3(rows) TILE(rows, 1) TILE(rows, 2) TILE(rows, 3)
#define UP_TO_4(rows) UP_TO_3(rows) TILE(rows, 4)
#define UP_TO_6(rows) UP_TO_4(rows) TILE(rows, 5) TILE(rows, 6)
UP_TO_6(1)
UP_TO_6(2)
UP_TO_4(3)
UP_TO_4(4)
UP_TO_3(5)
UP_TO_3(6)
UP_TO_3(7)
UP_TO_3(8)

#define SET_3(rows) NULL, tile_##rows##_1, tile_##rows##_2, tile_##rows##_3
#define SET_4(rows) SET_3(rows), tile_##rows##_4
#define SET_6(rows) SET_4(rows), tile_##rows##_5, tile_##rows##_6
static const mz_dot_tiles tiles = {
    .panels = {0, 6, 6, 4, 4, 3, 3, 3, 3},
    .tile = {{NULL}, {SET_6(1)}, {SET_6(2)}, {SET_4(3)}, {SET_4(4)}, {SET_3(5)}, {SET_3(6)}, {SET_3(7)}, {SET_3(8)}},
};
#endif

const mz_dot_tiles *mz_dot_tiles_bfloat16(void) {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("x86-64-v4") && __builtin_cpu_supports("avx512bf16")) return &tiles;
#endif
  return NULL;
}
