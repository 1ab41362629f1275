#include <math.h>
#include <string.h>
#include "attention.h"
#include "attention_lanes.h"
#include "pair_tiles.h"

enum { PAIR = 2 * sizeof(uint16_t) };

static int64_t stretch_bytes(const mz_attention *p) { return MZ_TILE_STRETCH * p->element; }

static mezzo_status read_shapes(mz_request *r, const int operands[6]) {
  mz_plan *plan = r->plan;
  mz_attention *p = &plan->u.attention;
  const mz_operand *q = &plan->operand[operands[0]], *v = &plan->operand[operands[2]];
  int rank = q->rank;
  if (rank < 2 || v->rank != rank)
    return mz_refuse(r->err, MEZZO_INVALID, MEZZO_WHY_SHAPE, (uint32_t)operands[0],
                     "operands %d and %d have ranks %d and %d; expected q[..., s, d] and v[..., t, e]", operands[0], operands[2],
                     rank, v->rank);
  p->queries = q->shape[rank - 2];
  p->dim = q->shape[rank - 1];
  p->keys = v->shape[rank - 2];
  p->width = v->shape[rank - 1];
  mz_dtype wide = q->dtype == MZ_F64 ? MZ_F64 : MZ_F32;
  const int64_t ends[6][2] = {{p->queries, p->dim},  {p->keys, p->dim},      {p->keys, p->width},
                              {p->queries, p->keys}, {p->queries, p->width}, {p->queries, 0}};
  int64_t shape[MZ_MAX_RANK];
  memcpy(shape, q->shape, sizeof shape);
  for (int i = 0; i < 6; i++) {
    bool is_wide = i == 3 || i == 5;
    shape[rank - 2] = ends[i][0];
    shape[rank - 1] = ends[i][1];
    MZ_TRY(mz_expect_dtype(r, operands[i], MZ_SET(is_wide ? wide : q->dtype)));
    MZ_TRY(mz_expect_shape(r, operands[i], i == 5 ? rank - 1 : rank, shape));
  }
  return mz_expect_accumulator(r, wide);
}

mezzo_status mz_plan_scores(mz_request *r, const int operands[6]) {
  mz_plan *plan = r->plan;
  mz_attention *p = &plan->u.attention;
  const mz_operand *q = &plan->operand[operands[0]];
  int64_t causal;
  MZ_TRY(mz_expect_dtype(r, operands[0], MZ_FLOATS));
  MZ_TRY(read_shapes(r, operands));
  MZ_TRY(mz_attr_float(r, "scale", &p->scale));
  MZ_TRY(mz_attr_int(r, "causal", 0, 1, &causal));
  p->is_causal = causal == 1;
  int n = plan->n_in + plan->n_out;
  mz_domain domain = mz_domain_of(q->dtype);
  mz_space_init(&p->batches, n);
  for (int axis = 0; axis < q->rank - 2; axis++) {
    int64_t strides[MZ_MAX_MAPPED];
    for (int o = 0; o < n; o++) strides[o] = plan->operand[o].stride[axis];
    mz_space_add(&p->batches, q->shape[axis], strides);
  }
  mz_space_coalesce(&p->batches);
  for (int o = 0; o < n; o++) {
    const mz_operand *operand = &plan->operand[o];
    for (int i = 0; i < 2 && q->rank - 2 + i < operand->rank; i++) p->stride[o][i] = operand->stride[q->rank - 2 + i];
    p->load[o] = mz_loader(domain, operand->dtype);
    p->store[o] = mz_storer(domain, operand->dtype);
  }
  bool in_double = domain == MZ_IN_DOUBLE;
  p->tile = in_double ? mz_tile_double() : mz_tile_float();
  p->element = in_double ? sizeof(double) : sizeof(float);
  p->kernels = in_double ? &mz_norms_double : &mz_norms_float;
  const mz_score_kernels *wide = in_double ? NULL : mz_wide_scores();
  p->weigh = wide != NULL ? wide->weigh : p->kernels->weigh;
  p->slope = wide != NULL ? wide->slope : p->kernels->slope;
  p->padded_dim = round_up(p->dim, p->tile->columns);
  p->padded_width = round_up(p->width, p->tile->columns);
  return MEZZO_OK;
}

/* Pairs as they lie in memory, at any address. */
static void load_pairs(void *to, const char *from, int64_t stride, int64_t n) {
  (void)stride;
  memcpy(to, from, (size_t)n * PAIR);
}

void mz_plan_pairs(const mz_plan *plan, mz_attention *p, const int *operands, int n) {
  bool fits = plan->may_flush && mz_tile_pairs() != NULL && plan->operand[operands[0]].dtype == MZ_BF16 && p->dim % 2 == 0;
  for (int i = 0; i < n; i++) {
    const int64_t *stride = p->stride[operands[i]];
    const mz_operand *operand = &plan->operand[operands[i]];
    fits = fits && stride[1] == PAIR / 2 && (stride[0] < -PAIR || stride[0] > PAIR) && operand->shape[operand->rank - 1] % 2 == 0;
  }
  if (!fits) return;
  p->in_pairs = true;
  p->tile = mz_tile_pairs();
  p->weigh = mz_wide_scores_in_pairs()->weigh;
  p->slope = mz_wide_scores_in_pairs()->slope;
}

