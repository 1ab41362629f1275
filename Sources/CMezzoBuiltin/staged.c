#include "staged.h"

enum { STAGED_GRAIN = 16384 /* elements below which a thread costs more than it brings */ };

const mz_edges *mz_edges_of(mz_dtype dtype) {
  switch (dtype) {
    case MZ_BF16: return mz_edges_bfloat16();
    case MZ_F16: return mz_edges_float16();
    case MZ_F32: return mz_edges_float();
    case MZ_F64: return mz_edges_double();
    default: return NULL;
  }
}

/* Operands have one dtype; those of another one are vectors. */
static void plan_edges(mz_plan *plan, int axis) {
  mz_staged *staged = &plan->u.staged;
  const mz_operand *y = &plan->operand[staged->operand[staged->n_in]];
  staged->of_memory = mz_edges_of(y->dtype);
  staged->of_buffers = mz_edges_of(mz_domain_dtype(mz_domain_of(y->dtype)));
  for (int o = 0; o <= staged->n_in; o++)
    staged->is_dense[o] = staged->of_memory != NULL && plan->operand[staged->operand[o]].stride[axis] == y->size;
}

mezzo_status mz_plan_staged(mz_request *r, int axis, int n_in, const int *operands, int n_buffers) {
  mz_plan *plan = r->plan;
  mz_staged *staged = &plan->u.staged;
  const mz_operand *y = &plan->operand[operands[n_in]];
  mz_domain domain = mz_domain_of(y->dtype);
  int n = n_in + 1;
  mz_space_init(&staged->rows, n);
  for (int i = 0; i < y->rank; i++) {
    int64_t strides[3];
    for (int o = 0; o < n; o++) strides[o] = plan->operand[operands[o]].stride[i];
    if (i != axis) mz_space_add(&staged->rows, y->shape[i], strides);
  }
  mz_space_sort(&staged->rows);
  mz_space_coalesce(&staged->rows);
  staged->n_in = n_in;
  staged->n_buffers = n_buffers;
  staged->count = y->shape[axis];
  staged->element = mz_dtype_size(mz_domain_dtype(domain));
  staged->kernels = domain == MZ_IN_DOUBLE ? &mz_norms_double : &mz_norms_float;
  for (int o = 0; o < n; o++) {
    const mz_operand *operand = &plan->operand[operands[o]];
    staged->operand[o] = operands[o];
    staged->stride[o] = operand->stride[axis];
    staged->load[o] = mz_loader(domain, operand->dtype);
  }
  staged->store = mz_storer(domain, y->dtype);
  staged->is_direct = y->dtype == mz_domain_dtype(domain) && y->stride[axis] == staged->element;
  plan_edges(plan, axis);
  int64_t rows = staged->rows.count, total = rows * staged->count;
  int64_t most = total / STAGED_GRAIN + 1, slots = plan->threads < 1 ? 1 : plan->threads;
  if (slots > most) slots = most;
  if (slots > rows) slots = rows > 0 ? rows : 1;
  staged->slots = slots;
  staged->row_bytes = (staged->count * staged->element + MZ_EDGE_BYTES - 1) / MZ_EDGE_BYTES * MZ_EDGE_BYTES;
  int64_t bytes;
  if (__builtin_mul_overflow(staged->row_bytes, slots * n_buffers, &bytes))
    return mz_refuse(r->err, MEZZO_UNSUPPORTED, MEZZO_WHY_LIMIT, 0, "a row of %lld elements does not fit a workspace",
                     (long long)staged->count);
  plan->workspace = (uint64_t)bytes;
  return MEZZO_OK;
}

mezzo_status mz_run_staged(const mz_call *call, mezzo_body body) {
  return mz_parallel(call->plan, call->plan->u.staged.slots, 1, body, (void *)(uintptr_t)call);
}

mz_share mz_share_of(const mz_call *call, uint64_t slot) {
  const mz_staged *staged = &call->plan->u.staged;
  int64_t rows = staged->rows.count, slots = staged->slots, index = (int64_t)slot;
  mz_share share = {.plan = staged, .call = call, .slot = index, .n_loaded = staged->n_in};
  share.begin = rows / slots * index + (index < rows % slots ? index : rows % slots);
  share.end = share.begin + rows / slots + (index < rows % slots);
  for (int i = 0; i < staged->n_buffers; i++)
    share.buffer[i] = call->workspace + (index * staged->n_buffers + i) * staged->row_bytes;
  return share;
}

/* Sets share->at; rows are mostly found one after the other. */
static void find(mz_share *share, int64_t row) {
  const mz_staged *staged = share->plan;
  if (share->in_run > 0 && row == share->row + 1) {
    for (int o = 0; o <= staged->n_in; o++) share->at[o] += staged->rows.stride[o][staged->rows.rank - 1];
  } else {
    char *base[3];
    for (int o = 0; o <= staged->n_in; o++) base[o] = share->call->at[staged->operand[o]];
    share->in_run = mz_space_seek(&staged->rows, row, base, share->at);
  }
  share->in_run--;
  share->row = row;
}

static void load(const mz_share *share, int operand, void *to) {
  const mz_staged *staged = share->plan;
  staged->load[operand](to, share->at[operand], staged->stride[operand], staged->count);
}

void mz_stage_row(mz_share *share, int64_t row) {
  find(share, row);
  for (int o = 0; o < share->n_loaded; o++) load(share, o, share->buffer[o]);
}

void mz_choose_edges(mz_share *share) {
  const mz_staged *staged = share->plan;
  share->in_memory = staged->is_dense[staged->n_in];
  for (int o = 0; o < share->n_loaded; o++) share->in_memory = share->in_memory && staged->is_dense[o];
  share->edges = share->in_memory ? staged->of_memory : staged->of_buffers;
}

void mz_find_rows(mz_share *share, int64_t row, mz_edge_rows *rows) {
  const mz_staged *staged = share->plan;
  int64_t left = share->end - row;
  int together = mz_rows_together(staged->count);
  rows->rows = left < together ? (int)left : together;
  rows->n = staged->count;
  for (int i = 0; i < rows->rows; i++) {
    const void *from[2] = {NULL, NULL};
    find(share, row + i);
    for (int o = 0; o < share->n_loaded; o++) {
      void *buffer = share->buffer[o * together + i];
      if (!share->in_memory) load(share, o, buffer);
      from[o] = share->in_memory ? share->at[o] : buffer;
    }
    rows->x[i] = from[0];
    rows->r[i] = from[1];
    rows->buffer[i] = share->buffer[i];
    rows->y[i] = share->in_memory ? share->at[staged->n_in] : share->buffer[i];
  }
}

void mz_unstage_rows(mz_share *share, int64_t row, const mz_edge_rows *rows) {
  const mz_staged *staged = share->plan;
  for (int i = 0; i < rows->rows && !share->in_memory; i++) {
    find(share, row + i);
    staged->store(share->at[staged->n_in], staged->stride[staged->n_in], rows->y[i], staged->count);
  }
}

void *mz_stage_result(const mz_share *share) {
  return share->plan->is_direct ? share->at[share->plan->n_in] : share->buffer[0];
}

void mz_unstage_row(const mz_share *share, const void *result) {
  const mz_staged *staged = share->plan;
  if (!staged->is_direct) staged->store(share->at[staged->n_in], staged->stride[staged->n_in], result, staged->count);
}
