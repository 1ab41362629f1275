#include "mezzo_builtin.h"
#include <stdlib.h>
#include <string.h>
#include "matmul.h"
#include "rules.h"

typedef struct {
  mezzo_host host;
} backend;

static const struct {
  uint32_t op;
  mz_planner *plan;
} operations[] = {
    {MEZZO_OP_MATMUL, mz_plan_matmul},
    {MEZZO_OP_CAST, mz_plan_cast},
    {MEZZO_OP_ADD, mz_plan_binary},
    {MEZZO_OP_SUBTRACT, mz_plan_binary},
    {MEZZO_OP_MULTIPLY, mz_plan_binary},
    {MEZZO_OP_DIVIDE, mz_plan_binary},
    {MEZZO_OP_MAXIMUM, mz_plan_binary},
    {MEZZO_OP_MINIMUM, mz_plan_binary},
    {MEZZO_OP_EQUAL, mz_plan_compare},
    {MEZZO_OP_LESS, mz_plan_compare},
    {MEZZO_OP_LESS_EQUAL, mz_plan_compare},
    {MEZZO_OP_LOGICAL_AND, mz_plan_compare},
    {MEZZO_OP_SELECT, mz_plan_select},
    {MEZZO_OP_NEGATE, mz_plan_unary},
    {MEZZO_OP_ABS, mz_plan_unary},
    {MEZZO_OP_EXP, mz_plan_unary},
    {MEZZO_OP_LOG, mz_plan_unary},
    {MEZZO_OP_SQRT, mz_plan_unary},
    {MEZZO_OP_ERF, mz_plan_unary},
    {MEZZO_OP_TANH, mz_plan_unary},
    {MEZZO_OP_SIGMOID, mz_plan_unary},
    {MEZZO_OP_RELU, mz_plan_unary},
    {MEZZO_OP_RELU_GRADIENT, mz_plan_binary},
    {MEZZO_OP_GELU, mz_plan_gelu},
    {MEZZO_OP_LOG1P, mz_plan_unary},
    {MEZZO_OP_EXPM1, mz_plan_unary},
    {MEZZO_OP_SOFTPLUS, mz_plan_unary},
    {MEZZO_OP_REDUCE_SUM, mz_plan_reduce},
    {MEZZO_OP_REDUCE_MEAN, mz_plan_reduce},
    {MEZZO_OP_REDUCE_MAX, mz_plan_reduce},
    {MEZZO_OP_ARG_MAX, mz_plan_arg_max},
    {MEZZO_OP_ALL_FINITE, mz_plan_all_finite},
    {MEZZO_OP_SOFTMAX, mz_plan_softmax},
    {MEZZO_OP_LOG_SOFTMAX, mz_plan_softmax},
    {MEZZO_OP_ONE_HOT, mz_plan_one_hot},
    {MEZZO_OP_SPARSE_CROSS_ENTROPY, mz_plan_cross_entropy},
    {MEZZO_OP_GATHER, mz_plan_gather},
    {MEZZO_OP_SCATTER_ADD, mz_plan_scatter_add},
    {MEZZO_OP_RANDOM_UNIFORM, mz_plan_random_uniform},
    {MEZZO_OP_SGD_UPDATE, mz_plan_sgd_update},
    {MEZZO_OP_ADAM_UPDATE, mz_plan_adam_update},
    {MEZZO_OP_PAD, mz_plan_pad},
    {MEZZO_OP_SLICE, mz_plan_slice},
    {MEZZO_OP_CONCATENATE, mz_plan_concatenate},
    {MEZZO_OP_WINDOW_SUM, mz_plan_window_sum},
    {MEZZO_OP_CONVOLUTION, mz_plan_convolution},
    {MEZZO_OP_CONVOLUTION_INPUT_GRADIENT, mz_plan_convolution_input_gradient},
    {MEZZO_OP_CONVOLUTION_KERNEL_GRADIENT, mz_plan_convolution_kernel_gradient},
    {MEZZO_OP_MAX_POOL, mz_plan_pool},
    {MEZZO_OP_MAX_POOL_GRADIENT, mz_plan_pool_gradient},
    {MEZZO_OP_AVERAGE_POOL, mz_plan_pool},
    {MEZZO_OP_AVERAGE_POOL_GRADIENT, mz_plan_pool_gradient},
    {MEZZO_OP_LAYER_NORM, mz_plan_layer_norm},
    {MEZZO_OP_LAYER_NORM_GRADIENT, mz_plan_layer_norm_gradient},
    {MEZZO_OP_GELU_GRADIENT, mz_plan_gelu_gradient},
    {MEZZO_OP_SOFTMAX_GRADIENT, mz_plan_softmax_gradient},
    {MEZZO_OP_ATTENTION, mz_plan_attention},
    {MEZZO_OP_ATTENTION_GRADIENT, mz_plan_attention_gradient},
    {MEZZO_OP_QUANTIZE, mz_plan_quantize},
    {MEZZO_OP_QUANTIZED_MATMUL, mz_plan_quantized_matmul},
};

