/* math_float.h: transcendental functions of float without branches, so that loops over them become vector code. Errors are
 * below 7 units in the last place (exp: 1), subnormal results included. */
#ifndef MZ_MATH_FLOAT_H
#define MZ_MATH_FLOAT_H
#include <math.h>
#include "bits.h"

/* x = n ln 2 + r with |r| <= ln(2) / 2. */
typedef struct {
  int32_t n;
  float r;
} mz_reduced;

/* Adding 1.5 * 2^23 leaves the nearest integer in the low bits. ln 2 is split so that n times its first part is exact. */
MZ_INLINE mz_reduced mz_reduce(float x) {
  const float magic = 0x1.8p23f;
  float shifted = x * 1.44269504088896341f + magic;
  float n = shifted - magic;
  int32_t integer = (int32_t)(mz_bits(shifted) - mz_bits(magic));
  return (mz_reduced){integer, (x - n * 0.693359375f) - n * -2.12194440054690583e-4f};
}

/* e^r - 1, by its series; |r| <= 0.35 makes the next term 2^-27 of the sum. */
MZ_INLINE float mz_series(float r) {
  float p = 1.0f / 5040;
  p = p * r + 1.0f / 720;
  p = p * r + 1.0f / 120;
  p = p * r + 1.0f / 24;
  p = p * r + 1.0f / 6;
  p = p * r + 0.5f;
  return p * r * r + r;
}

/* 2^n for a normal result. */
MZ_INLINE float mz_power(int32_t n) { return mz_float((uint32_t)(n + 127) << 23); }

MZ_INLINE float mz_expf(float x) {
  float clamped = x > 89.0f ? 89.0f : x;
  clamped = clamped < -105.0f ? -105.0f : clamped;
  mz_reduced a = mz_reduce(clamped);
  /* In two steps, as 2^n itself may overflow or be subnormal where the result is not. */
  int32_t half = a.n >> 1;
  return (1.0f + mz_series(a.r)) * mz_power(half) * mz_power(a.n - half);
}

/* e^x for x <= 0, or NaN: 2^(n + 64) is normal, and the last product rounds once, to a subnormal number where need be. */
MZ_INLINE float mz_exp_nonpositivef(float x) {
  mz_reduced a = mz_reduce(x < -105.0f ? -105.0f : x);
  return (1.0f + mz_series(a.r)) * mz_power(a.n + 64) * 0x1p-64f;
}

MZ_INLINE float mz_logf(float x) { return logf(x); }

MZ_INLINE float mz_log1pf(float x) { return log1pf(x); }

/* 2^n (e^r - 1) + (2^n - 1): the second term is exact, and 0 where the first alone counts. */
MZ_INLINE float mz_expm1f(float x) {
  float clamped = x > 89.0f ? 89.0f : x;
  clamped = clamped < -18.0f ? -18.0f : clamped;
  mz_reduced a = mz_reduce(clamped);
  /* By halves, as 2^n itself may overflow where the result does not. */
  float power = mz_power(a.n - 1);
  return 2.0f * (power * mz_series(a.r) + (power - 0.5f));
}

/* sqrtf sets errno, which keeps loops scalar. */
MZ_INLINE float mz_sqrtf(float x) {
#if defined(__has_builtin)
#if __has_builtin(__builtin_elementwise_sqrt)
  return __builtin_elementwise_sqrt(x);
#else
  return sqrtf(x);
#endif
#else
  return sqrtf(x);
#endif
}

/* With m = e^2|x| - 1, tanh|x| = m / (m + 2), which does not cancel for small x. */
MZ_INLINE float mz_tanhf(float x) {
  float doubled = 2.0f * fabsf(x);
  mz_reduced a = mz_reduce(doubled > 20.0f ? 20.0f : doubled);
  float power = mz_power(a.n);
  float m = power * mz_series(a.r) + (power - 1.0f);
  return copysignf(m / (m + 2.0f), x);
}

/* Both halves are computed from e^-|x|, which neither overflows nor cancels. */
MZ_INLINE float mz_sigmoidf(float x) {
  float e = mz_exp_nonpositivef(-fabsf(x));
  return (x < 0 ? e : 1.0f) / (1.0f + e);
}

/* e^-r for 0 <= r <= 0.11, by its series. */
MZ_INLINE float mz_decayf(float r) {
  float p = -1.0f / 120;
  p = p * r + 1.0f / 24;
  p = p * r - 1.0f / 6;
  p = p * r + 0.5f;
  return 1.0f + r * (p * r - 1.0f);
}

/* erfc(a) = factor * power with power = e^(-a^2), for a >= 0: the factor divided by t is a polynomial in t = 3 / (3 + a),
 * interpolated at Chebyshev nodes for a <= 10.2, beyond which erfc is no longer a float. a^2 is taken in two parts, as its
 * rounding error would be magnified by e. */
typedef struct {
  float factor, power;
} mz_tail;

MZ_INLINE mz_tail mz_tail_of(float a) {
  float bounded = a > 10.2f ? 10.2f : a;
  float t = 3.0f / (3.0f + bounded);
  float s = (t - 0.613636364f) * (1.0f / 0.386363636f);
  float p = 1.093032683e-05f;
  p = p * s + 7.786098816e-06f;
  p = p * s - 1.845073336e-04f;
  p = p * s - 4.617272364e-04f;
  p = p * s + 1.985708454e-03f;
  p = p * s + 1.755924045e-02f;
  p = p * s + 6.650381568e-02f;
  p = p * s + 1.675910905e-01f;
  p = p * s + 3.105726828e-01f;
  p = p * s + 4.364149819e-01f;
  float high = mz_float(mz_bits(bounded) & 0xfffff000u);
  float low = (bounded - high) * (bounded + high);
  float power = mz_decayf(low) * mz_exp_nonpositivef(-high * high);
  return (mz_tail){t * p, a > 10.2f ? 0.0f : power};
}

MZ_INLINE float mz_erfc_positive(float a) {
  mz_tail tail = mz_tail_of(a);
  return tail.factor * tail.power;
}

/* Phi(x) + x phi(x), the slope of gelu: both terms have the same power of e. */
MZ_INLINE float mz_gelu_slopef(float x) {
  float a = fabsf(x) * 0.707106781f;
  mz_tail tail = mz_tail_of(a);
  float bounded = a > 10.2f ? 10.2f : a;
  float below = (0.5f * tail.factor - bounded * 0.564189584f) * tail.power;
  return x < 0 ? below : 1.0f - below;
}

MZ_INLINE float mz_erfcf(float x) {
  float c = mz_erfc_positive(fabsf(x));
  return x < 0 ? 2.0f - c : c;
}

/* Near 0, where 1 - erfc cancels, the series 2/sqrt(pi) sum (-1)^n x^(2n+1) / (n! (2n+1)). */
MZ_INLINE float mz_erff(float x) {
  float a = fabsf(x), z = -x * x;
  float p = 1.0f / 685440;
  p = p * z + 1.0f / 75600;
  p = p * z + 1.0f / 9360;
  p = p * z + 1.0f / 1320;
  p = p * z + 1.0f / 216;
  p = p * z + 1.0f / 42;
  p = p * z + 0.1f;
  p = p * z + 1.0f / 3;
  float small = 1.12837916709551257f * (p * z * x + x);
  float large = copysignf(1.0f - mz_erfc_positive(a), x);
  return a < 0.75f ? small : large;
}

#endif
