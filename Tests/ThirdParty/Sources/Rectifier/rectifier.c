/* The gradient of relu, and negation, in float32: written along the guide, in the shape of the C template. */
#include "rectifier.h"

#include <stdlib.h>
#include <string.h>

typedef struct plan {
  uint32_t rule;
  uint64_t count;
} plan;

static mezzo_status refuse(mezzo_error *err, mezzo_status status, uint32_t why, const char *text) {
  if (err == NULL) return status;
  err->code = status;
  err->why = why;
  err->operand = UINT32_MAX;
  err->msg_len = 0;
  if (err->msg == NULL || err->msg_cap == 0) return status;
  size_t length = strlen(text);
  if (length >= err->msg_cap) length = err->msg_cap - 1;
  memcpy(err->msg, text, length);
  err->msg[length] = 0;
  err->msg_len = (uint32_t)length;
  return status;
}

static const mezzo_operand *operand(const mezzo_op *op, uint32_t index) {
  return (const mezzo_operand *)((const char *)op->operands + (size_t)index * op->operand_stride);
}

static float *data(const mezzo_tensors *tensors, uint32_t index) {
  const mezzo_tensor *tensor = (const mezzo_tensor *)((const char *)tensors->at + (size_t)index * tensors->stride);
  return (float *)((char *)tensor->data + tensor->byte_offset);
}

static mezzo_status open(void *unused, mezzo_open_args *args) {
  (void)unused;
  args->self = NULL;
  return MEZZO_OK;
}

static mezzo_status close(void *self, mezzo_call *call) {
  (void)self;
  (void)call;
  return MEZZO_OK;
}

static mezzo_status make_plan(void *self, mezzo_plan_args *args) {
  static const struct { uint32_t op, inputs; } rules[] = {{MEZZO_OP_RELU_GRADIENT, 2}, {MEZZO_OP_NEGATE, 1}};
  (void)self;
  const mezzo_op *op = args->op;
  mezzo_error *err = args->h.err;
  if (args->rule > 1 || op->op != rules[args->rule].op)
    return refuse(err, MEZZO_UNSUPPORTED, MEZZO_WHY_OP, "takes relu_gradient and negate");
  if (op->n_in != rules[args->rule].inputs || op->n_out != 1 || op->n_epilogue != 0)
    return refuse(err, MEZZO_UNSUPPORTED, MEZZO_WHY_SHAPE, "takes another number of operands");
  if (op->n_attrs != 0) return refuse(err, MEZZO_UNSUPPORTED, MEZZO_WHY_ATTR, "takes no attributes");
  if (op->want.accum.code == MEZZO_FLOAT && op->want.accum.bits > 32)
    return refuse(err, MEZZO_UNSUPPORTED, MEZZO_WHY_ACCUM, "computes in float32");
  const mezzo_operand *result = operand(op, op->n_in);
  uint64_t count = 1;
  for (int32_t i = 0; i < result->ndim; i++) count *= (uint64_t)result->shape[i];
  for (uint32_t i = 0; i <= op->n_in; i++) {
    const mezzo_operand *one = operand(op, i);
    if (one->dtype.code != MEZZO_FLOAT || one->dtype.bits != 32 || one->dtype.lanes != 1)
      return refuse(err, MEZZO_UNSUPPORTED, MEZZO_WHY_DTYPE, "takes float32");
    if (one->ndim != result->ndim ||
        (one->ndim > 0 && memcmp(one->shape, result->shape, (size_t)one->ndim * sizeof *one->shape) != 0))
      return refuse(err, MEZZO_UNSUPPORTED, MEZZO_WHY_SHAPE, "takes operands of the result's shape");
  }
  plan *made = malloc(sizeof *made);
  if (made == NULL) return refuse(err, MEZZO_OOM, MEZZO_WHY_NONE, "no memory for a plan");
  made->rule = args->rule;
  made->count = count;
  args->plan = made;
  args->workspace = args->packed_bytes = 0;
  args->n_epilogue = 0;
  return MEZZO_OK;
}

static mezzo_status execute(void *self, mezzo_exec_args *args) {
  (void)self;
  const plan *made = args->plan;
  const float *x = data(&args->in, 0);
  float *result = data(&args->out, 0);
  if (made->rule == 0) {
    const float *y = data(&args->in, 1);
    for (uint64_t i = 0; i < made->count; i++) result[i] = y[i] > 0 ? x[i] : 0;
  } else {
    for (uint64_t i = 0; i < made->count; i++) result[i] = -x[i];
  }
  return MEZZO_OK;
}

static mezzo_status release(void *self, mezzo_release_args *args) {
  (void)self;
  free(args->plan);
  return MEZZO_OK;
}

#define RULE(code, id, signature, condition)                                                                     \
  {.struct_size = sizeof(mezzo_rule), .op = code, .name = id, .sig = signature, .when = condition,               \
   .numerics = {.accum = {MEZZO_FLOAT, 32, 1}, .deterministic = 1},                                              \
   .flags = MEZZO_R_DETERMINISTIC | MEZZO_R_REENTRANT | MEZZO_R_INPLACE_OK, .cost = {.fixed_ns = 20, .byte_per_ns = 40}}

static const mezzo_rule rules[] = {
    RULE(MEZZO_OP_RELU_GRADIENT, "relu-gradient", "dy:f32 y:f32 -> dx:f32",
         "contiguous(dy) and contiguous(y) and contiguous(dx)"),
    RULE(MEZZO_OP_NEGATE, "negate", "x:f32 -> y:f32", "contiguous(x) and contiguous(y)"),
};

static const mezzo_backend table = {
    .struct_size = sizeof(mezzo_backend), .abi_major = 1, .abi_minor = 0, .id = "rectifier", .version = "1.0.0",
    .vendor = "a third party", .build = "C11", .rules = rules, .n_rules = sizeof rules / sizeof rules[0],
    .rule_stride = sizeof(mezzo_rule), .open = open, .close = close, .plan = make_plan, .execute = execute,
    .release = release,
};

const mezzo_backend *mezzo_backend_query(const mezzo_offer *offer) {
  if (offer == NULL || offer->major != table.abi_major || offer->min_minor > table.abi_minor) return NULL;
  if (offer->max_minor < table.abi_minor) return NULL;
  return &table;
}
