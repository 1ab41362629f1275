/* Rows brought to int8, each by the largest of its magnitudes or by a given one. */
#include <math.h>
#include <string.h>
#include "operations.h"

enum {
  GRAIN = 32768, /* elements below which a thread costs more than it brings */
  BLOCK = 2048   /* of a row that is converted at once: most rows are converted only once then */
};

/* Bits of magnitudes are ordered as the magnitudes are, and NaN lies above infinity. */
MZ_CLONES static uint32_t largest_float(const float *x, int64_t n) {
  uint32_t largest = 0;
  for (int64_t i = 0; i < n; i++) {
    uint32_t bits;
    memcpy(&bits, x + i, sizeof bits);
    bits &= UINT32_MAX >> 1;
    largest = bits > largest ? bits : largest;
  }
  return largest;
}

MZ_CLONES static uint64_t largest_double(const double *x, int64_t n) {
  uint64_t largest = 0;
  for (int64_t i = 0; i < n; i++) {
    uint64_t bits;
    memcpy(&bits, x + i, sizeof bits);
    bits &= UINT64_MAX >> 1;
    largest = bits > largest ? bits : largest;
  }
  return largest;
}

/* Adding 1.5 * 2^23 leaves an integer, to nearest even, in the lowest bits. */
MZ_CLONES static void round_float(int8_t *q, const float *x, float factor, int64_t n) {
  for (int64_t i = 0; i < n; i++) {
    float value = x[i] * factor;
    value = value > 127 ? 127 : value;
    value = value < -127 ? -127 : value;
    value += 0x1.8p23f;
    int32_t bits;
    memcpy(&bits, &value, sizeof bits);
    q[i] = (int8_t)bits;
  }
}

static void round_double(int8_t *q, const double *x, double factor, int64_t n) {
  for (int64_t i = 0; i < n; i++) {
    double value = x[i] * factor;
    q[i] = (int8_t)rint(value > 127 ? 127 : value < -127 ? -127 : value);
  }
}

/* Where 127 / limit would overflow. */
static void round_tiny_float(int8_t *q, const float *x, double limit, int64_t n) {
  for (int64_t i = 0; i < n; i++) {
    double value = (double)x[i] / limit * 127;
    q[i] = (int8_t)rint(value > 127 ? 127 : value < -127 ? -127 : value);
  }
}

static void round_tiny_double(int8_t *q, const double *x, double limit, int64_t n) {
  for (int64_t i = 0; i < n; i++) {
    double value = x[i] / limit * 127;
    q[i] = (int8_t)rint(value > 127 ? 127 : value < -127 ? -127 : value);
  }
}

/* A row, and room for a block of it in the domain's type. */
typedef struct {
  const char *at;
  char *buffer;
  bool is_loaded; /* the whole row lies in the buffer */
} source;

static const void *block(const mz_quantize *p, source *row, int64_t begin, int64_t n) {
  const char *from = row->at + begin * p->x_stride;
  if (p->is_plain) return from;
  if (!row->is_loaded) p->load(row->buffer, from, p->x_stride, n);
  row->is_loaded = n == p->count;
  return row->buffer;
}

static int64_t length(const mz_quantize *p, int64_t begin) { return p->count - begin < BLOCK ? p->count - begin : BLOCK; }

/* NaN if the row holds one. */
static double largest(const mz_quantize *p, source *row) {
  uint64_t bits = 0;
  for (int64_t i = 0; i < p->count; i += BLOCK) {
    int64_t n = length(p, i);
    const void *x = block(p, row, i, n);
    uint64_t here = p->in_double ? largest_double(x, n) : largest_float(x, n);
    bits = here > bits ? here : bits;
  }
  if (p->in_double) {
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
  }
  uint32_t narrow = (uint32_t)bits;
  float value;
  memcpy(&value, &narrow, sizeof value);
  return (double)value;
}

