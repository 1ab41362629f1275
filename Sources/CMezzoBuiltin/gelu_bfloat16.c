/* GELU for results of bfloat16: max(x, 0) - |x| s(-|x|), so that one side of the axis serves both. Up to MOST the share s is a cubic
 * polynomial over each of 32 pieces, as near as those that a float32 is asked for: within 2^-20. Beyond, where it falls faster than
 * polynomials can follow, it is the power of 2 of one over each of 16. A result is within a tenth of a unit in the last place of a
 * bfloat16 before it is rounded, wherever it lies. */
#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include "gelu_pieces.h"

#if defined(__x86_64__)
enum { DEGREE = 3, SHARES = 32, EXPONENTS = 16, VECTORS = 4 };
#include "gelu_lanes.h"
#include "lanes_512.h"

typedef struct {
  float most, middle; /* of the magnitudes with a share */
  mz_axis share_axis, exponent_axis;
  float share[DEGREE + 1][SHARES], exponent[DEGREE + 1][EXPONENTS];
} pieces;

static const double MOST[MZ_GELU_FORMS] = {5, 4.75};
static const double VANISHES = -165; /* a power of 2 that is 0 in float */

static _Atomic(pieces *) places[MZ_GELU_FORMS];

/* The axis of magnitudes begins so many pieces below its 0: with polynomials of numbers around 0, little is lost to rounding. */
enum { LOWER = SHARES / 2 };

static double middle(int64_t form) { return LOWER * MOST[form] / (SHARES - 1); }

static double share_around_middle(double x, int64_t form) { return mz_gelu_share(-(x + middle(form)), form); }

static const pieces *pieces_of(int64_t form) {
  pieces *found = atomic_load_explicit(&places[form], memory_order_acquire), *made;
  if (found != NULL || (made = malloc(sizeof *made)) == NULL) return found;
  double bottom = -MOST[form];
  while (mz_gelu_exponent(bottom, form) > VANISHES) bottom -= 0.125;
  made->most = (float)MOST[form];
  made->middle = (float)middle(form);
  made->share_axis = (mz_axis){.scale = (float)((SHARES - 1) / MOST[form]), .shift = LOWER};
  made->exponent_axis = mz_axis_of(bottom, -MOST[form], EXPONENTS);
  mz_fit_pieces(made->share[0], DEGREE, SHARES, &made->share_axis, false, share_around_middle, form);
  mz_fit_pieces(made->exponent[0], DEGREE, EXPONENTS, &made->exponent_axis, true, mz_gelu_exponent, form);
  if (atomic_compare_exchange_strong(&places[form], &found, made)) return made;
  free(made);
  return found;
}

#define EACH_PAIR _Pragma("unroll") for (int v = 0; v < VECTORS; v += 2)

/* y, but for what lies below the pieces. */
TARGET MZ_INLINE void exponents(__m512 y[VECTORS], const __m512 x[VECTORS], const pieces *p) {
  const mz_axis *on = &p->exponent_axis;
  __m512 column[DEGREE + 1], at[VECTORS], t[VECTORS], h[VECTORS], f[VECTORS], power[VECTORS];
  for (int i = 0; i <= DEGREE; i++) column[i] = _mm512_loadu_ps(p->exponent[i]);
  EACH PIECE(at[v], t[v], _mm512_min_ps(SPREAD(on->most), _mm512_max_ps(SPREAD(on->least), x[v])), on);
  EACH h[v] = _mm512_permutexvar_ps(BITS(at[v]), column[DEGREE]);
  _Pragma("unroll") for (int d = DEGREE - 1; d >= 0; d--)
    EACH h[v] = _mm512_fmadd_ps(h[v], t[v], _mm512_permutexvar_ps(BITS(at[v]), column[d]));
  EACH f[v] = _mm512_reduce_ps(h[v], _MM_FROUND_TO_NEG_INF);
  EACH power[v] = _mm512_fmadd_ps(f[v], SPREAD(0.0780244584f), SPREAD(0.226067247f));
  EACH power[v] = _mm512_fmadd_ps(power[v], f[v], SPREAD(0.695833509f));
  EACH power[v] = _mm512_scalef_ps(_mm512_fmadd_ps(power[v], f[v], SPREAD(0.99992522f)), h[v]);
  EACH y[v] = _mm512_mask_mul_ps(y[v], _mm512_cmp_ps_mask(x[v], SPREAD(on->most), _CMP_LT_OQ), x[v], power[v]);
}

