/* As integers, bits of floats are ordered as their magnitudes are: with a sign, all positive ones are above the others, and without
 * one, all negative ones are. NaNs lie beyond the infinities. */
#include "quantize_rows.h"
#include "bits.h"

#define SAME(x) (x)

#define REACH(type, T, BITS, Signed, Unsigned, FLOAT)                                        \
  MZ_CLONES static void reach_##type(float *low, float *high, const void *x_, int64_t n) {   \
    const T *x = x_;                                                                         \
    Unsigned least = (Unsigned)((Unsigned)1 << (8 * sizeof least - 1));                      \
    Signed most = 0;                                                                         \
    for (int64_t i = 0; i < n; i++) {                                                        \
      Unsigned bits = BITS(x[i]);                                                            \
      least = bits > least ? bits : least;                                                   \
      most = (Signed)bits > most ? (Signed)bits : most;                                      \
    }                                                                                        \
    *low = FLOAT(least);                                                                     \
    *high = FLOAT((Unsigned)most);                                                           \
  }
REACH(float, float, mz_bits, int32_t, uint32_t, mz_float)
REACH(bfloat16, uint16_t, SAME, int16_t, uint16_t, mz_from_bf16)

/* Adding 1.5 * 2^23 leaves an integer, to nearest even, in the lowest bits. */
#define ROUND(type, T, FLOAT)                                                                                      \
  MZ_CLONES static void round_##type(int8_t *q, const void *x_, float factor, int zero, int64_t n) {               \
    const T *x = x_;                                                                                               \
    float least = (float)(-127 - zero), largest = (float)(127 - zero);                                             \
    MZ_INDEPENDENT for (int64_t i = 0; i < n; i++) {                                                               \
      float value = FLOAT(x[i]) * factor;                                                                          \
      value = value > largest ? largest : value;                                                                   \
      value = value < least ? least : value;                                                                       \
      q[i] = (int8_t)((int32_t)mz_bits(value + 0x1.8p23f) + zero);                                                 \
    }                                                                                                              \
  }
ROUND(float, float, SAME)
ROUND(bfloat16, uint16_t, mz_from_bf16)

static const mz_quantize_rows of_float = {reach_float, round_float}, of_bfloat16 = {reach_bfloat16, round_bfloat16};

const mz_quantize_rows *mz_quantize_rows_of(mz_dtype dtype) {
  return dtype == MZ_F32 ? &of_float : dtype == MZ_BF16 ? &of_bfloat16 : NULL;
}
