/* bits.h: narrow floats as bits, one element at a time, in code that compilers vectorise (no branches).
 *
 * Sources: IEEE 754-2019 (binary16); OCP 8-bit Floating Point Specification 1.0 (E4M3 without infinities, E5M2). A value
 * above the largest finite one becomes an infinity, or NaN where the format has none. */
#ifndef MZ_BITS_H
#define MZ_BITS_H
#include <string.h>
#include "target.h"

MZ_INLINE uint32_t mz_bits(float x) {
  uint32_t u;
  memcpy(&u, &x, sizeof u);
  return u;
}

MZ_INLINE float mz_float(uint32_t u) {
  float x;
  memcpy(&x, &u, sizeof x);
  return x;
}

MZ_INLINE uint64_t mz_bits64(double x) {
  uint64_t u;
  memcpy(&u, &x, sizeof u);
  return u;
}

MZ_INLINE double mz_double(uint64_t u) {
  double x;
  memcpy(&x, &u, sizeof x);
  return x;
}

MZ_INLINE float mz_from_bf16(uint16_t h) { return mz_float((uint32_t)h << 16); }

MZ_INLINE uint16_t mz_to_bf16(float x) {
  uint32_t u = mz_bits(x);
  uint32_t rounded = (u + 0x7fffu + ((u >> 16) & 1u)) >> 16;
  uint32_t nan = (u >> 16) | 0x40u;
  return (uint16_t)((u & 0x7fffffffu) > 0x7f800000u ? nan : rounded);
}

/* The value of a float of `exponent` and `mantissa` bits with bias 2^(exponent-1)-1 whose magnitude bits are m. Scaling by a
 * power of two is exact and also normalises subnormals. */
MZ_INLINE float mz_widen(uint32_t m, int exponent, int mantissa) {
  int bias = (1 << (exponent - 1)) - 1;
  return mz_float(m << (23 - mantissa)) * mz_float((uint32_t)(127 + 127 - bias) << 23);
}

/* The magnitude bits, rounded to nearest even, of |x| (as float bits u, finite) in such a format; what overflows is larger
 * than every finite number of the format. Subnormals are aligned by adding a power of two whose last place is theirs. */
MZ_INLINE uint32_t mz_narrow(uint32_t u, int exponent, int mantissa) {
  int bias = (1 << (exponent - 1)) - 1;
  int drop = 23 - mantissa;
  uint32_t smallest_normal = (uint32_t)(128 - bias) << 23;
  uint32_t magic = (uint32_t)(128 - bias + drop) << 23;
  uint32_t subnormal = mz_bits(mz_float(u) + mz_float(magic)) - magic;
  uint32_t normal = (u + ((1u << (drop - 1)) - 1u) + ((u >> drop) & 1u) - ((uint32_t)(127 - bias) << 23)) >> drop;
  return u < smallest_normal ? subnormal : normal;
}

MZ_INLINE float mz_from_f16(uint16_t h) {
  uint32_t m = h & 0x7fffu;
  uint32_t special = 0x7f800000u | (m & 0x3ffu) << 13 | (m > 0x7c00u ? 0x400000u : 0u);
  uint32_t u = m >= 0x7c00u ? special : mz_bits(mz_widen(m, 5, 10));
  return mz_float(u | (uint32_t)(h & 0x8000u) << 16);
}

MZ_INLINE uint16_t mz_to_f16(float x) {
  uint32_t u = mz_bits(x), sign = u >> 31, a = u & 0x7fffffffu;
  uint32_t m = mz_narrow(a, 5, 10);
  m = a >= 0x477ff000u ? 0x7c00u : m;
  m = a > 0x7f800000u ? (0x7e00u | ((a >> 13) & 0x3ffu)) : m;
  return (uint16_t)(sign << 15 | m);
}

MZ_INLINE float mz_from_f8e5m2(uint8_t b) { return mz_from_f16((uint16_t)(b << 8)); }

MZ_INLINE uint8_t mz_to_f8e5m2(float x) {
  uint32_t u = mz_bits(x), sign = u >> 31, a = u & 0x7fffffffu;
  uint32_t m = mz_narrow(a, 5, 2);
  m = a >= 0x47700000u ? 0x7cu : m;
  m = a > 0x7f800000u ? 0x7eu : m;
  return (uint8_t)(sign << 7 | m);
}

MZ_INLINE float mz_from_f8e4m3fn(uint8_t b) {
  uint32_t m = b & 0x7fu;
  uint32_t u = m == 0x7fu ? 0x7fc00000u : mz_bits(mz_widen(m, 4, 3));
  return mz_float(u | (uint32_t)(b & 0x80u) << 24);
}

/* 464 lies half way between 448, the largest number, and what would be the next one; the tie goes to 448, which is even. */
MZ_INLINE uint8_t mz_to_f8e4m3fn(float x) {
  uint32_t u = mz_bits(x), sign = u >> 31, a = u & 0x7fffffffu;
  uint32_t m = mz_narrow(a, 4, 3);
  m = a > 0x43e80000u ? 0x7fu : m;
  return (uint8_t)(sign << 7 | m);
}

/* Rounded to odd: cut off, and the last bit set if anything was lost. An overflow stays finite, as cutting off does; the
 * narrow formats round it to what they round an overflow to. */
MZ_INLINE float mz_odd_from_double(double x) {
  float f = (float)x;
  if (x != x || (double)f == x) return f;
  uint32_t u = mz_bits(f);
  double magnitude = x < 0 ? -x : x, rounded = f < 0 ? -(double)f : (double)f;
  if (rounded > magnitude) u -= 1;
  return mz_float(u | 1u);
}

/* Of the 64-bit magnitude, the bits below the 53 that a double holds are folded into its last bit. */
MZ_INLINE float mz_odd_from_u64(uint64_t m) {
  uint64_t folded = (m >> 11 << 11) | ((m & 0x7ffu) != 0 ? 0x800u : 0u);
  return mz_odd_from_double((double)(m >> 53 != 0 ? folded : m));
}

MZ_INLINE float mz_odd_from_i64(int64_t i) {
  return i < 0 ? -mz_odd_from_u64(0u - (uint64_t)i) : mz_odd_from_u64((uint64_t)i);
}

#endif
