#include <math.h>
#include <string.h>
#include "attention.h"
#include "attention_lanes.h"
#include "pair_tiles.h"
#include "panel_tiles.h"

enum { PAIR = 2 * sizeof(uint16_t), LINE = 64 };

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
  p->packing = in_double ? NULL : mz_panel_packing_of(q->dtype == MZ_F16 ? MZ_SUMS_F16 : q->dtype == MZ_BF16 ? MZ_SUMS_BF16 : MZ_SUMS_F32);
  p->size = q->size;
  const mz_score_kernels *wide = in_double ? NULL : mz_wide_scores();
  p->weigh = wide != NULL ? wide->weigh : p->kernels->weigh;
  p->slope = wide != NULL ? wide->slope : p->kernels->slope;
  p->padded_dim = round_up(p->dim, p->tile->columns);
  p->padded_width = round_up(p->width, p->tile->columns);
  return MEZZO_OK;
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

/* Rows are short: a call for each would take longer than the copy. */
static void copy(char *to, const char *from, int64_t bytes) {
  for (; bytes >= LINE; bytes -= LINE, to += LINE, from += LINE) memcpy(to, from, LINE);
  if (bytes > 0) memcpy(to, from, (size_t)bytes);
}

void mz_load_block(const mz_attention *p, int operand, char *to, const char *from, int64_t rows, int64_t depth) {
  const int64_t *stride = p->stride[operand];
  bool is_copy = p->in_pairs || (p->size == p->element && stride[1] == p->size);
  int64_t step = p->in_pairs ? PAIR : stride[1];
  for (int64_t k = 0; k < depth; k += MZ_TILE_STRETCH, to += p->block * stretch_bytes(p)) {
    int64_t n = min64(MZ_TILE_STRETCH, depth - k);
    for (int64_t r = 0; r < rows; r++) {
      const char *row = from + r * stride[0] + k * step;
      if (is_copy) copy(to + r * stretch_bytes(p), row, n * p->element);
      else p->load[operand](to + r * stretch_bytes(p), row, step, n);
    }
  }
}

/* Panels of a tile's columns, each so many units long, of which `pack` makes MZ_PANEL columns at a time; `lane` bytes from one column
 * to the next. */
static void pack_panels(const mz_attention *p, mz_pack_panels *pack, char *to, const char *from, int64_t lane, int64_t stride,
                        int64_t units, int64_t places, int64_t columns) {
  int64_t width = p->tile->columns, bytes = width * units * p->element;
  for (int64_t j = 0; j < columns; j += width, to += bytes) {
    int64_t lanes = min64(width, columns - j);
    if (round_up(lanes, MZ_PANEL) < width) memset(to, 0, (size_t)bytes);
    pack((float *)(void *)to, MZ_PANEL, width, from + j * lane, stride, lanes, places);
  }
}

void mz_pack_columns(const mz_attention *p, int operand, char *to, const char *from, int64_t depth, int64_t columns) {
  const int64_t *stride = p->stride[operand];
  if (depth == 0) return;
  if (p->packing != NULL && stride[1] == p->size) {
    /* Pairs are moved as they are. */
    const mz_panel_packing *packing = p->in_pairs ? mz_panel_packing_of(MZ_SUMS_F32) : p->packing;
    pack_panels(p, packing->columns, to, from, stride[0], stride[0], depth, depth, columns);
    return;
  }
  mz_packing packing = {from, stride[0], stride[1], p->load[operand]};
  mz_pack(to, p->element, p->tile->columns, &packing, columns, depth);
}

/* The first of a unit lies in its low half. */
MZ_CLONES void mz_join_pairs(uint32_t *to, const uint16_t *low, const uint16_t *high, int64_t n) {
  for (int64_t i = 0; i < n; i++) to[i] = low[i] | (uint32_t)high[i] << 16;
}

void mz_pack_rows(const mz_attention *p, int operand, char *to, const char *from, int64_t rows, int64_t columns) {
  const int64_t *stride = p->stride[operand];
  if (rows == 0) return;
  if (p->packing != NULL && stride[1] == p->size) {
    mz_pack_panels *pack = p->in_pairs ? mz_pack_pairs : p->packing->rows;
    pack_panels(p, pack, to, from, p->size, stride[0], mz_units(p, rows), rows, columns);
    return;
  }
  mz_packing packing = {from, stride[1], stride[0], p->load[operand]};
  mz_pack(to, p->element, p->tile->columns, &packing, columns, rows);
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
