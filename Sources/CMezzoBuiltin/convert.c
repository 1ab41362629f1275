#include "convert.h"
#include "bits.h"

/* One loader: to[i] = f(from[i]). Dense runs have a loop of their own so that it becomes vector code. */
#define LOAD(name, To, From, f)                                                                     \
  MZ_CLONES static void name(void *to_, const char *from, int64_t stride, int64_t n) {              \
    To *to = to_;                                                                                   \
    if (stride == (int64_t)sizeof(From)) {                                                          \
      const From *dense = (const From *)(const void *)from;                                         \
      MZ_INDEPENDENT for (int64_t i = 0; i < n; i++) to[i] = (To)f(dense[i]);                       \
    } else if (stride == 0) {                                                                       \
      To one = n > 0 ? (To)f(*(const From *)(const void *)from) : (To)0;                            \
      for (int64_t i = 0; i < n; i++) to[i] = one;                                                  \
    } else {                                                                                        \
      for (int64_t i = 0; i < n; i++) to[i] = (To)f(*(const From *)(const void *)(from + i * stride)); \
    }                                                                                               \
  }

#define STORE(name, To, From, f)                                                                    \
  MZ_CLONES static void name(char *to, int64_t stride, const void *from_, int64_t n) {              \
    const From *from = from_;                                                                       \
    if (stride == (int64_t)sizeof(To)) {                                                            \
      To *dense = (To *)(void *)to;                                                                 \
      MZ_INDEPENDENT for (int64_t i = 0; i < n; i++) dense[i] = (To)f(from[i]);                     \
    } else {                                                                                        \
      for (int64_t i = 0; i < n; i++) *(To *)(void *)(to + i * stride) = (To)f(from[i]);            \
    }                                                                                               \
  }

