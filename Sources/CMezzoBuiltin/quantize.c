/* Rows brought to int8, each by what it reaches to on both sides of 0 or by a given magnitude. */
#include <math.h>
#include <string.h>
#include "operations.h"

enum {
  GRAIN = 32768, /* elements below which a thread costs more than it brings */
  BLOCK = 2048   /* of a row that is converted at once: most rows are converted only once then */
};

/* What a row reaches to on both sides of 0, and whether all of it are numbers. */
typedef struct {
  double low, high;
  bool has_nan, has_infinity;
} range;

/* What is no number or infinite makes 0 times it a NaN. */
#define RANGE(T, suffix, LANES)                                                                     \
  MZ_CLONES static void range_##suffix(range *r, const T *x, int64_t n) {                           \
    T low[LANES] = {0}, high[LANES] = {0}, odd[LANES] = {0};                                        \
    int64_t i = 0;                                                                                  \
    for (; i + LANES <= n; i += LANES)                                                              \
      MZ_INDEPENDENT for (int l = 0; l < LANES; l++) {                                              \
        T value = x[i + l];                                                                         \
        low[l] = value < low[l] ? value : low[l];                                                   \
        high[l] = value > high[l] ? value : high[l];                                                \
        odd[l] += value * 0;                                                                        \
      }                                                                                             \
    for (int l = 0; i < n; i++, l++) {                                                              \
      low[l] = x[i] < low[l] ? x[i] : low[l];                                                       \
      high[l] = x[i] > high[l] ? x[i] : high[l];                                                    \
      odd[l] += x[i] * 0;                                                                           \
    }                                                                                               \
    for (int width = LANES / 2; width > 0; width /= 2)                                              \
      for (int l = 0; l < width; l++) {                                                             \
        low[l] = low[l + width] < low[l] ? low[l + width] : low[l];                                 \
        high[l] = high[l + width] > high[l] ? high[l + width] : high[l];                            \
        odd[l] += odd[l + width];                                                                   \
      }                                                                                             \
    r->low = (double)low[0] < r->low ? (double)low[0] : r->low;                                     \
    r->high = (double)high[0] > r->high ? (double)high[0] : r->high;                                \
    for (i = 0; odd[0] != 0 && i < n; i++) {                                                        \
      r->has_nan |= x[i] != x[i];                                                                   \
      r->has_infinity |= isinf((double)x[i]);                                                       \
    }                                                                                               \
  }
RANGE(float, float, 32)
RANGE(double, double, 16)

/* x / scale + zero. Adding 1.5 * 2^23 leaves an integer, to nearest even, in the lowest bits. */
MZ_CLONES static void round_float(int8_t *q, const float *x, float factor, int zero, int64_t n) {
  float least = (float)(-127 - zero), largest = (float)(127 - zero);
  for (int64_t i = 0; i < n; i++) {
    float value = x[i] * factor;
    value = value > largest ? largest : value;
    value = value < least ? least : value;
    value += 0x1.8p23f;
    int32_t bits;
    memcpy(&bits, &value, sizeof bits);
    q[i] = (int8_t)(bits + zero);
  }
}

static int8_t rounded(double value, int zero) {
  double least = -127 - zero, largest = 127 - zero;
  return (int8_t)((int)rint(value > largest ? largest : value < least ? least : value) + zero);
}

static void round_double(int8_t *q, const double *x, double factor, int zero, int64_t n) {
  for (int64_t i = 0; i < n; i++) q[i] = rounded(x[i] * factor, zero);
}

/* Where 1 / scale would overflow. */
static void round_tiny_float(int8_t *q, const float *x, double scale, int zero, int64_t n) {
  for (int64_t i = 0; i < n; i++) q[i] = rounded((double)x[i] / scale, zero);
}