typedef struct {
  __m512i least;
  __m512 most, middle, scale, low[DEGREE + 1], high[DEGREE + 1];
} spread;

TARGET MZ_INLINE spread spread_of(const pieces *p) {
  spread s = {.least = BITS(SPREAD(-p->most)), .most = SPREAD(p->most), .middle = SPREAD(p->middle)};
  s.scale = SPREAD(p->share_axis.scale);
  _Pragma("unroll") for (int i = 0; i <= DEGREE; i++) {
    s.low[i] = _mm512_loadu_ps(p->share[i]);
    s.high[i] = _mm512_loadu_ps(p->share[i] + LANES);
  }
  return s;
}

/* Of what is not below the pieces. A NaN passes through the larger of it and 0, whose second operand it is. */
TARGET MZ_INLINE void shares(__m512 y[VECTORS], const __m512 x[VECTORS], const spread *s) {
  enum { SMALLER = 2, WITHOUT_SIGN = 2 << 2 };
  __m512 magic = SPREAD(0x1.8p23f + LOWER), a[VECTORS], at[VECTORS], t[VECTORS], share[VECTORS];
  EACH a[v] = _mm512_range_ps(x[v], s->most, SMALLER | WITHOUT_SIGN);
  EACH t[v] = _mm512_sub_ps(a[v], s->middle);
  EACH at[v] = _mm512_fmadd_ps(t[v], s->scale, magic);
  EACH share[v] = _mm512_permutex2var_ps(s->low[DEGREE], BITS(at[v]), s->high[DEGREE]);
  _Pragma("unroll") for (int d = DEGREE - 1; d >= 0; d--)
    EACH share[v] = _mm512_fmadd_ps(share[v], t[v], _mm512_permutex2var_ps(s->low[d], BITS(at[v]), s->high[d]));
  EACH y[v] = _mm512_fnmadd_ps(a[v], share[v], _mm512_max_ps(_mm512_setzero_ps(), x[v]));
}

/* A 32-bit word holds two elements, which go to two vectors and back. */
TARGET MZ_INLINE void load_bfloat16(__m512 x[VECTORS], const uint16_t *from) {
  __m512i upper = _mm512_set1_epi32((int)0xffff0000);
  EACH_PAIR {
    __m512i pair = _mm512_loadu_si512(from + v * LANES);
    x[v] = _mm512_castsi512_ps(_mm512_slli_epi32(pair, 16));
    x[v + 1] = _mm512_castsi512_ps(_mm512_and_si512(pair, upper));
  }
}

TARGET MZ_INLINE void store_bfloat16(uint16_t *to, const __m512 y[VECTORS]) {
  EACH_PAIR {
    __m512i even = _mm512_srli_epi32(mz_round_upper_halves(y[v]), 16), odd = mz_round_upper_halves(y[v + 1]);
    _mm512_storeu_si512(to + v * LANES, _mm512_mask_mov_epi16(odd, 0x55555555, even));
  }
}

TARGET MZ_INLINE void load_float(__m512 x[VECTORS], const float *from) { EACH x[v] = _mm512_loadu_ps(from + v * LANES); }

TARGET MZ_INLINE void store_float(float *to, const __m512 y[VECTORS]) { EACH _mm512_storeu_ps(to + v * LANES, y[v]); }

TARGET MZ_INLINE void store_narrow(uint16_t *to, const __m512 y[VECTORS]) {
  EACH_PAIR _mm512_storeu_si512(to + v * LANES, mz_upper_halves(mz_round_upper_halves(y[v]), mz_round_upper_halves(y[v + 1])));
}

/* Whether there is something that shares are not for: what is below as a float is above as an integer without sign. A NaN, above
 * infinity, is such only where rounding could carry out of it. */
TARGET MZ_INLINE bool is_beyond(const __m512 x[VECTORS], const spread *s, bool with_nans) {
  __m512i lowest = BITS(x[0]), highest = BITS(x[0]);
  _Pragma("unroll") for (int v = 1; v < VECTORS; v++) {
    lowest = _mm512_max_epu32(lowest, BITS(x[v]));
    highest = _mm512_max_epi32(highest, BITS(x[v]));
  }
  __mmask16 beyond = _mm512_cmpgt_epu32_mask(lowest, s->least);
  if (with_nans) beyond |= _mm512_cmpgt_epi32_mask(highest, _mm512_set1_epi32(0x7f800000));
  return beyond != 0;
}

