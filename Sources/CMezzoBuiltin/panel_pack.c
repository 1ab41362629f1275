/* Panels of float, made at each call where nothing else is packed before: the time that it takes counts. */
#include "panel_tiles.h"
#include <stddef.h>

#if defined(__x86_64__)
#include "lanes_512.h"

enum { AHEAD = 8 }; /* rows that are fetched before they are read */

#define WIDE __attribute__((target("arch=x86-64-v4"), min_vector_width(512)))
#define UNROLL _Pragma("unroll")

MZ_INLINE_512 __m512 load_f32(const char *at, __mmask16 there) { return _mm512_maskz_loadu_ps(there, at); }

MZ_INLINE_512 __m512 load_f16(const char *at, __mmask16 there) { return _mm512_cvtph_ps(_mm256_maskz_loadu_epi16(there, at)); }

MZ_INLINE_512 __m512 load_bf16(const char *at, __mmask16 there) {
  return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(there, at)), 16));
}

/* The transpose of 16 rows of 16, in four rounds: neighbours, pairs, and quarters twice. */
MZ_INLINE_512 void transpose(__m512 r[16]) {
  __m512 t[16];
  UNROLL for (int i = 0; i < 16; i += 2) {
    t[i] = _mm512_unpacklo_ps(r[i], r[i + 1]);
    t[i + 1] = _mm512_unpackhi_ps(r[i], r[i + 1]);
  }
  UNROLL for (int i = 0; i < 16; i += 4)
    UNROLL for (int half = 0; half < 2; half++) {
      __m512d low = _mm512_castps_pd(t[i + half]), high = _mm512_castps_pd(t[i + 2 + half]);
      r[i + 2 * half] = _mm512_castpd_ps(_mm512_unpacklo_pd(low, high));
      r[i + 2 * half + 1] = _mm512_castpd_ps(_mm512_unpackhi_pd(low, high));
    }
  UNROLL for (int i = 0; i < 4; i++) {
    t[i] = _mm512_shuffle_f32x4(r[i], r[i + 4], 0x88);
    t[i + 4] = _mm512_shuffle_f32x4(r[i], r[i + 4], 0xDD);
    t[i + 8] = _mm512_shuffle_f32x4(r[i + 8], r[i + 12], 0x88);
    t[i + 12] = _mm512_shuffle_f32x4(r[i + 8], r[i + 12], 0xDD);
  }
  UNROLL for (int i = 0; i < 8; i++) {
    r[i] = _mm512_shuffle_f32x4(t[i], t[i + 8], 0x88);
    r[i + 8] = _mm512_shuffle_f32x4(t[i], t[i + 8], 0xDD);
  }
}

/* Whole rows of memory are read, as far as they go, since no processor guesses what lies a row further. */
#define PACK(kind, size)                                                                                                    \
  WIDE static void rows_##kind(float *to, int64_t panel, int64_t pitch, const char *from, int64_t stride, int64_t columns,  \
                               int64_t k) {                                                                                 \
    for (int64_t i = 0; i < k; i++, from += stride, to += pitch) {                                                          \
      float *here = to;                                                                                                     \
      for (int64_t j = 0; j < columns; j += MZ_PANEL, here += panel) {                                                      \
        if (i + AHEAD < k) _mm_prefetch(from + AHEAD * stride + j * size, _MM_HINT_T0);                                     \
        _mm512_storeu_ps(here, load_##kind(from + j * size, mz_first_lanes(columns - j)));                                  \
      }                                                                                                                     \
    }                                                                                                                       \
  }                                                                                                                         \
  WIDE static void places_##kind(float *to, int64_t panel, const char *from, int64_t stride, int64_t rows, int64_t k) {     \
    for (int64_t i = 0; i < k; i++, from += stride, to += MZ_PANEL_ROWS) {                                                  \
      float *here = to;                                                                                                     \
      for (int64_t r = 0; r < rows; r += MZ_PANEL, here += 2 * panel) {                                                     \
        if (i + AHEAD < k) _mm_prefetch(from + AHEAD * stride + r * size, _MM_HINT_T0);                                     \
        __m512 both = load_##kind(from + r * size, mz_first_lanes(rows - r));                                               \
        _mm256_storeu_ps(here, _mm512_castps512_ps256(both));                                                               \
        _mm256_storeu_ps(here + panel, _mm512_extractf32x8_ps(both, 1));                                                    \
      }                                                                                                                     \
    }                                                                                                                       \
  }                                                                                                                         \
  WIDE static void columns_##kind(float *to, int64_t panel, int64_t pitch, const char *from, int64_t stride,                \
                                  int64_t columns, int64_t k) {                                                             \
    for (int64_t j = 0; j < columns; j += MZ_PANEL, to += panel)                                                            \
      for (int64_t i = 0; i < k; i += MZ_PANEL) {                                                                           \
        __m512 r[MZ_PANEL];                                                                                                 \
        UNROLL for (int c = 0; c < MZ_PANEL; c++)                                                                           \
          r[c] = j + c < columns ? load_##kind(from + (j + c) * stride + i * size, mz_first_lanes(k - i)) : _mm512_setzero_ps(); \
        transpose(r);                                                                                                       \
        UNROLL for (int c = 0; c < MZ_PANEL; c++)                                                                           \
          if (i + c < k) _mm512_storeu_ps(to + (i + c) * pitch, r[c]);                                                      \
      }                                                                                                                     \
  }
PACK(f32, 4)
PACK(f16, 2)
PACK(bf16, 2)

/* The first of a pair lies in its low half. */
WIDE void mz_pack_pairs(float *to, int64_t panel, int64_t pitch, const char *from, int64_t stride, int64_t columns, int64_t k) {
  for (int64_t i = 0; i < k; i += 2, from += 2 * stride, to += pitch) {
    float *here = to;
    for (int64_t j = 0; j < columns; j += MZ_PANEL, here += panel) {
      const char *first = from + j * 2;
      __mmask16 there = mz_first_lanes(columns - j);
      if (i + AHEAD < k) _mm_prefetch(first + AHEAD * stride, _MM_HINT_T0);
      if (i + AHEAD + 1 < k) _mm_prefetch(first + (AHEAD + 1) * stride, _MM_HINT_T0);
      __m512i low = _mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(there, first));
      __m512i high = i + 1 < k ? _mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(there, first + stride)) : _mm512_setzero_si512();
      _mm512_storeu_si512(here, _mm512_or_si512(low, _mm512_slli_epi32(high, 16)));
    }
  }
}

static const mz_panel_packing packings[] = {
    [MZ_SUMS_F32] = {rows_f32, columns_f32, places_f32},
    [MZ_SUMS_F16] = {rows_f16, columns_f16, places_f16},
    [MZ_SUMS_BF16] = {rows_bf16, columns_bf16, places_bf16}};
#else
void mz_pack_pairs(float *to, int64_t panel, int64_t pitch, const char *from, int64_t stride, int64_t columns, int64_t k) {
  (void)to, (void)panel, (void)pitch, (void)from, (void)stride, (void)columns, (void)k;
}
#endif

const mz_panel_packing *mz_panel_packing_of(mz_float_kind kind) {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("x86-64-v4")) return &packings[kind];
#endif
  (void)kind;
  return NULL;
}
