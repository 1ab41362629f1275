/* softmax and log_softmax along one axis, with the maximum subtracted first. */
#include "axis.h"

static void body(void *user, uint64_t begin, uint64_t end, uint32_t worker) {
  (void)worker;
  const mz_call *call = user;
  const mz_rows *rows = &call->plan->u.rows;
  _Alignas(64) char staged[MZ_BLOCK * sizeof(double)];
  char *base[2] = {call->at[0], call->at[call->plan->n_in]}, *at[2];
  for (uint64_t row = begin; row < end; row++) {
    mz_space_seek(&rows->outer, (int64_t)row, base, at);
    double max = mz_axis_max(rows, at[0]);
    double sum = mz_axis_sum_exp(rows, at[0], max);
    for (int64_t i = 0; i < rows->count; i += MZ_BLOCK) {
      int64_t n = rows->count - i < MZ_BLOCK ? rows->count - i : MZ_BLOCK;
      rows->load(staged, at[0] + i * rows->in_stride, rows->in_stride, n);
      (rows->op == MEZZO_OP_SOFTMAX ? rows->kernels->softmax : rows->kernels->log_softmax)(staged, staged, max, sum, n);
      rows->store(at[1] + i * rows->out_stride, rows->out_stride, staged, n);
    }
  }
}

static mezzo_status run(const mz_call *call) { return mz_run_axis(call, body); }

mezzo_status mz_plan_softmax(mz_request *r) {
  int axis;
  MZ_TRY(mz_expect_arity(r, 1, 1));
  MZ_TRY(mz_expect_dtype(r, 0, MZ_FLOATS));
  MZ_TRY(mz_expect_same(r, r->plan->n_in, 0, true));
  MZ_TRY(mz_attr_axis(r, 0, &axis));
  MZ_TRY(mz_expect_accumulator(r, mz_domain_dtype(mz_domain_of(r->plan->operand[0].dtype))));
  mz_plan_axis(r, axis);
  r->plan->run = run;
  return MEZZO_OK;
}
