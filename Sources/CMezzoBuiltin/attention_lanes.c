#include "attention_lanes.h"
#include <math.h>
#include <stddef.h>

#if defined(__x86_64__)
#include "lanes_512.h"

#define UNROLL _Pragma("unroll")
enum { LANES = 16, ABREAST = 4 /* vectors, which do not wait for each other */ };

#define float_TARGET __attribute__((target("arch=x86-64-v4"), min_vector_width(512)))
#define float_STORE(row, i, v) _mm512_storeu_ps((row) + (i), v)
#define pair_TARGET __attribute__((target("arch=x86-64-v4,avx512bf16"), min_vector_width(512)))
#define pair_STORE(row, i, v) _mm256_storeu_si256((__m256i_u *)(void *)((char *)(row) + 2 * (i)), (__m256i)_mm512_cvtneps_pbh(v))

static const float LOG2_E = 1.44269504088896341f;

/* Below, e^d is 0 in every rounding; NaN stays. */
MZ_INLINE_512 __m512 bounded(__m512 exponent, float least) { return _mm512_max_ps(_mm512_set1_ps(least), exponent); }

MZ_INLINE_512 __m512 nearest_integer(__m512 x) { return _mm512_roundscale_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }

/* e^d within two units in the last place for d <= 0, or NaN: 2^(n + f) with a polynomial that is fitted for |f| <= 1/2. */
MZ_INLINE_512 __m512 exponential(__m512 d_, __mmask16 there) {
  __m512 d = bounded(d_, -105.0f), log2_e = _mm512_set1_ps(LOG2_E);
  __m512 n = nearest_integer(_mm512_mul_ps(d, log2_e)), f = _mm512_fmsub_ps(d, log2_e, n);
  __m512 p = _mm512_fmadd_ps(f, _mm512_set1_ps(1.5353359e-4f), _mm512_set1_ps(1.3398876e-3f));
  p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(9.618437e-3f));
  p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(5.5503324e-2f));
  p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(2.4022648e-1f));
  p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(6.931472e-1f));
  p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(1.0f));
  return _mm512_maskz_scalef_ps(there, p, n);
}

/* 2^x within 2^-18, for results of 16 bits, the same way. */
MZ_INLINE_512 __m512 power_16(__m512 x_, __mmask16 there) {
  __m512 x = bounded(x_, -151.0f), n = nearest_integer(x), f = _mm512_sub_ps(x, n);
  __m512 p = _mm512_fmadd_ps(f, _mm512_set1_ps(9.57007749e-3f), _mm512_set1_ps(5.59180243e-2f));
  p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(2.40247466e-1f));
  p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(6.93121795e-1f));
  p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(9.99999261e-1f));
  return _mm512_maskz_scalef_ps(there, p, n);
}

/* What scores are made of: x * scale + bias, of which `most` is taken away before the exponential. */
typedef struct {
  const float *bias;
  __m512 scale, most;
} terms;

MZ_INLINE_512 terms terms_of(const float *bias, float scale, float most) {
  return (terms){bias, _mm512_set1_ps(scale), _mm512_set1_ps(most)};
}

MZ_INLINE_512 __m512 score(const float *x, int64_t i, const terms *t) {
  __m512 s = _mm512_loadu_ps(x + i);
  return t->bias == NULL ? _mm512_mul_ps(s, t->scale) : _mm512_fmadd_ps(s, t->scale, _mm512_loadu_ps(t->bias + i));
}

MZ_INLINE_512 __m512 float_weight(const float *x, int64_t i, const terms *t, __mmask16 there) {
  return exponential(_mm512_sub_ps(score(x, i, t), t->most), there);
}

/* The largest is taken away first: in a sum of products that are rounded apart, large scores would not cancel. */
MZ_INLINE_512 __m512 pair_weight(const float *x, int64_t i, const terms *t, __mmask16 there) {
  return power_16(_mm512_mul_ps(_mm512_sub_ps(score(x, i, t), t->most), _mm512_set1_ps(LOG2_E)), there);
}

