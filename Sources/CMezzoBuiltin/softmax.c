/* softmax and log_softmax along one axis, with the maximum subtracted first, and the gradient of softmax. */
#include <math.h>
#include "staged.h"

static void forward(void *user, uint64_t begin, uint64_t end, uint32_t worker) {
  (void)worker;
  for (uint64_t slot = begin; slot < end; slot++) {
    mz_share share = mz_share_of(user, slot);
    mz_choose_edges(&share);
    for (int64_t row = share.begin, together = mz_rows_together(share.plan->count); row < share.end; row += together) {
      mz_edge_rows rows;
      mz_find_rows(&share, row, &rows);
      share.edges->softmax(&rows);
      mz_unstage_rows(&share, row, &rows);
    }
  }
}

static void forward_log(void *user, uint64_t begin, uint64_t end, uint32_t worker) {
  (void)worker;
  for (uint64_t slot = begin; slot < end; slot++) {
    mz_share share = mz_share_of(user, slot);
    const mz_row_kernels *kernels = share.plan->rows_kernels;
    int64_t n = share.plan->count;
    for (int64_t row = share.begin; row < share.end; row++) {
      mz_stage_row(&share, row);
      void *x = share.buffer[0], *result = mz_stage_result(&share);
      double max = kernels->max(x, -(double)INFINITY, n);
      kernels->log_softmax(result, x, max, kernels->sum_exp(x, max, n), n);
      mz_unstage_row(&share, result);
    }
  }
}

static void backward(void *user, uint64_t begin, uint64_t end, uint32_t worker) {
  (void)worker;
  for (uint64_t slot = begin; slot < end; slot++) {
    mz_share share = mz_share_of(user, slot);
    const mz_staged *staged = share.plan;
    for (int64_t row = share.begin; row < share.end; row++) {
      mz_stage_row(&share, row);
      void *dy = share.buffer[0], *y = share.buffer[1];
      staged->kernels->softmax_gradient(dy, y, staged->kernels->dot(dy, y, staged->count), staged->count);
      staged->store(share.at[2], staged->stride[2], dy, staged->count);
    }
  }
}

static mezzo_status run(const mz_call *call) { return mz_run_staged(call, forward); }
static mezzo_status run_log(const mz_call *call) { return mz_run_staged(call, forward_log); }
static mezzo_status run_gradient(const mz_call *call) { return mz_run_staged(call, backward); }

static mezzo_status plan_softmax(mz_request *r, int n_in) {
  mz_plan *plan = r->plan;
  int axis;
  MZ_TRY(mz_expect_arity(r, n_in, 1));
  MZ_TRY(mz_expect_dtype(r, 0, MZ_FLOATS));
  if (n_in > 1) MZ_TRY(mz_expect_same(r, 1, 0, true));
  MZ_TRY(mz_expect_same(r, plan->n_in, 0, true));
  MZ_TRY(mz_attr_axis(r, 0, &axis));
  MZ_TRY(mz_expect_accumulator(r, mz_domain_dtype(mz_domain_of(plan->operand[0].dtype))));
  plan->u.staged.rows_kernels = plan->operand[0].dtype == MZ_F64 ? &mz_rows_double : &mz_rows_float;
  plan->run = n_in > 1 ? run_gradient : r->op->op == MEZZO_OP_SOFTMAX ? run : run_log;
  return mz_plan_staged(r, axis, n_in, n_in > 1 ? (int[]){0, 1, plan->n_in} : (int[]){0, plan->n_in},
                        mz_rows_together(plan->operand[0].shape[axis]));
}

mezzo_status mz_plan_softmax(mz_request *r) { return plan_softmax(r, 1); }

mezzo_status mz_plan_softmax_gradient(mz_request *r) { return plan_softmax(r, 2); }
