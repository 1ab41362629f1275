/* exp_lanes.h: e^d in vectors of float, for d <= 0 or NaN, times 2^64, so that the power of 2 in it is a normal number and a last
 * product with 2^-64 in it rounds to a subnormal result once. */
#ifndef MZ_EXP_LANES_H
#define MZ_EXP_LANES_H
#include "lanes.h"

typedef uint32_t words __attribute__((ext_vector_type(16)));

/* Adding 1.5 * 2^23 leaves the nearest integer in the low bits, here with what makes it the exponent of 2^(n + 64). */
#define MZ_EXPONENT_MAGIC (0x1.8p23f + 64 + 127)
#define MZ_POWER(shifted) ((vector)((words)(shifted) << 23))

/* Within a unit in the last place: d = n ln 2 + r with ln 2 in two parts, and a polynomial of r fitted for |r| <= ln(2) / 2. */
#define MZ_EXP(to, d)                                                        \
  do {                                                                       \
    vector d_ = (d);                                                         \
    d_ = d_ < -105.0f ? (vector){0} - 105.0f : d_;                           \
    vector shifted_ = d_ * 1.44269504088896341f + MZ_EXPONENT_MAGIC;         \
    vector n_ = shifted_ - MZ_EXPONENT_MAGIC;                                \
    vector r_ = (d_ - n_ * 0.693359375f) - n_ * -2.12194440054690583e-4f;    \
    vector p_ = r_ * 1.38145576825556e-3f + 8.36873577354829e-3f;            \
    p_ = p_ * r_ + 4.16683899047562e-2f;                                     \
    p_ = p_ * r_ + 1.66665204754739e-1f;                                     \
    p_ = p_ * r_ + 4.99999934371935e-1f;                                     \
    p_ = p_ * r_ + 1.0f;                                                     \
    p_ = p_ * r_ + 1.0f;                                                     \
    to = p_ * MZ_POWER(shifted_);                                            \
  } while (0)

/* Within 2^-18, for results of 16 bits: a polynomial of f in 2^(n + f) fitted for |f| <= 1/2. */
#define MZ_EXP_16(to, d)                                                     \
  do {                                                                       \
    vector d_ = (d);                                                         \
    d_ = d_ < -105.0f ? (vector){0} - 105.0f : d_;                           \
    vector shifted_ = d_ * 1.44269504088896341f + MZ_EXPONENT_MAGIC;         \
    vector f_ = d_ * 1.44269504088896341f - (shifted_ - MZ_EXPONENT_MAGIC);  \
    vector p_ = f_ * 9.57007749096682e-3f + 5.59180242577594e-2f;            \
    p_ = p_ * f_ + 2.40247466286705e-1f;                                     \
    p_ = p_ * f_ + 6.93121794784309e-1f;                                     \
    p_ = p_ * f_ + 9.99999260525338e-1f;                                     \
    to = p_ * MZ_POWER(shifted_);                                            \
  } while (0)

#endif
