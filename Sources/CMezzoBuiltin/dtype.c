#include "dtype.h"

static const struct {
  const char *name;
  mezzo_dtype abi;
} dtypes[MZ_DTYPES] = {
    [MZ_BOOL] = {"bool", {MEZZO_BOOL, 8, 1}},
    [MZ_I8] = {"i8", {MEZZO_INT, 8, 1}},
    [MZ_I16] = {"i16", {MEZZO_INT, 16, 1}},
    [MZ_I32] = {"i32", {MEZZO_INT, 32, 1}},
    [MZ_I64] = {"i64", {MEZZO_INT, 64, 1}},
    [MZ_U8] = {"u8", {MEZZO_UINT, 8, 1}},
    [MZ_U16] = {"u16", {MEZZO_UINT, 16, 1}},
    [MZ_U32] = {"u32", {MEZZO_UINT, 32, 1}},
    [MZ_U64] = {"u64", {MEZZO_UINT, 64, 1}},
    [MZ_F8E4M3FN] = {"f8e4m3fn", {MEZZO_F8E4M3FN, 8, 1}},
    [MZ_F8E5M2] = {"f8e5m2", {MEZZO_F8E5M2, 8, 1}},
    [MZ_F16] = {"f16", {MEZZO_FLOAT, 16, 1}},
    [MZ_BF16] = {"bf16", {MEZZO_BFLOAT, 16, 1}},
    [MZ_F32] = {"f32", {MEZZO_FLOAT, 32, 1}},
    [MZ_F64] = {"f64", {MEZZO_FLOAT, 64, 1}},
};

mz_dtype mz_dtype_of(mezzo_dtype dtype) {
  for (int i = 0; i < MZ_DTYPES; i++) {
    mezzo_dtype known = dtypes[i].abi;
    if (known.code == dtype.code && known.bits == dtype.bits && known.lanes == dtype.lanes) return (mz_dtype)i;
  }
  return MZ_DTYPES;
}

int64_t mz_dtype_size(mz_dtype dtype) { return dtypes[dtype].abi.bits / 8; }

const char *mz_dtype_name(mz_dtype dtype) { return dtype < MZ_DTYPES ? dtypes[dtype].name : "unknown"; }

mezzo_dtype mz_dtype_abi(mz_dtype dtype) { return dtypes[dtype].abi; }
