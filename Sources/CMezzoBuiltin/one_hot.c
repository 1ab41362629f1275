/* one_hot: labels[...] -> y[..., depth]. */
#include "operations.h"

enum { ONE_HOT_GRAIN = 4096 /* rows */ };

static void body(void *user, uint64_t begin, uint64_t end, uint32_t worker) {
  (void)worker;
  const mz_call *call = user;
  const mz_plan *plan = call->plan;
  const mz_rows *rows = &plan->u.rows;
  const mz_operand *y = &plan->operand[plan->n_in];
  char *base[2] = {call->at[0], call->at[plan->n_in]}, *at[2];
  const float zeros[MZ_BLOCK] = {0}, one = 1;
  for (uint64_t row = begin; row < end; row++) {
    mz_space_seek(&rows->outer, (int64_t)row, base, at);
    int64_t label;
    rows->load(&label, at[0], 0, 1);
    for (int64_t i = 0; i < rows->count; i += MZ_BLOCK) {
      int64_t n = rows->count - i < MZ_BLOCK ? rows->count - i : MZ_BLOCK;
      rows->store(at[1] + i * rows->out_stride, rows->out_stride, zeros, n);
    }
    if (0 <= label && label < rows->count) rows->store(at[1] + label * rows->out_stride, y->size, &one, 1);
  }
}

static mezzo_status run(const mz_call *call) {
  return mz_parallel(call->plan, call->plan->u.rows.outer.count, ONE_HOT_GRAIN, body, (void *)(uintptr_t)call);
}

mezzo_status mz_plan_one_hot(mz_request *r) {
  mz_plan *plan = r->plan;
  mz_rows *rows = &plan->u.rows;
  MZ_TRY(mz_expect_arity(r, 1, 1));
  MZ_TRY(mz_expect_dtype(r, 0, MZ_INDICES));
  MZ_TRY(mz_expect_dtype(r, plan->n_in, MZ_FLOATS | MZ_FLOATS_8));
  const mz_operand *labels = &plan->operand[0], *y = &plan->operand[plan->n_in];
  MZ_TRY(mz_expect_rank(r, plan->n_in, labels->rank + 1));
  int64_t shape[MZ_MAX_RANK + 1];
  for (int i = 0; i < labels->rank; i++) shape[i] = labels->shape[i];
  shape[labels->rank] = y->shape[labels->rank];
  MZ_TRY(mz_expect_shape(r, plan->n_in, y->rank, shape));
  mz_space_init(&rows->outer, 2);
  for (int i = 0; i < labels->rank; i++)
    mz_space_add(&rows->outer, labels->shape[i], (int64_t[]){labels->stride[i], y->stride[i]});
  mz_space_coalesce(&rows->outer);
  rows->count = y->shape[labels->rank];
  rows->out_stride = y->stride[labels->rank];
  rows->load = mz_load_int64[labels->dtype];
  rows->store = mz_store_float[y->dtype];
  plan->run = run;
  return MEZZO_OK;
}
