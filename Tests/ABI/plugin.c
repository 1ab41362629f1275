/* A backend for the tests of versions: relu, and products with a bias and alpha and beta, in what every header since 1.0 has.
 * Compiled against each kept header, as it is or with
 *   TRUNCATED  the table ends before its last member, behind which stands what must not be read
 *   PADDED     structs are longer than this header's, filled up with what must not be read, and so are reserved members
 *   MINOR      the version that the table states */
#include "mezzo_backend.h"

#include <stdlib.h>
#include <string.h>

#ifndef MINOR
#define MINOR 0
#endif
#define POISON 0xAA
/* Whether the caller's struct reaches to the end of a member. */
#define HAS(args, member) ((args)->h.struct_size >= offsetof(__typeof__(*(args)), member) + sizeof((args)->member))

typedef struct {
  mezzo_host host;
} backend;

typedef struct {
  uint32_t op;
  int64_t m, k, n;
  double alpha, beta;
  int has_bias;
} plan;

static mezzo_status refuse(mezzo_error *err, mezzo_status status, uint32_t why, const char *text) {
  if (err == NULL) return status;
  err->code = status;
  err->why = why;
  err->msg_len = (uint32_t)strlen(text);
  if (err->msg_len > err->msg_cap) err->msg_len = err->msg_cap;
  if (err->msg != NULL) memcpy(err->msg, text, err->msg_len);
  return status;
}

static mezzo_status do_open(void *unused, mezzo_open_args *args) {
  (void)unused;
  if (!HAS(args, self)) return refuse(args->h.err, MEZZO_ABI, 0, "open: too short");
  backend *self = calloc(1, sizeof *self);
  if (self == NULL) return MEZZO_OOM;
  uint32_t size = args->host->struct_size;
  memcpy(&self->host, args->host, size < sizeof self->host ? size : sizeof self->host);
  args->self = self;
  return MEZZO_OK;
}

static mezzo_status do_close(void *self, mezzo_call *call) {
  (void)call;
  free(self);
  return MEZZO_OK;
}

static const mezzo_operand *operand(const mezzo_op *op, uint32_t i) {
  return (const mezzo_operand *)((const char *)op->operands + (size_t)i * op->operand_stride);
}

static mezzo_status do_plan(void *self, mezzo_plan_args *args) {
  (void)self;
  if (!HAS(args, packed_operand)) return refuse(args->h.err, MEZZO_ABI, 0, "plan: too short");
  const mezzo_op *op = args->op;
  plan *made = calloc(1, sizeof *made);
  if (made == NULL) return MEZZO_OOM;
  made->op = op->op;
  made->alpha = 1;
  made->m = made->k = made->n = 1;
  for (uint32_t i = 0; i < op->n_attrs; i++) {
    const mezzo_attr *attr = (const mezzo_attr *)((const char *)op->attrs + (size_t)i * op->attr_stride);
    double *to = strcmp(attr->name, "alpha") == 0 ? &made->alpha : strcmp(attr->name, "beta") == 0 ? &made->beta : NULL;
    if (op->op != MEZZO_OP_MATMUL || to == NULL) {
      free(made);
      return refuse(args->h.err, MEZZO_UNSUPPORTED, MEZZO_WHY_ATTR, "an attribute that is not known");
    }
    *to = attr->v.f;
  }
  args->workspace = args->packed_bytes = 0;
  args->pack_key[0] = args->pack_key[1] = 0;
  args->n_epilogue = args->packed_operand = 0;
  if (op->op == MEZZO_OP_RELU) {
    for (int32_t i = 0; i < operand(op, 0)->ndim; i++) made->n *= operand(op, 0)->shape[i];
  } else {
    made->m = operand(op, 0)->shape[0];
    made->k = operand(op, 0)->shape[1];
    made->n = operand(op, 1)->shape[1];
    args->workspace = (uint64_t)made->n * sizeof(double);
    made->has_bias = op->n_epilogue > 0 && op->epilogue->kind == MEZZO_EPI_BIAS && op->epilogue->operand == 2;
    args->n_epilogue = (uint32_t)made->has_bias;
    if ((operand(op, 1)->flags & MEZZO_T_CONST) != 0) {
      args->packed_operand = 1;
      args->packed_bytes = (uint64_t)(made->k * made->n) * sizeof(double);
      args->pack_key[0] = 0x7065737420666f72;
      args->pack_key[1] = 64;
    }
  }
  args->plan = made;
  return MEZZO_OK;
}

static mezzo_status do_pack(void *self, mezzo_pack_args *args) {
  (void)self;
  const plan *made = args->plan;
  if (!HAS(args, dst_bytes) || args->dst_bytes != (uint64_t)(made->k * made->n) * sizeof(double))
    return refuse(args->h.err, MEZZO_ABI, 0, "pack: too short");
  const float *from = (const float *)((const char *)args->src->data + args->src->byte_offset);
  double *to = args->dst;
  for (int64_t i = 0; i < made->k * made->n; i++) to[i] = from[i];
  return MEZZO_OK;
}