mezzo_status mz_parallel(const mz_plan *plan, int64_t n, int64_t grain, mezzo_body body, void *user) {
  if (n <= 0) return MEZZO_OK;
  const mezzo_host *host = plan->host;
  if (n > grain && plan->threads > 1 && host->parallel_for != NULL)
    return host->parallel_for(host->ctx, (uint64_t)n, (uint64_t)grain, body, user);
  body(user, 0, (uint64_t)n, 0);
  return MEZZO_OK;
}

/* A struct that is shorter than ours was written for another ABI. */
static mezzo_status expect_struct(const mezzo_call *call, size_t size) {
  if (call->struct_size >= size) return MEZZO_OK;
  return mz_refuse(call->err, MEZZO_ABI, MEZZO_WHY_NONE, MZ_NO_OPERAND, "arguments of %u bytes; expected %zu or more",
                   call->struct_size, size);
}

static mezzo_status open_backend(void *unused, mezzo_open_args *args) {
  (void)unused;
  MZ_TRY(expect_struct(&args->h, sizeof *args));
  backend *self = calloc(1, sizeof *self);
  if (self == NULL) return mz_refuse(args->h.err, MEZZO_OOM, MEZZO_WHY_NONE, MZ_NO_OPERAND, "no memory for the backend");
  if (args->host != NULL) {
    size_t size = args->host->struct_size < sizeof self->host ? args->host->struct_size : sizeof self->host;
    memcpy(&self->host, args->host, size);
  }
  args->self = self;
  return MEZZO_OK;
}

static mezzo_status close_backend(void *self, mezzo_call *call) {
  (void)call;
  free(self);
  return MEZZO_OK;
}

static mezzo_status plan_operation(mz_request *r) {
  for (size_t i = 0; i < sizeof operations / sizeof operations[0]; i++) {
    if (operations[i].op != r->op->op) continue;
    MZ_TRY(mz_read_operands(r));
    MZ_TRY(operations[i].plan(r));
    return mz_expect_no_more_attributes(r);
  }
  return mz_refuse(r->err, MEZZO_UNSUPPORTED, MEZZO_WHY_OP, MZ_NO_OPERAND,
                   "operation %u is not one that the built-in backend knows", r->op->op);
}

static mezzo_status make_plan(void *self, mezzo_plan_args *args) {
  MZ_TRY(expect_struct(&args->h, sizeof *args));
  mezzo_op op;
  memset(&op, 0, sizeof op);
  memcpy(&op, args->op, args->op->struct_size < sizeof op ? args->op->struct_size : sizeof op);
  if (args->rule >= MZ_RULES || mz_rules[args->rule].op != op.op)
    return mz_refuse(args->h.err, MEZZO_INVALID, MEZZO_WHY_OP, MZ_NO_OPERAND, "rule %u is not one of operation %u", args->rule,
                     op.op);
  mz_plan *plan = calloc(1, sizeof *plan);
  if (plan == NULL) return mz_refuse(args->h.err, MEZZO_OOM, MEZZO_WHY_NONE, MZ_NO_OPERAND, "no memory for a plan");
  plan->host = &((backend *)self)->host;
  plan->threads = args->threads;
  plan->may_pack = (mz_rules[args->rule].flags & MEZZO_R_PREPACKS) != 0;
  plan->may_flush = mz_rules[args->rule].numerics.denormals != 0;
  mz_request request = {.op = &op, .err = args->h.err, .plan = plan};
  mezzo_status status = plan_operation(&request);
  if (status != MEZZO_OK) {
    free(plan);
    return status;
  }
  args->plan = plan;
  args->workspace = plan->workspace;
  args->packed_bytes = plan->packed_bytes;
  memcpy(args->pack_key, plan->pack_key, sizeof args->pack_key);
  args->n_epilogue = (uint32_t)plan->n_epilogue;
  args->packed_operand = plan->packed_bytes > 0 ? 1 : UINT32_MAX;
  return MEZZO_OK;
}

