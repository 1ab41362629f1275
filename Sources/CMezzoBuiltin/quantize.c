/* Rows brought to int8, each by what it reaches to on both sides of 0 or by a given magnitude. */
#include <math.h>
#include <string.h>
#include "operations.h"
#include "quantize_rows.h"
#include "target.h"

enum {
  GRAIN = 32768, /* elements below which a thread costs more than it brings */
  BLOCK = 2048,  /* of a row that is converted at once: most rows are converted only once then */
  ROWS = 8,
  NEAR_BYTES = 1 << 15
};

/* What a row reaches to on both sides of 0, and whether all of it are numbers. */
typedef struct {
  double low, high;
  bool has_nan, has_infinity;
} range;

/* What is no number or infinite makes 0 times it a NaN. */
MZ_CLONES static void range_double(range *r, const double *x, int64_t n) {
  enum { LANES = 16 };
  double low[LANES] = {0}, high[LANES] = {0}, odd[LANES] = {0};
  int64_t i = 0;
  for (; i + LANES <= n; i += LANES)
    MZ_INDEPENDENT for (int l = 0; l < LANES; l++) {
      double value = x[i + l];
      low[l] = value < low[l] ? value : low[l];
      high[l] = value > high[l] ? value : high[l];
      odd[l] += value * 0;
    }
  for (int l = 0; i < n; i++, l++) {
    low[l] = x[i] < low[l] ? x[i] : low[l];
    high[l] = x[i] > high[l] ? x[i] : high[l];
    odd[l] += x[i] * 0;
  }
  bool has_odd = false;
  for (int l = 0; l < LANES; l++) {
    r->low = low[l] < r->low ? low[l] : r->low;
    r->high = high[l] > r->high ? high[l] : r->high;
    has_odd |= odd[l] != 0;
  }
  for (i = 0; has_odd && i < n; i++) {
    r->has_nan |= x[i] != x[i];
    r->has_infinity |= isinf(x[i]);
  }
}

static void range_float(range *r, const mz_quantize_rows *kernels, const void *x, int64_t n) {
  float low, high;
  kernels->reach(&low, &high, x, n);
  r->has_nan |= low != low || high != high;
  r->has_infinity |= isinf(low) || isinf(high);
  r->low = (double)low < r->low ? (double)low : r->low;
  r->high = (double)high > r->high ? (double)high : r->high;
}

static int8_t rounded(double value, int zero) {
  double least = -127 - zero, largest = 127 - zero;
  if (value != value) return (int8_t)zero;
  return (int8_t)((int)rint(value > largest ? largest : value < least ? least : value) + zero);
}

static void round_double(int8_t *q, const double *x, double factor, int zero, int64_t n) {
  for (int64_t i = 0; i < n; i++) q[i] = rounded(x[i] * factor, zero);
}