static void round_row(const mz_quantize *p, char *q, source *row, double limit) {
  int8_t staged[BLOCK];
  double factor = p->in_double ? 127 / limit : (double)(127 / (float)limit);
  for (int64_t i = 0; i < p->count; i += BLOCK) {
    int64_t n = length(p, i);
    const void *x = block(p, row, i, n);
    int8_t *to = p->q_stride == 1 ? (int8_t *)q + i : staged;
    if (isinf(factor)) {
      if (p->in_double) round_tiny_double(to, x, limit, n);
      else round_tiny_float(to, x, limit, n);
    } else if (p->in_double) {
      round_double(to, x, factor, n);
    } else {
      round_float(to, x, (float)factor, n);
    }
    for (int64_t j = 0; j < n && to == staged; j++) q[(i + j) * p->q_stride] = (char)staged[j];
  }
}

static void clear_row(const mz_quantize *p, char *q) {
  for (int64_t i = 0; i < p->count; i++) q[i * p->q_stride] = 0;
}

static void body(void *user, uint64_t begin, uint64_t end, uint32_t worker) {
  (void)worker;
  _Alignas(64) char buffer[BLOCK * sizeof(double)];
  const mz_call *call = user;
  const mz_plan *plan = call->plan;
  const mz_quantize *p = &plan->u.quantize;
  double given = p->in_double ? *(const double *)(const void *)call->at[1] : (double)*(const float *)(const void *)call->at[1];
  char *base[] = {call->at[0], call->at[plan->n_in], call->at[plan->n_in + 1]}, *at[3];
  for (int64_t row = (int64_t)begin; row < (int64_t)end; row++) {
    mz_space_seek(&p->rows, row, base, at);
    source x = {at[0], buffer, false};
    double found = largest(p, &x);
    double limit = isnan(found) || given == 0 ? found : given;
    bool is_number = isfinite(limit);
    if (is_number && limit > 0) round_row(p, at[1], &x, limit);
    else clear_row(p, at[1]);
    if (p->in_double) *(double *)(void *)at[2] = is_number ? limit / 127 : (double)NAN;
    else *(float *)(void *)at[2] = is_number ? (float)limit / 127 : NAN;
  }
}

static mezzo_status run(const mz_call *call) {
  const mz_quantize *p = &call->plan->u.quantize;
  int64_t grain = GRAIN / (p->count > 0 ? p->count : 1) + 1;
  return mz_parallel(call->plan, p->rows.count, grain, body, (void *)(uintptr_t)call);
}

mezzo_status mz_plan_quantize(mz_request *r) {
  mz_plan *plan = r->plan;
  mz_quantize *p = &plan->u.quantize;
  MZ_TRY(mz_expect_arity(r, 2, 2));
  MZ_TRY(mz_expect_dtype(r, 0, MZ_FLOATS));
  const mz_operand *x = &plan->operand[0], *q = &plan->operand[plan->n_in], *scale = &plan->operand[plan->n_in + 1];
  mz_domain domain = mz_domain_of(x->dtype);
  if (x->rank == 0)
    return mz_refuse(r->err, MEZZO_INVALID, MEZZO_WHY_SHAPE, 0, "operand 0 has rank 0; expected rows x[..., n]");
  MZ_TRY(mz_expect_dtype(r, 1, MZ_SET(mz_domain_dtype(domain))));
  MZ_TRY(mz_expect_rank(r, 1, 0));
  MZ_TRY(mz_expect_dtype(r, plan->n_in, MZ_SET(MZ_I8)));
  MZ_TRY(mz_expect_same(r, plan->n_in, 0, false));
  MZ_TRY(mz_expect_dtype(r, plan->n_in + 1, MZ_SET(mz_domain_dtype(domain))));
  MZ_TRY(mz_expect_shape(r, plan->n_in + 1, x->rank - 1, x->shape));
  MZ_TRY(mz_expect_accumulator(r, mz_domain_dtype(domain)));
  mz_space_init(&p->rows, 3);
  for (int axis = 0; axis < x->rank - 1; axis++)
    mz_space_add(&p->rows, x->shape[axis], (int64_t[]){x->stride[axis], q->stride[axis], scale->stride[axis]});
  mz_space_coalesce(&p->rows);
  p->count = x->shape[x->rank - 1];
  p->x_stride = x->stride[x->rank - 1];
  p->q_stride = q->stride[x->rank - 1];
  p->in_double = domain == MZ_IN_DOUBLE;
  p->is_plain = x->dtype == mz_domain_dtype(domain) && p->x_stride == x->size;
  p->load = mz_loader(domain, x->dtype);
  plan->run = run;
  return MEZZO_OK;
}