static mezzo_status bind(const mz_plan *plan, int operand, const mezzo_tensors *tensors, uint32_t index, mz_call *call,
                         mezzo_error *err) {
  const mezzo_tensor *tensor = (const mezzo_tensor *)(const void *)((const char *)tensors->at + (size_t)index * tensors->stride);
  const mz_operand *o = &plan->operand[operand];
  if (tensor->data == NULL) {
    static char nothing[1];
    call->at[operand] = nothing;
    if (o->count == 0) return MEZZO_OK;
    return mz_refuse(err, MEZZO_INVALID, MEZZO_WHY_NONE, (uint32_t)operand, "operand %d has no memory", operand);
  }
  char *at = (char *)tensor->data + tensor->byte_offset;
  if ((uintptr_t)at % (uintptr_t)o->size != 0)
    return mz_refuse(err, MEZZO_INVALID, MEZZO_WHY_ALIGN, (uint32_t)operand, "operand %d is not aligned to its element of %lld bytes",
                     operand, (long long)o->size);
  call->at[operand] = at;
  return MEZZO_OK;
}

static mezzo_status pack(void *self, mezzo_pack_args *args) {
  (void)self;
  MZ_TRY(expect_struct(&args->h, sizeof *args));
  const mz_plan *plan = args->plan;
  if (args->operand != 1 || plan->packed_bytes == 0 || args->dst_bytes != plan->packed_bytes)
    return mz_refuse(args->h.err, MEZZO_INVALID, MEZZO_WHY_LAYOUT, args->operand,
                     "expected operand 1 and %llu bytes to pack it into, got operand %u and %llu bytes",
                     (unsigned long long)plan->packed_bytes, args->operand, (unsigned long long)args->dst_bytes);
  plan->pack(plan, args->src, args->dst);
  return MEZZO_OK;
}

static mezzo_status execute(void *self, mezzo_exec_args *args) {
  (void)self;
  MZ_TRY(expect_struct(&args->h, sizeof *args));
  const mz_plan *plan = args->plan;
  mezzo_error *err = args->h.err;
  /* Inputs of epilogue steps that the host does itself may be left out. */
  if (args->in.count < (uint32_t)plan->n_needed || args->out.count != (uint32_t)plan->n_out)
    return mz_refuse(err, MEZZO_INVALID, MEZZO_WHY_NONE, MZ_NO_OPERAND, "expected %d inputs and %d results, got %u and %u",
                     plan->n_needed, plan->n_out, args->in.count, args->out.count);
  if (plan->workspace > 0 && args->workspace == NULL)
    return mz_refuse(err, MEZZO_INVALID, MEZZO_WHY_NONE, MZ_NO_OPERAND, "expected a workspace of %llu bytes, got none",
                     (unsigned long long)plan->workspace);
  mz_call call = {.plan = plan, .workspace = args->workspace};
  for (int i = 0; i < plan->n_needed; i++) MZ_TRY(bind(plan, i, &args->in, (uint32_t)i, &call, err));
  for (int i = 0; i < plan->n_out; i++) MZ_TRY(bind(plan, plan->n_in + i, &args->out, (uint32_t)i, &call, err));
  mezzo_status status = plan->run(&call);
  return status == MEZZO_OK ? status
                            : mz_refuse(err, status, MEZZO_WHY_NONE, MZ_NO_OPERAND, "the host's threads reported status %d", status);
}

static mezzo_status release_plan(void *self, mezzo_release_args *args) {
  (void)self;
  free(args->plan);
  args->plan = NULL;
  return MEZZO_OK;
}

static const mezzo_backend table = {
    .struct_size = sizeof(mezzo_backend),
    .abi_major = MEZZO_ABI_MAJOR,
    .abi_minor = MEZZO_ABI_MINOR,
    .id = "builtin",
    .version = "0.1.0",
    .vendor = "Mezzo",
    .build = "C11",
    .rules = mz_rules,
    .n_rules = MZ_RULES,
    .rule_stride = sizeof(mezzo_rule),
    .open = open_backend,
    .close = close_backend,
    .plan = make_plan,
    .pack = pack,
    .execute = execute,
    .release = release_plan,
};

const mezzo_backend *mezzo_builtin_query(const mezzo_offer *offer) {
  bool speaks = offer != NULL && offer->major == MEZZO_ABI_MAJOR && offer->min_minor <= MEZZO_ABI_MINOR &&
                MEZZO_ABI_MINOR <= offer->max_minor;
  return speaks ? &table : NULL;
}
