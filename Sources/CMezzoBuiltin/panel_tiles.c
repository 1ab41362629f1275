/* Tiles that keep their sums in registers over all of k, on processors with vectors of 512 bits: of float, and of pairs of bfloat16
 * where an instruction multiplies them and adds them up in float, at twice the rate. A tile of many rows fills the registers; one
 * of few takes more panels at once, and waits for B whatever it does. */
#include "panel_tiles.h"
#include <stddef.h>

#if defined(__x86_64__)
#include <string.h>
#include "lanes_512.h"
#include "target.h"

#define UNROLL _Pragma("unroll")

#define float_TARGET __attribute__((target("arch=x86-64-v4"), min_vector_width(512)))
#define float_VECTOR __m512
#define float_LOAD(b) _mm512_loadu_ps(b)
#define float_SPREAD(a) _mm512_set1_ps(*(const float *)(const void *)(a))
#define float_MULTIPLY(sum, x, y) _mm512_fmadd_ps(x, y, sum)
#define float_NARROW(sum) _mm512_cvtps_ph(sum, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC)
#define float_GROUP 1

#define pair_TARGET __attribute__((target("arch=x86-64-v4,avx512bf16"), min_vector_width(512)))
#define pair_VECTOR __m512bh
#define pair_LOAD(b) (__m512bh) _mm512_loadu_si512(b)
#define pair_SPREAD(a) (__m512bh) _mm512_set1_epi32((int)two(a))
#define pair_MULTIPLY(sum, x, y) _mm512_dpbf16_ps(sum, x, y)
#define pair_NARROW(sum) (__m256i) _mm512_cvtneps_pbh(sum)
#define pair_GROUP 2

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

/* What comes from the third cache or memory when it is wanted comes too late. */
#define FETCH                                                                                                               \
  _mm_prefetch(ahead, _MM_HINT_T1);                                                                                         \
  ahead += ahead_step;                                                                                                      \
  if (ahead >= ahead_end) {                                                                                                 \
    ahead = ahead_end + rows_of_a->ahead.gap;                                                                               \
    ahead_end = ahead + rows_of_a->ahead.run;                                                                               \
  }

