#include "bits.h"
#include "operations.h"

#define KERNEL(name, R, expression)                                                                    \
  MZ_CLONES static void name(void *const *out, const void *const *in, const double *scalar, int64_t n) { \
    R *y = out[0];                                                                                     \
    const double *a = in[0];                                                                           \
    (void)scalar;                                                                                      \
    MZ_INDEPENDENT for (int64_t i = 0; i < n; i++) {                                                   \
      double x = a[i];                                                                                 \
      y[i] = expression;                                                                               \
    }                                                                                                  \
  }

/* A comparison with NaN is false, so NaN takes the last branch of each of these. */
#define SATURATE(x, low, high) ((x) >= (high) ? (int64_t)(high) : (x) > (low) ? (int64_t)(x) : (x) <= (low) ? (int64_t)(low) : 0)

KERNEL(to_bool, uint8_t, x != 0)
KERNEL(to_i8, int64_t, SATURATE(x, -128.0, 127.0))
KERNEL(to_u8, int64_t, SATURATE(x, 0.0, 255.0))
KERNEL(to_i16, int64_t, SATURATE(x, -32768.0, 32767.0))
KERNEL(to_u16, int64_t, SATURATE(x, 0.0, 65535.0))
KERNEL(to_i32, int64_t, SATURATE(x, -2147483648.0, 2147483647.0))
KERNEL(to_u32, int64_t, SATURATE(x, 0.0, 4294967295.0))
KERNEL(to_i64, int64_t, x >= 0x1p63 ? INT64_MAX : x > -0x1p63 ? (int64_t)x : x <= -0x1p63 ? INT64_MIN : 0)
KERNEL(to_u64, uint64_t, x >= 0x1p64 ? UINT64_MAX : x > 0.0 ? (uint64_t)x : 0)

static mz_kernel *const truncate[MZ_DTYPES] = {
    [MZ_I8] = to_i8, [MZ_I16] = to_i16, [MZ_I32] = to_i32, [MZ_I64] = to_i64,
    [MZ_U8] = to_u8, [MZ_U16] = to_u16, [MZ_U32] = to_u32, [MZ_U64] = to_u64,
};

/* A float32 as it is after it was a 16-bit float, in one pass. */
#define ROUND(name, to, from)                                                                          \
  MZ_CLONES static void name(void *const *out, const void *const *in, const double *scalar, int64_t n) { \
    float *y = out[0];                                                                                 \
    const float *x = in[0];                                                                            \
    (void)scalar;                                                                                      \
    MZ_INDEPENDENT for (int64_t i = 0; i < n; i++) y[i] = from(to(x[i]));                              \
  }
ROUND(round_to_f16, mz_to_f16, mz_from_f16)
ROUND(round_to_bf16, mz_to_bf16, mz_from_bf16)

/* The kernel of the one step of an epilogue that is done, or NULL. */
static mz_kernel *rounding_step(const mz_request *r) {
  const mezzo_op *op = r->op;
  if (op->n_epilogue == 0 || op->epilogue == NULL || op->epilogue_stride < sizeof *op->epilogue) return NULL;
  if (op->epilogue[0].kind != MEZZO_EPI_CAST) return NULL;
  mz_dtype to = mz_dtype_of(op->epilogue[0].to);
  return to == MZ_F16 ? round_to_f16 : to == MZ_BF16 ? round_to_bf16 : NULL;
}

mezzo_status mz_plan_cast(mz_request *r) {
  mz_plan *plan = r->plan;
  MZ_TRY(mz_expect_arity(r, 1, 1));
  int result = plan->n_in;
  MZ_TRY(mz_expect_same(r, result, 0, false));
  mz_dtype from = plan->operand[0].dtype, to = plan->operand[result].dtype;
  bool from_float = mz_domain_of(from) != MZ_IN_INT64;
  mz_domain domain = mz_domain_of(to);

  mz_kernel *kernel = NULL;
  mz_passage passages[2];
  if (from == MZ_F32 && to == MZ_F32 && rounding_step(r) != NULL) {
    kernel = rounding_step(r);
    plan->n_epilogue = 1;
    passages[0] = mz_input(plan, 0, domain);
    passages[1] = mz_result(plan, result, domain);
  } else if (from == to) {
    passages[0] = mz_raw_input(plan, 0);
    passages[1] = mz_raw_result(plan, result);
  } else if (from_float && to == MZ_BOOL) {
    kernel = to_bool;
    passages[0] = mz_input(plan, 0, MZ_IN_DOUBLE);
    passages[1] = mz_raw_result(plan, result);
  } else if (from_float && domain == MZ_IN_INT64) {
    kernel = truncate[to];
    passages[0] = mz_input(plan, 0, MZ_IN_DOUBLE);
    passages[1] = mz_result(plan, result, domain);
  } else {
    passages[0] = mz_input(plan, 0, domain);
    passages[1] = mz_result(plan, result, domain);
    /* float would be a first rounding before that of the result. */
    if (domain == MZ_IN_FLOAT && to != MZ_F32) passages[0].load = mz_load_float_odd[from];
  }
  mz_plan_map(plan, kernel, 1, 1, passages);
  return MEZZO_OK;
}
