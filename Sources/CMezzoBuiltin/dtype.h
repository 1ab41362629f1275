/* dtype.h: the dtypes that this backend knows, as small numbers that index tables. */
#ifndef MZ_DTYPE_H
#define MZ_DTYPE_H
#include <stdbool.h>
#include <stdint.h>
#include "mezzo_backend.h"

typedef enum {
  MZ_BOOL, MZ_I8, MZ_I16, MZ_I32, MZ_I64, MZ_U8, MZ_U16, MZ_U32, MZ_U64,
  MZ_F8E4M3FN, MZ_F8E5M2, MZ_F16, MZ_BF16, MZ_F32, MZ_F64,
  MZ_DTYPES
} mz_dtype;

/* Sets of dtypes, one bit each. */
#define MZ_SET(dtype) (1u << (dtype))
enum {
  MZ_FLOATS_TO_32 = MZ_SET(MZ_F16) | MZ_SET(MZ_BF16) | MZ_SET(MZ_F32),
  MZ_FLOATS = MZ_FLOATS_TO_32 | MZ_SET(MZ_F64),
  MZ_FLOATS_8 = MZ_SET(MZ_F8E4M3FN) | MZ_SET(MZ_F8E5M2),
  MZ_INDICES = MZ_SET(MZ_I32) | MZ_SET(MZ_I64)
};

/* MZ_DTYPES if this backend does not know the dtype. */
mz_dtype mz_dtype_of(mezzo_dtype dtype);
/* Bytes of one element. */
int64_t mz_dtype_size(mz_dtype dtype);
/* As rule signatures spell it. */
const char *mz_dtype_name(mz_dtype dtype);
mezzo_dtype mz_dtype_abi(mz_dtype dtype);

#endif