/* NaN is passed over: it is found again in the sum. */
MZ_INLINE_512 float largest_score(const float *x, const float *bias, float so_far, float scale, int64_t seen) {
  terms t = terms_of(bias, scale, 0);
  __m512 most[ABREAST];
  UNROLL for (int v = 0; v < ABREAST; v++) most[v] = _mm512_set1_ps(so_far);
  for (int64_t i = 0; i < seen; i += ABREAST * LANES)
    UNROLL for (int v = 0; v < ABREAST; v++) {
      int64_t at = i + v * LANES;
      if (at < seen) most[v] = _mm512_mask_max_ps(most[v], mz_first_lanes(seen - at), score(x, at, &t), most[v]);
    }
  return _mm512_reduce_max_ps(_mm512_max_ps(_mm512_max_ps(most[0], most[1]), _mm512_max_ps(most[2], most[3])));
}

#define KERNELS(of)                                                                                                       \
  of##_TARGET static double of##_weigh(void *x_, int64_t seen, int64_t n, double scale, const void *bias, double *max,    \
                                       double *sum) {                                                                     \
    float *x = x_, before = (float)*max;                                                                                  \
    float largest = largest_score(x, bias, before, (float)scale, seen);                                                   \
    if (largest == -INFINITY) {                                                                                           \
      double factor = mz_norms_float.weigh(x, seen, n, scale, bias, max, sum);                                            \
      for (int64_t i = 0; i < n; i += LANES) of##_STORE(x, i, _mm512_loadu_ps(x + i));                                    \
      return factor;                                                                                                      \
    }                                                                                                                     \
    terms t = terms_of(bias, (float)scale, largest);                                                                      \
    __m512 sums[ABREAST];                                                                                                 \
    UNROLL for (int v = 0; v < ABREAST; v++) sums[v] = _mm512_setzero_ps();                                               \
    for (int64_t i = 0; i < n; i += ABREAST * LANES)                                                                      \
      UNROLL for (int v = 0; v < ABREAST; v++) {                                                                          \
        int64_t at = i + v * LANES;                                                                                       \
        if (at >= n) break;                                                                                               \
        __m512 e = of##_weight(x, at, &t, mz_first_lanes(seen - at));                                                     \
        sums[v] = _mm512_add_ps(sums[v], e);                                                                              \
        of##_STORE(x, at, e);                                                                                             \
      }                                                                                                                   \
    double factor = largest != before && *sum != 0 ? exp((double)before - (double)largest) : 1;                           \
    *max = (double)largest;                                                                                               \
    *sum = *sum * factor + (double)_mm512_reduce_add_ps(                                                                  \
                               _mm512_add_ps(_mm512_add_ps(sums[0], sums[1]), _mm512_add_ps(sums[2], sums[3])));          \
    return factor;                                                                                                        \
  }                                                                                                                       \
  of##_TARGET static void of##_slope(void *x_, void *slopes_, int64_t seen, int64_t n, double scale, const void *bias,    \
                                     double lse, double along_) {                                                         \
    float *x = x_, *slopes = slopes_;                                                                                     \
    terms t = terms_of(bias, (float)scale, (float)lse);                                                                   \
    __m512 along = _mm512_set1_ps((float)along_);                                                                         \
    if ((float)lse == -INFINITY) seen = 0;                                                                                \
    for (int64_t i = 0; i < n; i += ABREAST * LANES)                                                                      \
      UNROLL for (int v = 0; v < ABREAST; v++) {                                                                          \
        int64_t at = i + v * LANES;                                                                                       \
        if (at >= n) break;                                                                                               \
        __mmask16 there = mz_first_lanes(seen - at);                                                                      \
        __m512 e = of##_weight(x, at, &t, there);                                                                         \
        __m512 slope = _mm512_maskz_mul_ps(there, e, _mm512_sub_ps(_mm512_loadu_ps(slopes + at), along));                 \
        of##_STORE(x, at, e);                                                                                             \
        of##_STORE(slopes, at, slope);                                                                                    \
      }                                                                                                                   \
  }                                                                                                                       \
  static const mz_score_kernels of##_kernels = {of##_weigh, of##_slope};
KERNELS(float)
KERNELS(pair)
#endif

const mz_score_kernels *mz_wide_scores(void) {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("x86-64-v4")) return &float_kernels;
#endif
  return NULL;
}

const mz_score_kernels *mz_wide_scores_in_pairs(void) {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("x86-64-v4") && __builtin_cpu_supports("avx512bf16")) return &pair_kernels;
#endif
  return NULL;
}
