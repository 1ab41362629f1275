/* Element-wise operations of one or two operands of the result's dtype, comparisons, and select. */
#include "gelu_pieces.h"
#include "operations.h"
#include "table.h"

static const uint32_t arithmetic = MZ_FLOATS | MZ_INDICES;
static const uint32_t comparable = MZ_FLOATS | MZ_INDICES | MZ_SET(MZ_U8);

static mz_kernel *kernel_of(uint32_t op, mz_domain domain, int64_t form) {
  if (domain == MZ_IN_FLOAT) return mz_kernel_of_float(op, form);
  return domain == MZ_IN_DOUBLE ? mz_kernel_of_double(op, form) : mz_kernel_of_int64(op);
}

static mezzo_status plan_elementwise(mz_request *r, int n_in, uint32_t set, int64_t form) {
  mz_plan *plan = r->plan;
  MZ_TRY(mz_expect_arity(r, n_in, 1));
  int result = plan->n_in;
  MZ_TRY(mz_expect_dtype(r, 0, set));
  for (int i = 1; i < n_in; i++) MZ_TRY(mz_expect_same(r, i, 0, true));
  MZ_TRY(mz_expect_same(r, result, 0, true));
  mz_domain domain = mz_domain_of(plan->operand[0].dtype);
  MZ_TRY(mz_expect_accumulator(r, mz_domain_dtype(domain)));
  mz_passage passages[3];
  for (int i = 0; i < n_in; i++) passages[i] = mz_input(plan, i, domain);
  passages[n_in] = mz_result(plan, result, domain);
  mz_plan_map(plan, kernel_of(r->op->op, domain, form), n_in, 1, passages);
  return MEZZO_OK;
}

/* ReLU and its gradient on the bits of 16-bit floats, which spares the conversions. infinity: the bits of the positive one. */
#define RELU_ON_BITS(name, infinity)                                                                              \
  MZ_CLONES static void relu_##name(void *const *out, const void *const *in, const double *scalar, int64_t n) {   \
    uint16_t *y = out[0];                                                                                         \
    const uint16_t *x = in[0];                                                                                    \
    (void)scalar;                                                                                                 \
    MZ_INDEPENDENT for (int64_t i = 0; i < n; i++) y[i] = x[i] >= 0x8000 && x[i] <= (0x8000 | infinity) ? 0 : x[i]; \
  }                                                                                                               \
  MZ_CLONES static void relu_gradient_##name(void *const *out, const void *const *in, const double *scalar,       \
                                             int64_t n) {                                                         \
    uint16_t *z = out[0];                                                                                         \
    const uint16_t *dy = in[0], *y = in[1];                                                                       \
    (void)scalar;                                                                                                 \
    MZ_INDEPENDENT for (int64_t i = 0; i < n; i++) z[i] = y[i] >= 1 && y[i] <= infinity ? dy[i] : 0;              \
  }
RELU_ON_BITS(f16, 0x7c00)
RELU_ON_BITS(bf16, 0x7f80)

static mezzo_status plan_on_bits(mz_request *r, int n_in, mz_kernel *f16, mz_kernel *bf16) {
  mz_plan *plan = r->plan;
  MZ_TRY(plan_elementwise(r, n_in, MZ_FLOATS, 0));
  mz_dtype dtype = plan->operand[0].dtype;
  if (dtype != MZ_F16 && dtype != MZ_BF16) return MEZZO_OK;
  mz_passage passages[3];
  for (int i = 0; i < n_in; i++) passages[i] = mz_raw_input(plan, i);
  passages[n_in] = mz_raw_result(plan, plan->n_in);
  mz_plan_map(plan, dtype == MZ_F16 ? f16 : bf16, n_in, 1, passages);
  return MEZZO_OK;
}

/* A function of one element, of which 16 bits have no more values than a table has room for. */
static mezzo_status plan_function(mz_request *r, int64_t form) {
  mz_plan *plan = r->plan;
  MZ_TRY(plan_elementwise(r, 1, MZ_FLOATS, form));
  mz_dtype dtype = plan->operand[0].dtype;
  if ((dtype != MZ_F16 && dtype != MZ_BF16) || plan->operand[0].count < MZ_TABLE_PAYS) return MEZZO_OK;
  const uint16_t *table = mz_table(r->op->op, form, dtype, plan->u.map.kernel);
  if (table == NULL) return MEZZO_OK;
  mz_plan_map(plan, mz_look_up, 1, 1, (mz_passage[]){mz_raw_input(plan, 0), mz_raw_result(plan, plan->n_in)});
  plan->u.map.table = table;
  return MEZZO_OK;
}