#define TILE(of, rows_, panels_)                                                                                            \
  of##_TARGET static void of##_##rows_##_##panels_(const mz_tile_rows *rows_of_a, const mz_tile_panels *b_, const char *start, \
                                                   int64_t start_stride, const mz_tile_sums *sums) {                        \
    enum { rows = rows_, panels = panels_ };                                                                                \
    const char *b = b_->at, *a[rows];                                                                                       \
    int64_t panel = b_->panel, b_step = b_->step, step = rows_of_a->step, places = rows_of_a->length / of##_GROUP;          \
    __m512 sum[rows][panels];                                                                                               \
    of##_VECTOR row[panels];                                                                                                \
    const char *ahead = rows_of_a->ahead.at, *ahead_end = rows_of_a->ahead.end;                                             \
    int64_t ahead_step = rows_of_a->ahead.step;                                                                             \
    UNROLL for (int r = 0; r < rows; r++) a[r] = rows_of_a->row[r];                                                         \
    UNROLL for (int r = 0; r < rows; r++)                                                                                   \
      UNROLL for (int p = 0; p < panels; p++)                                                                               \
        sum[r][p] = _mm512_maskz_loadu_ps(mz_first_lanes(sums->columns - p * MZ_PANEL), start + r * start_stride + p * MZ_PANEL * 4); \
    for (int64_t run = 0; run < rows_of_a->runs; run++) {                                                                   \
      int64_t at = rows_of_a->run[run];                                                                                     \
      for (int64_t i = places; i > 0; i--, at += step, b += b_step) {                                                       \
        UNROLL for (int p = 0; p < panels; p++) row[p] = of##_LOAD(b + p * panel);                                          \
        FETCH                                                                                                               \
        UNROLL for (int r = 0; r < rows; r++) {                                                                             \
          of##_VECTOR x = of##_SPREAD(a[r] + at);                                                                           \
          UNROLL for (int p = 0; p < panels; p++) sum[r][p] = of##_MULTIPLY(sum[r][p], x, row[p]);                          \
        }                                                                                                                   \
      }                                                                                                                     \
      of##_LAST                                                                                                             \
    }                                                                                                                       \
    __m512 zero = _mm512_setzero_ps();                                                                                      \
    if (sums->has_relu)                                                                                                     \
      UNROLL for (int r = 0; r < rows; r++)                                                                                 \
        UNROLL for (int p = 0; p < panels; p++)                                                                             \
          sum[r][p] = _mm512_maskz_mov_ps(_mm512_cmp_ps_mask(sum[r][p], zero, _CMP_NLE_UQ), sum[r][p]);                     \
    char *to = sums->at;                                                                                                    \
    UNROLL for (int r = 0; r < rows; r++, to += sums->stride)                                                               \
      UNROLL for (int p = 0; p < panels; p++) {                                                                             \
        __mmask16 there = mz_first_lanes(sums->columns - p * MZ_PANEL);                                                     \
        if (sums->kind == MZ_SUMS_F32)                                                                                      \
          _mm512_mask_storeu_ps(to + p * MZ_PANEL * 4, there, sum[r][p]);                                                   \
        else                                                                                                                \
          _mm256_mask_storeu_epi16(to + p * MZ_PANEL * 2, there, of##_NARROW(sum[r][p]));                                   \
      }                                                                                                                     \
  }

#define float_LAST
#define pair_LAST                                                                                                           \
  if (rows_of_a->length % 2 != 0) {                                                                                         \
    UNROLL for (int p = 0; p < panels; p++) row[p] = pair_LOAD(b + p * panel);                                              \
    UNROLL for (int r = 0; r < rows; r++) {                                                                                 \
      __m512bh x = (__m512bh)_mm512_set1_epi32((int)last(a[r] + at));                                                       \
      UNROLL for (int p = 0; p < panels; p++) sum[r][p] = _mm512_dpbf16_ps(sum[r][p], x, row[p]);                           \
    }                                                                                                                       \
    b += b_step;                                                                                                            \
  }

#define UP_TO_3(of, rows) TILE(of, rows, 1) TILE(of, rows, 2) TILE(of, rows, 3)
#define UP_TO_4(of, rows) UP_TO_3(of, rows) TILE(of, rows, 4)
#define UP_TO_6(of, rows) UP_TO_4(of, rows) TILE(of, rows, 5) TILE(of, rows, 6)
#define TILES(of)                                                                                                           \
  UP_TO_6(of, 1) UP_TO_6(of, 2) UP_TO_4(of, 3) UP_TO_4(of, 4) UP_TO_3(of, 5) UP_TO_3(of, 6) UP_TO_3(of, 7) UP_TO_3(of, 8)
TILES(float)
TILES(pair)

#define SET_3(of, rows) NULL, of##_##rows##_1, of##_##rows##_2, of##_##rows##_3
#define SET_4(of, rows) SET_3(of, rows), of##_##rows##_4
#define SET_6(of, rows) SET_4(of, rows), of##_##rows##_5, of##_##rows##_6
#define SET(of)                                                                                                             \
  .panels = {0, 6, 6, 4, 4, 3, 3, 3, 3},                                                                                    \
  .tile = {{NULL}, {SET_6(of, 1)}, {SET_6(of, 2)}, {SET_4(of, 3)}, {SET_4(of, 4)}, {SET_3(of, 5)}, {SET_3(of, 6)},          \
           {SET_3(of, 7)}, {SET_3(of, 8)}}

static const mz_panel_tiles float_tiles = {.group = 1, .stores = {[MZ_SUMS_F32] = true, [MZ_SUMS_F16] = true}, SET(float)};
static const mz_panel_tiles pair_tiles = {.group = 2, .stores = {[MZ_SUMS_F32] = true, [MZ_SUMS_BF16] = true}, SET(pair)};
#endif

const mz_panel_tiles *mz_panel_tiles_float(void) {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("x86-64-v4")) return &float_tiles;
#endif
  return NULL;
}

const mz_panel_tiles *mz_panel_tiles_bfloat16(void) {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("x86-64-v4") && __builtin_cpu_supports("avx512bf16")) return &pair_tiles;
#endif
  return NULL;
}
