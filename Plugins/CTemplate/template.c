/* The smallest Mezzo backend: relu for float32. Copy this file, then go through the steps marked with numbers.
 *
 *   cc -std=c11 -O3 -shared -fPIC -fvisibility=hidden -I Sources/CMezzoABI/include Plugins/CTemplate/template.c \
 *      -o libtemplate.so
 *
 * The contract is mezzo_backend.h; nothing else of Mezzo is needed. Everything but mezzo_backend_query stays static. */
#include "mezzo_backend.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

/* 1. Whatever execute needs to know about the shapes. It is made once and used often, on any thread. */
typedef struct plan {
  uint64_t count;
} plan;

/* Failures are text in the caller's buffer: say what was expected and what came. */
static mezzo_status report(mezzo_error *err, mezzo_status status, uint32_t why, const char *text) {
  if (err == NULL) return status;
  err->code = status;
  err->why = why;
  err->operand = UINT32_MAX;
  err->msg_len = 0;
  if (err->msg == NULL || err->msg_cap == 0) return status;
  int length = snprintf(err->msg, err->msg_cap, "%s", text);
  if (length > 0) err->msg_len = (uint32_t)length < err->msg_cap ? (uint32_t)length : err->msg_cap - 1;
  return status;
}

/* 2. Look here for what the backend depends on (a device, a library), keep it in args->self, and keep args->host if its
 *    memory or threads are of use. Declining is no failure: return MEZZO_UNSUPPORTED and say what is missing. */
static mezzo_status backend_open(void *unused, mezzo_open_args *args) {
  (void)unused;
  args->self = NULL;
  return MEZZO_OK;
}

static mezzo_status backend_close(void *self, mezzo_call *call) {
  (void)self;
  (void)call;
  return MEZZO_OK;
}

/* 3. Mezzo has matched args->rule before it calls, but a plan still checks what its own code relies on. With several
 *    rules, switch over args->rule. */
static mezzo_status backend_plan(void *self, mezzo_plan_args *args) {
  (void)self;
  const mezzo_op *op = args->op;
  if (op->op != MEZZO_OP_RELU || op->n_in != 1 || op->n_out != 1)
    return report(args->h.err, MEZZO_UNSUPPORTED, MEZZO_WHY_OP, "takes only relu, with one operand and one result");
  /* What a later host adds must not be ignored. */
  if (op->n_attrs != 0) return report(args->h.err, MEZZO_UNSUPPORTED, MEZZO_WHY_ATTR, "takes relu without attributes");
  const mezzo_operand *x = op->operands;
  if (x->dtype.code != MEZZO_FLOAT || x->dtype.bits != 32 || x->dtype.lanes != 1)
    return report(args->h.err, MEZZO_UNSUPPORTED, MEZZO_WHY_DTYPE, "takes only float32");
  uint64_t count = 1;
  for (int32_t i = 0; i < x->ndim; i++) {
    if (x->shape[i] < 0 || (x->shape[i] > 0 && count > SIZE_MAX / sizeof(float) / (uint64_t)x->shape[i]))
      return report(args->h.err, MEZZO_UNSUPPORTED, MEZZO_WHY_SHAPE, "takes no more elements than memory can hold");
    count *= (uint64_t)x->shape[i];
  }
  plan *made = malloc(sizeof *made);
  if (made == NULL) return report(args->h.err, MEZZO_OOM, MEZZO_WHY_NONE, "no memory for a plan");
  made->count = count;
  args->plan = made;
  args->workspace = 0;    /* scratch bytes that each execute gets */
  args->packed_bytes = 0; /* no operand is rearranged ahead of time */
  args->n_epilogue = 0;   /* no step that follows is done here */
  return MEZZO_OK;
}

/* 4. The work. No allocation, no locks: it runs in parallel with itself (MEZZO_R_REENTRANT below). */
static mezzo_status backend_execute(void *self, mezzo_exec_args *args) {
  (void)self;
  if (args->in.count < 1 || args->out.count < 1)
    return report(args->h.err, MEZZO_INVALID, MEZZO_WHY_SHAPE, "expected one operand and one result");
  const plan *made = args->plan;
  const float *x = (const float *)((const char *)args->in.at[0].data + args->in.at[0].byte_offset);
  float *y = (float *)((char *)args->out.at[0].data + args->out.at[0].byte_offset);
  /* Written so that NaN stays NaN, as the header asks. */
  for (uint64_t i = 0; i < made->count; i++) y[i] = x[i] > 0 || x[i] != x[i] ? x[i] : 0;
  return MEZZO_OK;
}

static mezzo_status backend_release(void *self, mezzo_release_args *args) {
  (void)self;
  free(args->plan);
  return MEZZO_OK;
}

/* 5. What the backend can do, as data. Claim nothing that execute does not do: Mezzo tests every claim. */
static const mezzo_rule rules[] = {{
    .struct_size = sizeof(mezzo_rule),
    .op = MEZZO_OP_RELU,
    .name = "relu",
    .sig = "x:f32 -> y:f32",
    .when = "contiguous(x) and contiguous(y)",
    .numerics = {.accum = {MEZZO_FLOAT, 32, 1}, .deterministic = 1},
    .flags = MEZZO_R_DETERMINISTIC | MEZZO_R_REENTRANT | MEZZO_R_INPLACE_OK,
    /* Measure it: the router believes these. Bytes read and written per nanosecond, on one thread. */
    .cost = {.fixed_ns = 10, .byte_per_ns = 40},
}};

/* 6. Who the backend is. The id is how users name it in routes, so it should not change. */
static const mezzo_backend backend = {
    .struct_size = sizeof(mezzo_backend),
    .abi_major = 1,
    .abi_minor = 0,
    .id = "template",
    .version = "1.0.0",
    .vendor = "your name",
    .build = "C11",
    .rules = rules,
    .n_rules = sizeof rules / sizeof rules[0],
    .rule_stride = sizeof(mezzo_rule),
    .open = backend_open,
    .close = backend_close,
    .plan = backend_plan,
    .execute = backend_execute,
    .release = backend_release,
};

/* NULL means that this backend speaks none of the versions that the host offers. */
const mezzo_backend *mezzo_backend_query(const mezzo_offer *offer) {
  if (offer == NULL || offer->major != backend.abi_major) return NULL;
  bool is_offered = offer->min_minor <= backend.abi_minor && backend.abi_minor <= offer->max_minor;
  return is_offered ? &backend : NULL;
}
