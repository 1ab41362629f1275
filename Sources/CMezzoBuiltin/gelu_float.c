/* From LEAST on the share, as the slope for the gradient, is a polynomial over each of 32 pieces: a share is within 3 units in the last
 * place (8 in the form with tanh). What is below is left to the plain kernel, and nothing else,
 * so that a result does not depend on what lies beside it. */
#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include "gelu_pieces.h"

#if defined(__x86_64__)
enum { DEGREE = 7, PIECES = 32, VECTORS = 4 };
#include "gelu_lanes.h"

typedef enum { SHARE, SLOPE, FITTED } fitted;

typedef struct {
  mz_kernel *plain;
  mz_axis axis;
  float row[DEGREE + 1][PIECES];
} pieces;

static const double LEAST = -5;
static const double MOST[FITTED] = {5.5, 6.3}; /* from where on it is 1 */

static _Atomic(pieces *) places[FITTED][MZ_GELU_FORMS];

static bool make_pieces(fitted what, int64_t form, mz_kernel *plain) {
  pieces *found = atomic_load_explicit(&places[what][form], memory_order_acquire), *made;
  if (found != NULL) return true;
  if ((made = malloc(sizeof *made)) == NULL) return false;
  made->plain = plain;
  made->axis = mz_axis_of(LEAST, MOST[what], PIECES);
  mz_fit_pieces(made->row[0], DEGREE, PIECES, &made->axis, true, what == SHARE ? mz_gelu_share : mz_slope_of_gelu, form);
  if (!atomic_compare_exchange_strong(&places[what][form], &found, made)) free(made);
  return true;
}

/* The elements from i on: those of the last, incomplete step lie in `last`. */
#define PART(x, i, last) ((i) < whole ? (x) + (i) : (last))

TARGET MZ_INLINE void multiply_512(fitted what, int64_t form, float *y, const float *factor, const float *x, int64_t n) {
  const pieces *p = atomic_load_explicit(&places[what][form], memory_order_acquire);
  const mz_axis *axis = &p->axis;
  float last[STEP], last_factor[STEP];
  int64_t whole = n - n % STEP;
  if (whole < n) {
    memset(last, 0, sizeof last);
    memset(last_factor, 0, sizeof last_factor);
    memcpy(last, x + whole, (size_t)(n - whole) * sizeof *x);
    memcpy(last_factor, factor + whole, (size_t)(n - whole) * sizeof *x);
  }
  for (int64_t i = 0; i < n; i += STEP) {
    const float *from = PART(x, i, last), *by = PART(factor, i, last_factor);
    float *to = PART(y, i, last);
    __m512 value[VECTORS], slope[VECTORS], at[VECTORS], t[VECTORS];
    __mmask16 is_below[VECTORS], below = 0;
    EACH value[v] = _mm512_loadu_ps(from + v * LANES);
    EACH below |= is_below[v] = _mm512_cmp_ps_mask(value[v], SPREAD(axis->least), _CMP_LT_OQ);
    EACH PIECE(at[v], t[v], _mm512_min_ps(SPREAD(axis->most), value[v]), axis);
#define COEFFICIENT(d, v) _mm512_permutex2var_ps(_mm512_loadu_ps(p->row[d]), BITS(at[v]), _mm512_loadu_ps(p->row[d] + LANES))
    EACH slope[v] = COEFFICIENT(DEGREE, v);
    _Pragma("unroll") for (int d = DEGREE - 1; d >= 0; d--) EACH slope[v] = _mm512_fmadd_ps(slope[v], t[v], COEFFICIENT(d, v));
    EACH value[v] = _mm512_mul_ps(what == SHARE ? value[v] : _mm512_loadu_ps(by + v * LANES), slope[v]);
    if (__builtin_expect(below != 0, 0)) {
      float plain[STEP];
      p->plain((void *const[]){plain, NULL}, (const void *const[]){by, from}, NULL, STEP);
      EACH value[v] = _mm512_mask_loadu_ps(value[v], is_below[v], plain + v * LANES);
    }
    EACH _mm512_storeu_ps(to + v * LANES, value[v]);
  }
  if (whole < n) memcpy(y + whole, last, (size_t)(n - whole) * sizeof *y);
}

/* The kernel of GELU has its one input twice. */
#define KERNEL(name, what, form)                                                                             \
  TARGET static void name(void *const *out, const void *const *in, const double *scalar, int64_t n) {        \
    (void)scalar;                                                                                            \
    multiply_512(what, form, out[0], in[0], in[what == SLOPE], n);                                           \
  }
KERNEL(gelu_erf, SHARE, 0)
KERNEL(gelu_tanh, SHARE, 1)
KERNEL(gelu_gradient_erf, SLOPE, 0)
KERNEL(gelu_gradient_tanh, SLOPE, 1)

static bool serves(fitted what, int64_t form, mz_kernel *plain) {
  return __builtin_cpu_supports("x86-64-v4") && make_pieces(what, form, plain);
}

mz_kernel *mz_gelu_float(int64_t form, mz_kernel *plain) {
  return !serves(SHARE, form, plain) ? plain : form == 1 ? gelu_tanh : gelu_erf;
}

mz_kernel *mz_gelu_gradient_float(int64_t form, mz_kernel *plain) {
  return !serves(SLOPE, form, plain) ? plain : form == 1 ? gelu_gradient_tanh : gelu_gradient_erf;
}
#else
mz_kernel *mz_gelu_float(int64_t form, mz_kernel *plain) {
  (void)form;
  return plain;
}

mz_kernel *mz_gelu_gradient_float(int64_t form, mz_kernel *plain) {
  (void)form;
  return plain;
}
#endif