/* Without a conversion. Rows of some dozens are copied: vector code would leave them to the loop behind it. */
#define LOAD_SAME(name, T)                                                                          \
  LOAD(name##_apart, T, T, SAME)                                                                    \
  static void name(void *to, const char *from, int64_t stride, int64_t n) {                         \
    if (stride == (int64_t)sizeof(T)) memmove(to, from, (size_t)n * sizeof(T));                     \
    else name##_apart(to, from, stride, n);                                                         \
  }
#define STORE_SAME(name, T)                                                                         \
  STORE(name##_apart, T, T, SAME)                                                                   \
  static void name(char *to, int64_t stride, const void *from, int64_t n) {                         \
    if (stride == (int64_t)sizeof(T)) memmove(to, from, (size_t)n * sizeof(T));                     \
    else name##_apart(to, stride, from, n);                                                         \
  }

#define SAME(x) (x)
#define IS_TRUE(x) ((x) != 0)

#define DOUBLE_TO_F16(x) mz_to_f16(mz_odd_from_double(x))
#define DOUBLE_TO_BF16(x) mz_to_bf16(mz_odd_from_double(x))
#define DOUBLE_TO_F8E4M3FN(x) mz_to_f8e4m3fn(mz_odd_from_double(x))
#define DOUBLE_TO_F8E5M2(x) mz_to_f8e5m2(mz_odd_from_double(x))

#define LOADS(suffix, To)                                  \
  LOAD(bool_##suffix, To, uint8_t, IS_TRUE)                \
  LOAD(i8_##suffix, To, int8_t, SAME)                      \
  LOAD(i16_##suffix, To, int16_t, SAME)                    \
  LOAD(i32_##suffix, To, int32_t, SAME)                    \
  LOAD(i64_##suffix, To, int64_t, SAME)                    \
  LOAD(u8_##suffix, To, uint8_t, SAME)                     \
  LOAD(u16_##suffix, To, uint16_t, SAME)                   \
  LOAD(u32_##suffix, To, uint32_t, SAME)                   \
  LOAD(u64_##suffix, To, uint64_t, SAME)

#define LOADS_OF_FLOATS(suffix, To)                        \
  LOAD(f8e4m3fn_##suffix, To, uint8_t, mz_from_f8e4m3fn)   \
  LOAD(f8e5m2_##suffix, To, uint8_t, mz_from_f8e5m2)       \
  LOAD(bf16_##suffix, To, uint16_t, mz_from_bf16)

#if defined(__x86_64__)
#include <immintrin.h>
/* Compilers do not find the instructions in the arithmetic on bits. What is left over is for the loops. */
__attribute__((target("avx,f16c"))) static int64_t widen_f16(float *to, const uint16_t *from, int64_t n) {
  int64_t i = 0;
  for (; i + 8 <= n; i += 8) _mm256_storeu_ps(to + i, _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(const void *)(from + i))));
  return i;
}

__attribute__((target("avx,f16c"))) static int64_t narrow_f16(uint16_t *to, const float *from, int64_t n) {
  int64_t i = 0;
  for (; i + 8 <= n; i += 8)
    _mm_storeu_si128((__m128i *)(void *)(to + i), _mm256_cvtps_ph(_mm256_loadu_ps(from + i), _MM_FROUND_TO_NEAREST_INT));
  return i;
}

static bool converts_f16(void) { return __builtin_cpu_supports("f16c"); }
#else
static int64_t widen_f16(float *to, const uint16_t *from, int64_t n) { return (void)to, (void)from, (void)n, 0; }
static int64_t narrow_f16(uint16_t *to, const float *from, int64_t n) { return (void)to, (void)from, (void)n, 0; }
static bool converts_f16(void) { return false; }
#endif

LOADS(float, float)
LOADS_OF_FLOATS(float, float)
LOAD_SAME(f32_float, float)
LOAD(f64_float, float, double, SAME)
LOAD(f16_plain, float, uint16_t, mz_from_f16)
LOAD(f16_double, double, uint16_t, mz_from_f16)

static void f16_float(void *to, const char *from, int64_t stride, int64_t n) {
  int64_t done = stride == 2 && converts_f16() ? widen_f16(to, (const uint16_t *)(const void *)from, n) : 0;
  if (done < n) f16_plain((float *)to + done, from + done * stride, stride, n - done);
}
LOADS(double, double)
LOADS_OF_FLOATS(double, double)
LOAD(f32_double, double, float, SAME)
LOAD_SAME(f64_double, double)
LOADS(int64, int64_t)

LOAD(i32_odd, float, int32_t, mz_odd_from_i64)
LOAD(i64_odd, float, int64_t, mz_odd_from_i64)
LOAD(u32_odd, float, uint32_t, mz_odd_from_u64)
LOAD(u64_odd, float, uint64_t, mz_odd_from_u64)
LOAD(f64_odd, float, double, mz_odd_from_double)
STORE(double_f8e4m3fn, uint8_t, double, DOUBLE_TO_F8E4M3FN)
STORE(double_f8e5m2, uint8_t, double, DOUBLE_TO_F8E5M2)
STORE(double_f16, uint16_t, double, DOUBLE_TO_F16)
STORE(double_bf16, uint16_t, double, DOUBLE_TO_BF16)

STORE(float_f8e4m3fn, uint8_t, float, mz_to_f8e4m3fn)
STORE(float_f8e5m2, uint8_t, float, mz_to_f8e5m2)
STORE(plain_f16, uint16_t, float, mz_to_f16)

static void float_f16(char *to, int64_t stride, const void *from, int64_t n) {
  int64_t done = stride == 2 && converts_f16() ? narrow_f16((uint16_t *)(void *)to, from, n) : 0;
  if (done < n) plain_f16(to + done * stride, stride, (const float *)from + done, n - done);
}

STORE(float_bf16, uint16_t, float, mz_to_bf16)
STORE_SAME(float_f32, float)
STORE(float_f64, double, float, SAME)
STORE(double_f32, float, double, SAME)
STORE_SAME(double_f64, double)

STORE(int64_bool, uint8_t, int64_t, IS_TRUE)
STORE(int64_8, uint8_t, int64_t, SAME)
STORE(int64_16, uint16_t, int64_t, SAME)
STORE(int64_32, uint32_t, int64_t, SAME)
STORE(int64_64, int64_t, int64_t, SAME)

LOAD_SAME(raw_8, uint8_t)
LOAD_SAME(raw_16, uint16_t)
LOAD_SAME(raw_32, uint32_t)
LOAD_SAME(raw_64, uint64_t)
STORE_SAME(raw_to_8, uint8_t)
STORE_SAME(raw_to_16, uint16_t)
STORE_SAME(raw_to_32, uint32_t)
STORE_SAME(raw_to_64, uint64_t)

mz_load *mz_load_raw(int64_t size) { return size == 1 ? raw_8 : size == 2 ? raw_16 : size == 4 ? raw_32 : raw_64; }

mz_store *mz_store_raw(int64_t size) {
  return size == 1 ? raw_to_8 : size == 2 ? raw_to_16 : size == 4 ? raw_to_32 : raw_to_64;
}

#define INTEGERS(suffix)                                                                            \
  [MZ_BOOL] = bool_##suffix, [MZ_I8] = i8_##suffix, [MZ_I16] = i16_##suffix, [MZ_I32] = i32_##suffix, \
  [MZ_I64] = i64_##suffix, [MZ_U8] = u8_##suffix, [MZ_U16] = u16_##suffix, [MZ_U32] = u32_##suffix, \
  [MZ_U64] = u64_##suffix
#define FLOATS(suffix)                                                                              \
  [MZ_F8E4M3FN] = f8e4m3fn_##suffix, [MZ_F8E5M2] = f8e5m2_##suffix, [MZ_F16] = f16_##suffix,        \
  [MZ_BF16] = bf16_##suffix, [MZ_F32] = f32_##suffix, [MZ_F64] = f64_##suffix

mz_load *const mz_load_float[MZ_DTYPES] = {INTEGERS(float), FLOATS(float)};
mz_load *const mz_load_double[MZ_DTYPES] = {INTEGERS(double), FLOATS(double)};
mz_load *const mz_load_int64[MZ_DTYPES] = {INTEGERS(int64)};

mz_load *const mz_load_float_odd[MZ_DTYPES] = {
    [MZ_BOOL] = bool_float, [MZ_I8] = i8_float, [MZ_I16] = i16_float, [MZ_I32] = i32_odd, [MZ_I64] = i64_odd,
    [MZ_U8] = u8_float, [MZ_U16] = u16_float, [MZ_U32] = u32_odd, [MZ_U64] = u64_odd,
    [MZ_F8E4M3FN] = f8e4m3fn_float, [MZ_F8E5M2] = f8e5m2_float, [MZ_F16] = f16_float, [MZ_BF16] = bf16_float,
    [MZ_F32] = f32_float, [MZ_F64] = f64_odd,
};

mz_store *const mz_store_float[MZ_DTYPES] = {
    [MZ_F8E4M3FN] = float_f8e4m3fn, [MZ_F8E5M2] = float_f8e5m2, [MZ_F16] = float_f16,
    [MZ_BF16] = float_bf16, [MZ_F32] = float_f32, [MZ_F64] = float_f64,
};
mz_store *const mz_store_double[MZ_DTYPES] = {
    [MZ_F8E4M3FN] = double_f8e4m3fn, [MZ_F8E5M2] = double_f8e5m2, [MZ_F16] = double_f16,
    [MZ_BF16] = double_bf16, [MZ_F32] = double_f32, [MZ_F64] = double_f64,
};
mz_store *const mz_store_int64[MZ_DTYPES] = {
    [MZ_BOOL] = int64_bool, [MZ_I8] = int64_8, [MZ_I16] = int64_16, [MZ_I32] = int64_32, [MZ_I64] = int64_64,
    [MZ_U8] = int64_8, [MZ_U16] = int64_16, [MZ_U32] = int64_32, [MZ_U64] = int64_64,
};

mz_load *mz_loader(mz_domain domain, mz_dtype dtype) {
  if (domain == MZ_IN_FLOAT) return mz_load_float[dtype];
  return domain == MZ_IN_DOUBLE ? mz_load_double[dtype] : mz_load_int64[dtype];
}

mz_store *mz_storer(mz_domain domain, mz_dtype dtype) {
  if (domain == MZ_IN_FLOAT) return mz_store_float[dtype];
  return domain == MZ_IN_DOUBLE ? mz_store_double[dtype] : mz_store_int64[dtype];
}

mz_dtype mz_domain_dtype(mz_domain domain) {
  if (domain == MZ_IN_FLOAT) return MZ_F32;
  return domain == MZ_IN_DOUBLE ? MZ_F64 : MZ_I64;
}