static const mezzo_tensor *tensor(const mezzo_tensors *tensors, uint32_t i) {
  return (const mezzo_tensor *)((const char *)tensors->at + (size_t)i * tensors->stride);
}

static void relu(void *user, uint64_t begin, uint64_t end, uint32_t worker) {
  float *const *at = user;
  (void)worker;
  for (uint64_t i = begin; i < end; i++) at[1][i] = at[0][i] > 0 || at[0][i] != at[0][i] ? at[0][i] : 0;
}

static mezzo_status do_execute(void *self, mezzo_exec_args *args) {
  const plan *made = args->plan;
  const mezzo_host *host = &((backend *)self)->host;
  if (!HAS(args, stream)) return refuse(args->h.err, MEZZO_ABI, 0, "execute: too short");
  if (made->op == MEZZO_OP_RELU) {
    float *at[2] = {tensor(&args->in, 0)->data, tensor(&args->out, 0)->data};
    /* Hosts of an earlier version may lack a service. */
    if (host->parallel_for != NULL) return host->parallel_for(host->ctx, (uint64_t)made->n, 1, relu, at);
    relu(at, 0, (uint64_t)made->n, 0);
    return MEZZO_OK;
  }
  const float *a = tensor(&args->in, 0)->data, *bias = made->has_bias ? tensor(&args->in, 2)->data : NULL;
  const mezzo_tensor *b = tensor(&args->in, 1);
  float *c = tensor(&args->out, 0)->data;
  double *sums = args->workspace;
  for (int64_t i = 0; i < made->m; i++) {
    memset(sums, 0, (size_t)made->n * sizeof *sums);
    for (int64_t k = 0; k < made->k; k++)
      for (int64_t j = 0; j < made->n; j++)
        sums[j] += a[i * made->k + k] * (b->layout == MEZZO_LAYOUT_PACKED ? ((const double *)b->data)[k * made->n + j]
                                                                          : ((const float *)b->data)[k * made->n + j]);
    for (int64_t j = 0; j < made->n; j++) {
      double sum = made->alpha * sums[j] + (made->beta != 0 ? made->beta * c[i * made->n + j] : 0);
      c[i * made->n + j] = (float)(sum + (bias != NULL ? bias[j] : 0));
    }
  }
  return MEZZO_OK;
}

static mezzo_status do_release(void *self, mezzo_release_args *args) {
  (void)self;
  free(args->plan);
  return MEZZO_OK;
}

#ifdef PADDED
typedef struct { mezzo_rule known; unsigned char later[24]; } rule;
typedef struct { mezzo_backend known; unsigned char later[72]; } table;
#else
typedef struct { mezzo_rule known; } rule;
typedef struct { mezzo_backend known; } table;
#endif

const mezzo_backend *mezzo_backend_query(const mezzo_offer *offer) {
  static rule rules[2];
  static table answer;
  if (offer->major != 1 || offer->min_minor > MINOR || offer->max_minor < MINOR) return NULL;
  memset(rules, POISON, sizeof rules);
  memset(&answer, POISON, sizeof answer);
  const mezzo_rule of_relu = {.struct_size = sizeof(rule), .op = MEZZO_OP_RELU, .name = "relu.f32", .sig = "x:f32 -> y:f32",
                              .when = "contiguous(x) and contiguous(y)", .flags = MEZZO_R_REENTRANT};
  const mezzo_rule of_matmul = {
      .struct_size = sizeof(rule), .op = MEZZO_OP_MATMUL, .name = "matmul.f32", .sig = "A:f32[m,k] B:f32[k,n] -> C:f32[m,n]",
      .when = "contiguous(A) and contiguous(B) and contiguous(C)", .flags = MEZZO_R_REENTRANT | MEZZO_R_PREPACKS,
      .numerics = {.accum = {MEZZO_FLOAT, 64, 1}}, .epilogue_mask = MEZZO_EPI_BIT(MEZZO_EPI_BIAS)};
  rules[0].known = of_relu;
  rules[1].known = of_matmul;
  const mezzo_backend known = {
      .struct_size = sizeof answer, .abi_major = 1, .abi_minor = MINOR, .id = "versions", .version = "1", .rules = &rules[0].known,
      .n_rules = 2, .rule_stride = sizeof rules[0], .open = do_open, .close = do_close, .plan = do_plan, .pack = do_pack,
      .execute = do_execute, .release = do_release};
  answer.known = known;
#ifdef PADDED
  for (int i = 0; i < 2; i++) rules[i].known.reserved = rules[i].known.numerics.reserved = 0xAAAAAAAA;
#endif
#ifdef TRUNCATED
  answer.known.struct_size = offsetof(mezzo_backend, extension);
  memset(&answer.known.extension, POISON, sizeof answer.known.extension);
#endif
  return &answer.known;
}