mezzo_status mz_plan_unary(mz_request *r) {
  if (r->op->op == MEZZO_OP_RELU) return plan_on_bits(r, 1, relu_f16, relu_bf16);
  return plan_function(r, 0);
}

mezzo_status mz_plan_binary(mz_request *r) {
  if (r->op->op == MEZZO_OP_RELU_GRADIENT) return plan_on_bits(r, 2, relu_gradient_f16, relu_gradient_bf16);
  bool floats_only = r->op->op == MEZZO_OP_DIVIDE;
  return plan_elementwise(r, 2, floats_only ? MZ_FLOATS : arithmetic, 0);
}

mezzo_status mz_plan_gelu(mz_request *r) {
  mz_plan *plan = r->plan;
  int64_t form;
  MZ_TRY(mz_attr_int(r, "approximate", 0, 1, &form));
  const void *pieces = NULL;
  mz_kernel *kernel = plan->operand[0].dtype == MZ_BF16 ? mz_gelu_bfloat16(form, &pieces) : NULL;
  if (kernel == NULL) return plan_function(r, form);
  MZ_TRY(plan_elementwise(r, 1, MZ_FLOATS, form));
  mz_plan_map(plan, kernel, 1, 1, (mz_passage[]){mz_raw_input(plan, 0), mz_raw_result(plan, plan->n_in)});
  plan->u.map.table = pieces;
  return MEZZO_OK;
}

mezzo_status mz_plan_gelu_gradient(mz_request *r) {
  int64_t form;
  MZ_TRY(mz_attr_int(r, "approximate", 0, 1, &form));
  return plan_elementwise(r, 2, MZ_FLOATS, form);
}

/* equal, less, less_equal and logical_and. */
mezzo_status mz_plan_compare(mz_request *r) {
  mz_plan *plan = r->plan;
  uint32_t op = r->op->op;
  uint32_t set = op == MEZZO_OP_LOGICAL_AND ? MZ_SET(MZ_BOOL) : comparable | (op == MEZZO_OP_EQUAL ? MZ_SET(MZ_BOOL) : 0);
  MZ_TRY(mz_expect_arity(r, 2, 1));
  int result = plan->n_in;
  MZ_TRY(mz_expect_dtype(r, 0, set));
  MZ_TRY(mz_expect_same(r, 1, 0, true));
  MZ_TRY(mz_expect_same(r, result, 0, false));
  MZ_TRY(mz_expect_dtype(r, result, MZ_SET(MZ_BOOL)));
  mz_domain domain = mz_domain_of(plan->operand[0].dtype);
  mz_passage passages[] = {mz_input(plan, 0, domain), mz_input(plan, 1, domain), mz_raw_result(plan, result)};
  mz_plan_map(plan, kernel_of(op, domain, 0), 2, 1, passages);
  return MEZZO_OK;
}

#define SELECT(name, T)                                                                                \
  MZ_CLONES static void name(void *const *out, const void *const *in, const double *scalar, int64_t n) { \
    T *z = out[0];                                                                                     \
    const uint8_t *condition = in[0];                                                                  \
    const T *a = in[1], *b = in[2];                                                                    \
    (void)scalar;                                                                                      \
    MZ_INDEPENDENT for (int64_t i = 0; i < n; i++) z[i] = condition[i] != 0 ? a[i] : b[i];             \
  }

SELECT(select_8, uint8_t)
SELECT(select_16, uint16_t)
SELECT(select_32, uint32_t)
SELECT(select_64, uint64_t)

mezzo_status mz_plan_select(mz_request *r) {
  mz_plan *plan = r->plan;
  MZ_TRY(mz_expect_arity(r, 3, 1));
  int result = plan->n_in;
  MZ_TRY(mz_expect_dtype(r, 0, MZ_SET(MZ_BOOL)));
  MZ_TRY(mz_expect_same(r, 1, 0, false));
  MZ_TRY(mz_expect_same(r, 2, 1, true));
  MZ_TRY(mz_expect_same(r, result, 1, true));
  int64_t size = plan->operand[result].size;
  mz_kernel *kernel = size == 1 ? select_8 : size == 2 ? select_16 : size == 4 ? select_32 : select_64;
  mz_passage passages[] = {mz_raw_input(plan, 0), mz_raw_input(plan, 1), mz_raw_input(plan, 2), mz_raw_result(plan, result)};
  mz_plan_map(plan, kernel, 3, 1, passages);
  return MEZZO_OK;
}
