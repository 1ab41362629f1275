/* math_double.h: transcendental functions of double, from the C library. */
#ifndef MZ_MATH_DOUBLE_H
#define MZ_MATH_DOUBLE_H
#include <math.h>
#include "target.h"

MZ_INLINE double mz_exp(double x) { return exp(x); }
MZ_INLINE double mz_exp_nonpositive(double x) { return exp(x); }
MZ_INLINE double mz_log(double x) { return log(x); }
MZ_INLINE double mz_sqrt(double x) {
#if defined(__has_builtin)
#if __has_builtin(__builtin_elementwise_sqrt)
  return __builtin_elementwise_sqrt(x); /* sqrt sets errno, which keeps loops scalar */
#else
  return sqrt(x);
#endif
#else
  return sqrt(x);
#endif
}
MZ_INLINE double mz_log1p(double x) { return log1p(x); }
MZ_INLINE double mz_expm1(double x) { return expm1(x); }
MZ_INLINE double mz_erf(double x) { return erf(x); }
MZ_INLINE double mz_erfc(double x) { return erfc(x); }
MZ_INLINE double mz_tanh(double x) { return tanh(x); }

/* Both halves are computed from e^-|x|, which neither overflows nor cancels. */
MZ_INLINE double mz_sigmoid(double x) {
  double e = exp(-fabs(x));
  return (x < 0 ? e : 1) / (1 + e);
}

/* Phi(x) + x phi(x), the slope of gelu; the bound keeps infinities from meeting a 0. */
MZ_INLINE double mz_gelu_slope(double x) {
  double bounded = x > 40 ? 40 : x < -40 ? -40 : x;
  return 0.5 * erfc(x * -0.70710678118654752440) + bounded * exp(-0.5 * bounded * bounded) * 0.39894228040143267794;
}

#endif