/* Where 1 / scale would overflow. */
static void round_tiny(const mz_quantize *p, int8_t *q, const void *x, double scale, int zero, int64_t n) {
  for (int64_t i = 0; i < n; i++) {
    double value;
    p->load_tiny(&value, (const char *)x + i * p->element, p->element, 1);
    q[i] = rounded(value / scale, zero);
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

/* The whole of a row that need not be converted, else a block of it. */
static int64_t length(const mz_quantize *p, int64_t begin) {
  int64_t left = p->count - begin;
  return left < BLOCK || (p->is_plain && p->q_stride == 1) ? left : BLOCK;
}

static range range_of(const mz_quantize *p, source *row) {
  range r = {0};
  for (int64_t i = 0, n; i < p->count; i += n) {
    n = length(p, i);
    const void *x = block(p, row, i, n);
    if (p->in_double) range_double(&r, x, n);
    else range_float(&r, p->kernels, x, n);
  }
  return r;
}

static void round_row(const mz_quantize *p, char *q, source *row, double scale, int zero) {
  int8_t staged[BLOCK];
  double factor = p->in_double ? 1 / scale : (double)(float)(1 / scale);
  for (int64_t i = 0, n; i < p->count; i += n) {
    n = length(p, i);
    const void *x = block(p, row, i, n);
    int8_t *to = p->q_stride == 1 ? (int8_t *)q + i : staged;
    if (isinf(factor)) {
      round_tiny(p, to, x, scale, zero, n);
    } else if (p->in_double) {
      round_double(to, x, factor, zero, n);
    } else {
      p->kernels->round(to, x, (float)factor, zero, n);
    }
    for (int64_t j = 0; j < n && to == staged; j++) q[(i + j) * p->q_stride] = (char)staged[j];
  }
}

static void clear_row(const mz_quantize *p, char *q) {
  for (int64_t i = 0; i < p->count; i++) q[i * p->q_stride] = 0;
}

/* What a row is brought to int8 with, and what says so beside it. */
typedef struct {
  double scale;
  int zero;
  bool is_number;
} scaling;

/* To nearest even, of what is far below 2^51; a call of the C library's would be most of what a short row takes. */
static double nearest(double x) { return x + 0x1.8p52 - 0x1.8p52; }

static scaling scaling_of(const mz_quantize *p, range r, double given) {
  scaling s = {.is_number = !r.has_nan && (given != 0 || !r.has_infinity)};
  if (p->is_symmetric) {
    r.high = r.high > -r.low ? r.high : -r.low;
    r.low = -r.high;
  }
  /* By halves, as the difference may overflow. */
  s.scale = given != 0 ? given / 127 : r.high / 254 - r.low / 254;
  /* As it is stored, so that rows whose scale is not a float's are 0. */
  if (!p->in_double) s.scale = (double)(float)s.scale;
  double middle = s.is_number && given == 0 && s.scale > 0 ? -nearest((r.low / 2 + r.high / 2) / s.scale) : 0;
  s.zero = (int)(middle > 127 ? 127 : middle < -127 ? -127 : middle);
  return s;
}

/* Rows that are taken together, so that none waits for the divisions of its own: such as stay in the first cache. */
static int64_t rows_at_once(const mz_quantize *p) {
  int64_t fit = p->is_plain ? NEAR_BYTES / (p->count * p->element + 1) : 1;
  return fit < 1 ? 1 : fit > ROWS ? ROWS : fit;
}

static void body(void *user, uint64_t begin, uint64_t end, uint32_t worker) {
  (void)worker;
  _Alignas(64) char buffer[BLOCK * sizeof(double)];
  const mz_call *call = user;
  const mz_plan *plan = call->plan;
  const mz_quantize *p = &plan->u.quantize;
  double given = p->in_double ? *(const double *)(const void *)call->at[1] : (double)*(const float *)(const void *)call->at[1];
  char *base[] = {call->at[0], call->at[plan->n_in], call->at[plan->n_in + 1], call->at[plan->n_in + 2]}, *at[4];
  int64_t most = rows_at_once(p), rows, stride[4];
  for (int o = 0; o < 4; o++) stride[o] = p->rows.stride[o][p->rows.rank - 1];
  for (int64_t row = (int64_t)begin; row < (int64_t)end; row += rows) {
    source x[ROWS];
    scaling by[ROWS];
    rows = mz_space_seek(&p->rows, row, base, at);
    rows = rows < (int64_t)end - row ? rows : (int64_t)end - row;
    rows = rows < most ? rows : most;
    for (int64_t i = 0; i < rows; i++) {
      x[i] = (source){at[0] + i * stride[0], buffer, false};
      by[i] = scaling_of(p, range_of(p, &x[i]), given);
      char *scale = at[2] + i * stride[2];
      if (p->in_double) *(double *)(void *)scale = by[i].is_number ? by[i].scale : (double)NAN;
      else *(float *)(void *)scale = by[i].is_number ? (float)by[i].scale : NAN;
      at[3][i * stride[3]] = (char)by[i].zero;
    }
    for (int64_t i = 0; i < rows; i++) {
      char *q = at[1] + i * stride[1];
      if (by[i].is_number && by[i].scale > 0) round_row(p, q, &x[i], by[i].scale, by[i].zero);
      else clear_row(p, q);
    }
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
  /* What of float the kernels do not take as it is passes through a buffer. */
  bool is_taken = p->in_double ? x->dtype == MZ_F64 : mz_quantize_rows_of(x->dtype) != NULL;
  p->is_plain = is_taken && (p->x_stride == x->size || p->count == 1);
  mz_dtype taken = p->is_plain ? x->dtype : mz_domain_dtype(domain);
  if (!p->in_double) p->kernels = mz_quantize_rows_of(taken);
  p->element = mz_dtype_size(taken);
  p->load_tiny = mz_loader(MZ_IN_DOUBLE, taken);
  p->load = mz_loader(domain, x->dtype);
  plan->run = run;
  return MEZZO_OK;
}
