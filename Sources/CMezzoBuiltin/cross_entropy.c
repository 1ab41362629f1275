/* sparse_cross_entropy: loss[b] = log(sum(e^logits[b])) - logits[b, label[b]], with the maximum subtracted first. */
#include <math.h>
#include "axis.h"

static double loss_of(const mz_rows *rows, const char *logits, int64_t label) {
  if (label < 0 || label >= rows->count) return (double)NAN;
  double max = mz_axis_max(rows, logits), sum = mz_axis_sum_exp(rows, logits, max), chosen;
  if (rows->element == sizeof(double)) {
    rows->load(&chosen, logits + label * rows->in_stride, 0, 1);
  } else {
    float narrow;
    rows->load(&narrow, logits + label * rows->in_stride, 0, 1);
    chosen = (double)narrow;
  }
  return (max - chosen) + log(sum);
}

static void body(void *user, uint64_t begin, uint64_t end, uint32_t worker) {
  (void)worker;
  const mz_call *call = user;
  const mz_rows *rows = &call->plan->u.rows;
  const mz_operand *labels = &call->plan->operand[1];
  char *base[2] = {call->at[0], call->at[call->plan->n_in]}, *at[2];
  for (uint64_t row = begin; row < end; row++) {
    mz_space_seek(&rows->outer, (int64_t)row, base, at);
    int64_t label;
    mz_load_int64[labels->dtype](&label, call->at[1] + (int64_t)row * labels->stride[0], 0, 1);
    double loss = loss_of(rows, at[0], label);
    if (rows->element == sizeof(double)) *(double *)(void *)at[1] = loss;
    else *(float *)(void *)at[1] = (float)loss;
  }
}

static mezzo_status run(const mz_call *call) { return mz_run_axis(call, body); }

mezzo_status mz_plan_cross_entropy(mz_request *r) {
  mz_plan *plan = r->plan;
  MZ_TRY(mz_expect_arity(r, 2, 1));
  MZ_TRY(mz_expect_dtype(r, 0, MZ_FLOATS));
  MZ_TRY(mz_expect_rank(r, 0, 2));
  const mz_operand *logits = &plan->operand[0];
  MZ_TRY(mz_expect_dtype(r, 1, MZ_INDICES));
  MZ_TRY(mz_expect_shape(r, 1, 1, logits->shape));
  MZ_TRY(mz_expect_dtype(r, plan->n_in, MZ_SET(logits->dtype == MZ_F64 ? MZ_F64 : MZ_F32)));
  MZ_TRY(mz_expect_shape(r, plan->n_in, 1, logits->shape));
  MZ_TRY(mz_expect_accumulator(r, mz_domain_dtype(mz_domain_of(logits->dtype))));
  mz_plan_axis(r, 1);
  plan->run = run;
  return MEZZO_OK;
}
