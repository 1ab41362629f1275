/* convert.h: runs of elements to and from the types that kernels compute in.
 *
 * Kernels compute in float (for dtypes up to 32 bits), in double (float64) or in int64_t (integers; uint64 keeps its bits).
 * Strides count bytes and may be 0 or negative. */
#ifndef MZ_CONVERT_H
#define MZ_CONVERT_H
#include "dtype.h"

/* Elements that a kernel takes at a time when its operands must be converted: three blocks of double fit into a 16 KiB
 * cache, and the cost of the calls is spread over enough elements. */
enum { MZ_BLOCK = 512 };

/* What a kernel computes in. */
typedef enum { MZ_IN_FLOAT, MZ_IN_DOUBLE, MZ_IN_INT64 } mz_domain;

typedef void mz_load(void *to, const char *from, int64_t stride, int64_t n);
typedef void mz_store(char *to, int64_t stride, const void *from, int64_t n);

/* Into float, rounded to nearest even; from any dtype. */
extern mz_load *const mz_load_float[MZ_DTYPES];
/* Into float, rounded to odd: rounding the outcome to at most 22 bits of significand is then a single rounding. */
extern mz_load *const mz_load_float_odd[MZ_DTYPES];
/* Into double, rounded to nearest even; from any dtype. */
extern mz_load *const mz_load_double[MZ_DTYPES];
/* Into int64_t; from integers and bool only, else NULL. */
extern mz_load *const mz_load_int64[MZ_DTYPES];

/* From float and from double, rounded once to nearest even; to floats only, else NULL. */
extern mz_store *const mz_store_float[MZ_DTYPES];
extern mz_store *const mz_store_double[MZ_DTYPES];
/* From int64_t, keeping the low bits; to integers and bool (x != 0) only, else NULL. */
extern mz_store *const mz_store_int64[MZ_DTYPES];

/* Elements of 1, 2, 4 or 8 bytes as they are. */
mz_load *mz_load_raw(int64_t size);
mz_store *mz_store_raw(int64_t size);

/* The loader and storer of a domain, and the dtype that it holds in memory. */
mz_load *mz_loader(mz_domain domain, mz_dtype dtype);
mz_store *mz_storer(mz_domain domain, mz_dtype dtype);
mz_dtype mz_domain_dtype(mz_domain domain);

#endif
