/* From LEAST on the share is a cubic polynomial over each of 32 pieces; below, where it falls faster than polynomials can follow, the
 * power of 2 of one over each of 16. Both are within 0.8 units in the last place of a bfloat16. */
#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include "gelu_pieces.h"

#if defined(__x86_64__)
enum { DEGREE = 3, SHARES = 32, EXPONENTS = 16, VECTORS = 4 };
#include "gelu_lanes.h"

typedef struct {
  mz_axis share_axis, exponent_axis;
  float share[DEGREE + 1][SHARES], exponent[DEGREE + 1][EXPONENTS];
} pieces;

static const double LEAST = -5, MOST = 3.5;
static const double VANISHES = -165; /* a power of 2 that is 0 in float */

static const pieces *pieces_of(int64_t form) {
  static _Atomic(pieces *) places[MZ_GELU_FORMS];
  pieces *found = atomic_load_explicit(&places[form], memory_order_acquire), *made;
  if (found != NULL || (made = malloc(sizeof *made)) == NULL) return found;
  double bottom = LEAST;
  while (mz_gelu_exponent(bottom, form) > VANISHES) bottom -= 0.125;
  made->share_axis = mz_axis_of(LEAST, MOST, SHARES);
  made->exponent_axis = mz_axis_of(bottom, LEAST, EXPONENTS);
  mz_fit_pieces(made->share[0], DEGREE, SHARES, &made->share_axis, mz_gelu_share, form);
  mz_fit_pieces(made->exponent[0], DEGREE, EXPONENTS, &made->exponent_axis, mz_gelu_exponent, form);
  if (atomic_compare_exchange_strong(&places[form], &found, made)) return made;
  free(made);
  return found;
}

#define EACH_PAIR _Pragma("unroll") for (int v = 0; v < VECTORS; v += 2)
#define ROUNDED(u) \
  _mm512_add_epi32(_mm512_add_epi32(u, _mm512_set1_epi32(0x7fff)), _mm512_and_si512(_mm512_srli_epi32(u, 16), _mm512_set1_epi32(1)))

TARGET MZ_INLINE void exponents(__m512 share[VECTORS], const __m512 x[VECTORS], const pieces *p) {
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
  EACH share[v] = _mm512_mask_mov_ps(share[v], _mm512_cmp_ps_mask(x[v], SPREAD(on->most), _CMP_LT_OQ), power[v]);
}

/* A 32-bit word holds two elements; NaNs have none but upper bits, so that rounding cannot carry out of them. */
TARGET static void gelu_512(void *const *out, const void *const *in, const double *scalar, int64_t n) {
  uint16_t *y = out[0], last[STEP];
  const uint16_t *x = in[0];
  const pieces *p = in[1];
  (void)scalar;
  const mz_axis *on = &p->share_axis;
  __m512i upper = _mm512_set1_epi32((int)0xffff0000);
  __m512 low[DEGREE + 1], high[DEGREE + 1];
  for (int i = 0; i <= DEGREE; i++) {
    low[i] = _mm512_loadu_ps(p->share[i]);
    high[i] = _mm512_loadu_ps(p->share[i] + LANES);
  }
  int64_t whole = n - n % STEP;
  if (whole < n) {
    memset(last, 0, sizeof last);
    memcpy(last, x + whole, (size_t)(n - whole) * sizeof *x);
  }
  for (int64_t i = 0; i < n; i += STEP) {
    const uint16_t *from = i < whole ? x + i : last;
    uint16_t *to = i < whole ? y + i : last;
    __m512 value[VECTORS], share[VECTORS], at[VECTORS], t[VECTORS];
    EACH_PAIR {
      __m512i pair = _mm512_loadu_si512(from + v * LANES);
      value[v] = _mm512_castsi512_ps(_mm512_slli_epi32(pair, 16));
      value[v + 1] = _mm512_castsi512_ps(_mm512_and_si512(pair, upper));
    }
    __mmask16 below = 0;
    EACH below |= _mm512_cmp_ps_mask(value[v], SPREAD(on->least), _CMP_LT_OQ);
    EACH PIECE(at[v], t[v], _mm512_min_ps(SPREAD(on->most), value[v]), on);
    EACH share[v] = _mm512_permutex2var_ps(low[DEGREE], BITS(at[v]), high[DEGREE]);
    _Pragma("unroll") for (int d = DEGREE - 1; d >= 0; d--)
      EACH share[v] = _mm512_fmadd_ps(share[v], t[v], _mm512_permutex2var_ps(low[d], BITS(at[v]), high[d]));
    if (__builtin_expect(below != 0, 0)) exponents(share, value, p);
    EACH value[v] = _mm512_mul_ps(value[v], share[v]);
    EACH_PAIR {
      __m512i even = ROUNDED(BITS(value[v])), odd = ROUNDED(BITS(value[v + 1]));
      _mm512_storeu_si512(to + v * LANES, _mm512_or_si512(_mm512_srli_epi32(even, 16), _mm512_and_si512(odd, upper)));
    }
  }
  if (whole < n) memcpy(y + whole, last, (size_t)(n - whole) * sizeof *y);
}

mz_kernel *mz_gelu_bfloat16(int64_t form, const void **pieces) {
  *pieces = __builtin_cpu_supports("x86-64-v4") ? pieces_of(form) : NULL;
  return *pieces == NULL ? NULL : gelu_512;
}
#else
mz_kernel *mz_gelu_bfloat16(int64_t form, const void **pieces) {
  (void)form;
  *pieces = NULL;
  return NULL;
}
#endif