void mz_load_block(const mz_attention *p, int operand, char *to, const char *from, int64_t rows, int64_t depth) {
  int64_t step = p->in_pairs ? PAIR : p->stride[operand][1];
  mz_load *load = p->in_pairs ? load_pairs : p->load[operand];
  for (int64_t k = 0; k < depth; k += MZ_TILE_STRETCH, to += p->block * stretch_bytes(p)) {
    int64_t n = min64(MZ_TILE_STRETCH, depth - k);
    for (int64_t r = 0; r < rows; r++) load(to + r * stretch_bytes(p), from + r * p->stride[operand][0] + k * step, step, n);
  }
}

void mz_pack_columns(const mz_attention *p, int operand, char *to, const char *from, int64_t depth, int64_t columns) {
  const int64_t *stride = p->stride[operand];
  mz_packing packing = {from, stride[0], stride[1], p->load[operand]};
  if (p->in_pairs) packing = (mz_packing){from, stride[0], PAIR, load_pairs};
  if (depth > 0) mz_pack(to, p->element, p->tile->columns, &packing, columns, depth);
}

/* The first of a unit lies in its low half. */
MZ_CLONES void mz_join_pairs(uint32_t *to, const uint16_t *low, const uint16_t *high, int64_t n) {
  for (int64_t i = 0; i < n; i++) to[i] = low[i] | (uint32_t)high[i] << 16;
}

static void pack_pairs(const mz_attention *p, int operand, char *to, const char *from, int64_t rows, int64_t columns) {
  const int64_t *stride = p->stride[operand];
  int64_t units = mz_units(p, rows), width = p->tile->columns;
  uint16_t low[MZ_BLOCK], high[MZ_BLOCK];
  uint32_t joined[MZ_BLOCK];
  int64_t most = MZ_BLOCK / width * width;
  for (int64_t first = 0; first < columns; first += most, to += most * units * PAIR) {
    int64_t n = min64(most, columns - first);
    if (n % width != 0) memset(to + n / width * width * units * PAIR, 0, (size_t)(width * units * PAIR));
    for (int64_t unit = 0; unit < units; unit++) {
      const char *at = from + 2 * unit * stride[0] + first * stride[1];
      memcpy(low, at, (size_t)n * sizeof *low);
      if (2 * unit + 1 < rows) memcpy(high, at + stride[0], (size_t)n * sizeof *high);
      else memset(high, 0, (size_t)n * sizeof *high);
      mz_join_pairs(joined, low, high, n);
      mz_deal(to + unit * width * PAIR, width * units * PAIR, width * PAIR, (const char *)joined, n * PAIR);
    }
  }
}

void mz_pack_rows(const mz_attention *p, int operand, char *to, const char *from, int64_t rows, int64_t columns) {
  mz_packing packing = {from, p->stride[operand][1], p->stride[operand][0], p->load[operand]};
  if (p->in_pairs) pack_pairs(p, operand, to, from, rows, columns);
  else if (rows > 0) mz_pack(to, p->element, p->tile->columns, &packing, columns, rows);
}

void mz_make_scores(const mz_attention *p, char *scores, const char *a, const char *panels, int64_t depth, int64_t rows,
                    int64_t first, int64_t count) {
  const mz_tile *tile = p->tile;
  if (depth == 0)
    for (int64_t r = 0; r < p->block; r++) memset(scores + r * stretch_bytes(p), 0, (size_t)stretch_bytes(p));
  for (int64_t k = 0; k < depth; k += MZ_TILE_STRETCH, a += p->block * stretch_bytes(p)) {
    int64_t n = min64(MZ_TILE_STRETCH, depth - k);
    for (int64_t j = 0; j < count; j += tile->columns) {
      const char *panel = panels + ((first + j) * depth + k * tile->columns) * p->element;
      for (int64_t i = 0, step; i < rows; i += step) {
        step = mz_tile_step(tile, rows - i);
        mz_tile_fitting(tile, MZ_B_SAME, step)(n, a + i * stretch_bytes(p), panel,
                                               scores + i * stretch_bytes(p) + j * p->element, MZ_TILE_STRETCH, k > 0);
      }
    }
  }
}

void mz_weigh(const mz_attention *p, char *acc, const char *scores, const char *panels, int64_t depth, int64_t rows, int64_t first,
              int64_t count, int64_t stride) {
  const mz_tile *tile = p->tile;
  for (int64_t j = 0; j < stride; j += tile->columns) {
    const char *panel = panels + (j * depth + first * tile->columns) * p->element;
    for (int64_t i = 0, step; i < rows; i += step) {
      step = mz_tile_step(tile, rows - i);
      mz_tile_fitting(tile, MZ_B_SAME, step)(count, scores + i * stretch_bytes(p), panel, acc + (i * stride + j) * p->element,
                                             stride, true);
    }
  }
}

const void *mz_bias_row(const mz_attention *p, int operand, const char *bias, char *row, int64_t query, int64_t first, int64_t count) {
  const int64_t *stride = p->stride[operand];
  if (bias == NULL) return NULL;
  p->load[operand](row, bias + query * stride[0] + first * stride[1], stride[1], count);
  memset(row + count * p->element, 0, (size_t)(stretch_bytes(p) - count * p->element));
  return row;
}

bool mz_has_bias(const mz_call *call, int operand) {
  const mz_operand *bias = &call->plan->operand[operand];
  for (int axis = 0; axis < bias->rank; axis++)
    if (bias->stride[axis] != 0 && bias->shape[axis] > 1) return true;
  double value;
  if (bias->count == 0) return false;
  mz_load_double[bias->dtype](&value, call->at[operand], 0, 1);
  return value != 0;
}
