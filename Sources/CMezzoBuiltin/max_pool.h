/* max_pool.h: the largest elements of windows, and the gradient where windows lie side by side. */
#ifndef MZ_MAX_POOL_H
#define MZ_MAX_POOL_H
#include "dtype.h"

/* Of a window whose gradient is shared: counts of ties are as wide as the elements. */
enum { MZ_MAX_POOL_TAPS = INT16_MAX };

/* Of n channels that lie behind each other at each of the `taps` places of a window, in bytes from x and dx. */
typedef struct {
  /* y: the largest; NaN if one is. */
  void (*largest)(void *y, const char *x, const int64_t *tap, int64_t taps, int64_t n);
  /* dx: dy where x equals y, shared equally; a NaN is shared by all. */
  void (*give)(char *dx, const void *dy, const char *x, const void *y, const int64_t *tap, int64_t taps, int64_t n);
} mz_max_pool_kernels;

extern const mz_max_pool_kernels mz_max_pool_float16, mz_max_pool_bfloat16, mz_max_pool_float, mz_max_pool_double;

const mz_max_pool_kernels *mz_max_pool_kernels_of(mz_dtype dtype);

#endif