static void round_tiny_double(int8_t *q, const double *x, double scale, int zero, int64_t n) {
  for (int64_t i = 0; i < n; i++) q[i] = rounded(x[i] / scale, zero);
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

static range range_of(const mz_quantize *p, source *row) {
  range r = {0};
  for (int64_t i = 0; i < p->count; i += BLOCK) {
    int64_t n = length(p, i);
    const void *x = block(p, row, i, n);
    if (p->in_double) range_double(&r, x, n);
    else range_float(&r, x, n);
  }
  return r;
}

static void round_row(const mz_quantize *p, char *q, source *row, double scale, int zero) {
  int8_t staged[BLOCK];
  double factor = p->in_double ? 1 / scale : (double)(float)(1 / scale);
  for (int64_t i = 0; i < p->count; i += BLOCK) {
    int64_t n = length(p, i);
    const void *x = block(p, row, i, n);
    int8_t *to = p->q_stride == 1 ? (int8_t *)q + i : staged;
    if (isinf(factor)) {
      if (p->in_double) round_tiny_double(to, x, scale, zero, n);
      else round_tiny_float(to, x, scale, zero, n);
    } else if (p->in_double) {
      round_double(to, x, factor, zero, n);
    } else {
      round_float(to, x, (float)factor, zero, n);
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
  char *base[] = {call->at[0], call->at[plan->n_in], call->at[plan->n_in + 1], call->at[plan->n_in + 2]}, *at[4];
  for (int64_t row = (int64_t)begin; row < (int64_t)end; row++) {
    mz_space_seek(&p->rows, row, base, at);
    source x = {at[0], buffer, false};
    range r = range_of(p, &x);
    bool is_number = !r.has_nan && (given != 0 || !r.has_infinity);
    if (p->is_symmetric) {
      r.high = r.high > -r.low ? r.high : -r.low;
      r.low = -r.high;
    }
    /* By halves, as the difference may overflow. */
    double scale = given != 0 ? given / 127 : r.high / 254 - r.low / 254;
    /* As it is stored, so that rows whose scale is not a float's are 0. */
    if (!p->in_double) scale = (double)(float)scale;
    double middle = is_number && given == 0 && scale > 0 ? -rint((r.low / 2 + r.high / 2) / scale) : 0;
    int zero = (int)(middle > 127 ? 127 : middle < -127 ? -127 : middle);
    if (is_number && scale > 0) round_row(p, at[1], &x, scale, zero);
    else clear_row(p, at[1]);
    if (p->in_double) *(double *)(void *)at[2] = is_number ? scale : (double)NAN;
    else *(float *)(void *)at[2] = is_number ? (float)scale : NAN;
    *at[3] = (char)zero;
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
  MZ_TRY(mz_expect_arity(r, 2, 3));
  int64_t symmetric;
  MZ_TRY(mz_attr_int(r, "symmetric", 0, 1, &symmetric));
  p->is_symmetric = symmetric == 1;
  MZ_TRY(mz_expect_dtype(r, 0, MZ_FLOATS));
  const mz_operand *x = &plan->operand[0], *q = &plan->operand[plan->n_in], *scale = &plan->operand[plan->n_in + 1],
                   *zero = &plan->operand[plan->n_in + 2];
  mz_domain domain = mz_domain_of(x->dtype);
  if (x->rank == 0)
    return mz_refuse(r->err, MEZZO_INVALID, MEZZO_WHY_SHAPE, 0, "operand 0 has rank 0; expected rows x[..., n]");
  MZ_TRY(mz_expect_dtype(r, 1, MZ_SET(mz_domain_dtype(domain))));
  MZ_TRY(mz_expect_rank(r, 1, 0));
  MZ_TRY(mz_expect_dtype(r, plan->n_in, MZ_SET(MZ_I8)));
  MZ_TRY(mz_expect_same(r, plan->n_in, 0, false));
  MZ_TRY(mz_expect_dtype(r, plan->n_in + 1, MZ_SET(mz_domain_dtype(domain))));
  MZ_TRY(mz_expect_shape(r, plan->n_in + 1, x->rank - 1, x->shape));
  MZ_TRY(mz_expect_dtype(r, plan->n_in + 2, MZ_SET(MZ_I8)));
  MZ_TRY(mz_expect_shape(r, plan->n_in + 2, x->rank - 1, x->shape));
  MZ_TRY(mz_expect_accumulator(r, mz_domain_dtype(domain)));
  mz_space_init(&p->rows, 4);
  for (int axis = 0; axis < x->rank - 1; axis++)
    mz_space_add(&p->rows, x->shape[axis], (int64_t[]){x->stride[axis], q->stride[axis], scale->stride[axis], zero->stride[axis]});
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
