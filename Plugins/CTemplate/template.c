/* A small Mezzo backend: matrix products and relu in float32. Change it step by step, along the numbers.
 *
 * The contract is mezzo_backend.h; nothing else of Mezzo is needed. Everything but mezzo_backend_query stays static. */
#include "mezzo_backend.h"

#include <stdio.h>
#include <stdlib.h>

/* 1. The rules, by their place in the table below. */
enum { RULE_MATMUL, RULE_RELU };

/* 2. What execute needs to know. It is made once by plan and only read after that, on any thread. */
typedef struct plan {
  uint32_t rule;
  uint64_t batch, m, k, n; /* of relu only batch is used: the number of elements */
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

/* Structs may grow in later versions of the ABI, so arrays of them are walked with the distance that comes with them.
 * Operands are followed by results: the first result is operand(op, op->n_in). */
static const mezzo_operand *operand(const mezzo_op *op, uint32_t index) {
  return (const mezzo_operand *)((const char *)op->operands + (size_t)index * op->operand_stride);
}

static float *data(const mezzo_tensors *tensors, uint32_t index) {
  const mezzo_tensor *tensor = (const mezzo_tensor *)((const char *)tensors->at + (size_t)index * tensors->stride);
  return (float *)((char *)tensor->data + tensor->byte_offset);
}

/* 3. Look here for what the backend depends on (a device, a library), keep it in args->self, and keep args->host if its
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

/* The product of extents from first to last; 0 where it is beyond what memory can hold. */
static uint64_t product(const int64_t *shape, int32_t first, int32_t last) {
  uint64_t count = 1;
  for (int32_t i = first; i < last; i++) {
    if (shape[i] < 0) return 0;
    if (shape[i] > 0 && count > SIZE_MAX / sizeof(float) / (uint64_t)shape[i]) return 0;
    count *= (uint64_t)shape[i];
  }
  return count;
}

static const char *take_matmul(const mezzo_op *op, plan *made) {
  const mezzo_operand *a = operand(op, 0), *b = operand(op, 1), *c = operand(op, op->n_in);
  int32_t rank = a->ndim;
  if (rank < 2 || b->ndim != rank || c->ndim != rank) return "takes matrices of the same rank";
  for (int32_t i = 0; i < rank - 2; i++)
    if (a->shape[i] != b->shape[i] || a->shape[i] != c->shape[i]) return "takes the same leading extents for all";
  if (a->shape[rank - 1] != b->shape[rank - 2] || a->shape[rank - 2] != c->shape[rank - 2] ||
      b->shape[rank - 1] != c->shape[rank - 1])
    return "takes A[m,k], B[k,n] and C[m,n]";
  made->batch = product(a->shape, 0, rank - 2);
  made->m = (uint64_t)a->shape[rank - 2];
  made->k = (uint64_t)a->shape[rank - 1];
  made->n = (uint64_t)b->shape[rank - 1];
  return NULL;
}

static const char *take_relu(const mezzo_op *op, plan *made) {
  const mezzo_operand *x = operand(op, 0), *y = operand(op, op->n_in);
  if (x->ndim != y->ndim) return "takes operand and result of one shape";
  for (int32_t i = 0; i < x->ndim; i++)
    if (x->shape[i] != y->shape[i]) return "takes operand and result of one shape";
  made->batch = product(x->shape, 0, x->ndim);
  return NULL;
}

/* 4. Mezzo has matched args->rule before it calls; plan still checks all that its own code relies on, and declines. */
static mezzo_status backend_plan(void *self, mezzo_plan_args *args) {
  static const struct { uint32_t op, inputs; } expected[] = {{MEZZO_OP_MATMUL, 2}, {MEZZO_OP_RELU, 1}};
  (void)self;
  const mezzo_op *op = args->op;
  mezzo_error *err = args->h.err;
  if (args->rule > RULE_RELU || op->op != expected[args->rule].op)
    return report(err, MEZZO_UNSUPPORTED, MEZZO_WHY_OP, "takes matmul and relu");
  /* Operands of an epilogue may stand behind the operation's own. */
  if (op->n_in < expected[args->rule].inputs || op->n_in > expected[args->rule].inputs + op->n_epilogue || op->n_out != 1)
    return report(err, MEZZO_UNSUPPORTED, MEZZO_WHY_SHAPE, "takes another number of operands or results");
  if (op->n_attrs > 0) return report(err, MEZZO_UNSUPPORTED, MEZZO_WHY_ATTR, "takes no attributes");
  if (op->want.accum.code == MEZZO_FLOAT && op->want.accum.bits > 32)
    return report(err, MEZZO_UNSUPPORTED, MEZZO_WHY_ACCUM, "accumulates in float32");
  for (uint32_t i = 0; i <= op->n_in; i++) {
    const mezzo_operand *one = operand(op, i);
    if (i >= expected[args->rule].inputs && i < op->n_in) continue;
    if (one->dtype.code != MEZZO_FLOAT || one->dtype.bits != 32 || one->dtype.lanes != 1)
      return report(err, MEZZO_UNSUPPORTED, MEZZO_WHY_DTYPE, "takes float32");
  }
  plan made = {.rule = args->rule};
  const char *problem = args->rule == RULE_MATMUL ? take_matmul(op, &made) : take_relu(op, &made);
  if (problem != NULL) return report(err, MEZZO_UNSUPPORTED, MEZZO_WHY_SHAPE, problem);

  plan *kept = malloc(sizeof *kept);
  if (kept == NULL) return report(err, MEZZO_OOM, MEZZO_WHY_NONE, "no memory for a plan");
  *kept = made;
  args->plan = kept;
  args->workspace = 0;    /* scratch bytes that each execute gets */
  args->packed_bytes = 0; /* no operand is rearranged ahead of time */
  args->n_epilogue = 0;   /* no step that follows is done here */
  return MEZZO_OK;
}

static void matmul(const plan *made, const float *a, const float *b, float *c) {
  uint64_t m = made->m, k = made->k, n = made->n;
  for (uint64_t batch = 0; batch < made->batch; batch++) {
    for (uint64_t i = 0; i < m; i++) {
      float *row = c + (batch * m + i) * n;
      for (uint64_t j = 0; j < n; j++) row[j] = 0;
      for (uint64_t l = 0; l < k; l++) {
        /* A mistake to see the kit catch: take "// WRONG: " away, then `make check`. */
        // WRONG: if (l % 8 == 7) continue;
        float left = a[(batch * m + i) * k + l];
        const float *right = b + (batch * k + l) * n;
        for (uint64_t j = 0; j < n; j++) row[j] += left * right[j];
      }
    }
  }
}

/* Written so that NaN stays NaN, as the header asks. */
static void relu(const plan *made, const float *x, float *y) {
  for (uint64_t i = 0; i < made->batch; i++) y[i] = x[i] > 0 || x[i] != x[i] ? x[i] : 0;
}

/* 5. The work. No allocation, no locks: it runs in parallel with itself (MEZZO_R_REENTRANT below). */
static mezzo_status backend_execute(void *self, mezzo_exec_args *args) {
  (void)self;
  const plan *made = args->plan;
  float *result = data(&args->out, 0);
  switch (made->rule) {
    case RULE_MATMUL: matmul(made, data(&args->in, 0), data(&args->in, 1), result); break;
    case RULE_RELU: relu(made, data(&args->in, 0), result); break;
    default: return report(args->h.err, MEZZO_INTERNAL, MEZZO_WHY_NONE, "a plan of no rule");
  }
  return MEZZO_OK;
}

static mezzo_status backend_release(void *self, mezzo_release_args *args) {
  (void)self;
  free(args->plan);
  return MEZZO_OK;
}

/* 6. What the backend can do, as data. Claim nothing that execute does not do: Mezzo tests every claim. */
static const mezzo_rule rules[] = {
    [RULE_MATMUL] = {
        .struct_size = sizeof(mezzo_rule),
        .op = MEZZO_OP_MATMUL,
        .name = "matmul",
        .sig = "A:f32[...,m,k] B:f32[...,k,n] -> C:f32[...,m,n]",
        .when = "contiguous(A) and contiguous(B) and contiguous(C)",
        .numerics = {.accum = {MEZZO_FLOAT, 32, 1}, .deterministic = 1},
        .flags = MEZZO_R_DETERMINISTIC | MEZZO_R_REENTRANT,
        /* Measure it: the router believes these. Multiplications and additions per nanosecond. */
        .cost = {.fixed_ns = 10, .flop_per_ns = 12},
    },
    [RULE_RELU] = {
        .struct_size = sizeof(mezzo_rule),
        .op = MEZZO_OP_RELU,
        .name = "relu",
        .sig = "x:f32 -> y:f32",
        .when = "contiguous(x) and contiguous(y)",
        .numerics = {.accum = {MEZZO_FLOAT, 32, 1}, .deterministic = 1},
        .flags = MEZZO_R_DETERMINISTIC | MEZZO_R_REENTRANT | MEZZO_R_INPLACE_OK,
        /* Bytes read and written per nanosecond. */
        .cost = {.fixed_ns = 10, .byte_per_ns = 40},
    },
};

/* 7. Who the backend is. The id is how users name it in routes, so it should not change. */
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

MEZZO_EXPORT const mezzo_backend *mezzo_backend_query(const mezzo_offer *offer);

/* NULL means that this backend speaks none of the versions that the host offers. */
const mezzo_backend *mezzo_backend_query(const mezzo_offer *offer) {
  if (offer == NULL || offer->major != backend.abi_major || offer->min_minor > backend.abi_minor) return NULL;
  return &backend;
}
