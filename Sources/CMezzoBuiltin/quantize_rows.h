/* quantize_rows.h: dense rows of float32 or bfloat16 on their way to int8. */
#ifndef MZ_QUANTIZE_ROWS_H
#define MZ_QUANTIZE_ROWS_H
#include "dtype.h"

typedef struct mz_quantize_rows {
  /* How far n elements reach on both sides of 0; an end is infinite or NaN if an element beyond it is. */
  void (*reach)(float *low, float *high, const void *x, int64_t n);
  /* x * factor, as far as it fits, to the nearest integer, to even, + zero; from -127 to 127. What becomes of a NaN is not said. */
  void (*round)(int8_t *q, const void *x, float factor, int zero, int64_t n);
} mz_quantize_rows;

/* NULL for other dtypes. */
const mz_quantize_rows *mz_quantize_rows_of(mz_dtype dtype);

#endif