/* Steps of a type to another. One that has something beyond is done out of line, as registers are not laid out for that. */
#define STEPS(name, To, From, load, store)                                                                          \
  TARGET __attribute__((noinline)) static void beyond_##name(To *to, const From *from, const pieces *p) {           \
    spread s = spread_of(p);                                                                                        \
    __m512 x[VECTORS], y[VECTORS];                                                                                  \
    load(x, from);                                                                                                  \
    shares(y, x, &s);                                                                                               \
    exponents(y, x, p);                                                                                             \
    EACH y[v] = _mm512_mask_mov_ps(y[v], _mm512_cmp_ps_mask(y[v], y[v], _CMP_UNORD_Q), SPREAD(NAN));                \
    store(to, y);                                                                                                   \
  }                                                                                                                 \
                                                                                                                    \
  TARGET MZ_INLINE void step_##name(To *to, const From *from, const spread *s, const pieces *p) {                   \
    __m512 x[VECTORS], y[VECTORS];                                                                                  \
    load(x, from);                                                                                                  \
    if (__builtin_expect(is_beyond(x, s, sizeof(To) < sizeof(From)), 0)) {                                          \
      beyond_##name(to, from, p);                                                                                   \
      return;                                                                                                       \
    }                                                                                                               \
    shares(y, x, s);                                                                                                \
    store(to, y);                                                                                                   \
  }                                                                                                                 \
                                                                                                                    \
  TARGET MZ_INLINE void steps_##name(To *y, const From *x, const pieces *p, int64_t n) {                            \
    From last[STEP] = {0};                                                                                          \
    To result[STEP];                                                                                                \
    spread s = spread_of(p);                                                                                        \
    int64_t rest = n % STEP;                                                                                        \
    for (int64_t i = 0; i < n - rest; i += STEP) step_##name(y + i, x + i, &s, p);                                  \
    if (rest == 0) return;                                                                                          \
    memcpy(last, x + n - rest, (size_t)rest * sizeof *x);                                                           \
    step_##name(result, last, &s, p);                                                                               \
    memcpy(y + n - rest, result, (size_t)rest * sizeof *y);                                                         \
  }
STEPS(bfloat16, uint16_t, uint16_t, load_bfloat16, store_bfloat16)
STEPS(float, float, float, load_float, store_float)
STEPS(narrow, uint16_t, float, load_float, store_narrow)

TARGET static void gelu_512(void *const *out, const void *const *in, const double *scalar, int64_t n) {
  (void)scalar;
  steps_bfloat16(out[0], in[0], in[1], n);
}

static const pieces *made(int64_t form) { return atomic_load_explicit(&places[form], memory_order_acquire); }

#define KERNELS(form)                                                                                         \
  TARGET static void float_##form(void *const *out, const void *const *in, const double *scalar, int64_t n) { \
    (void)scalar;                                                                                             \
    steps_float(out[0], in[0], made(form), n);                                                                \
  }                                                                                                           \
                                                                                                              \
  TARGET static void narrow_##form(char *to, int64_t stride, const void *from, int64_t n) {                   \
    (void)stride;                                                                                             \
    steps_narrow((uint16_t *)(void *)to, from, made(form), n);                                                \
  }
KERNELS(0)
KERNELS(1)

mz_kernel *mz_gelu_bfloat16(int64_t form, const void **pieces) {
  *pieces = __builtin_cpu_supports("x86-64-v4") ? pieces_of(form) : NULL;
  return *pieces == NULL ? NULL : gelu_512;
}

mz_kernel *mz_gelu_for_bfloat16(int64_t form, mz_kernel *plain) {
  bool can = __builtin_cpu_supports("x86-64-v4") && pieces_of(form) != NULL;
  return !can ? plain : form == 1 ? float_1 : float_0;
}

mz_store *mz_gelu_store_bfloat16(int64_t form) {
  bool can = __builtin_cpu_supports("x86-64-v4") && pieces_of(form) != NULL;
  return !can ? NULL : form == 1 ? narrow_1 : narrow_0;
}
#else
mz_kernel *mz_gelu_bfloat16(int64_t form, const void **pieces) {
  (void)form;
  *pieces = NULL;
  return NULL;
}

mz_kernel *mz_gelu_for_bfloat16(int64_t form, mz_kernel *plain) {
  (void)form;
  return plain;
}

mz_store *mz_gelu_store_bfloat16(int64_t form) {
  (void)form;
  return NULL;
}
#endif
