#include "axis.h"

static int32_t arg_max(const mz_rows *rows, const char *at) {
  _Alignas(64) char staged[MZ_BLOCK * sizeof(double)];
  int64_t best_index = 0;
  double best = 0;
  for (int64_t i = 0; i < rows->count; i += MZ_BLOCK) {
    int64_t n = rows->count - i < MZ_BLOCK ? rows->count - i : MZ_BLOCK;
    rows->load(staged, at + i * rows->in_stride, rows->in_stride, n);
    int64_t place = rows->kernels->first_max(staged, n);
    double value = rows->element == sizeof(double) ? ((double *)(void *)staged)[place] : (double)((float *)(void *)staged)[place];
    if (value != value) return (int32_t)(i + place);
    if (i == 0 || value > best) {
      best = value;
      best_index = i + place;
    }
  }
  return (int32_t)best_index;
}

static void body(void *user, uint64_t begin, uint64_t end, uint32_t worker) {
  (void)worker;
  const mz_call *call = user;
  const mz_rows *rows = &call->plan->u.rows;
  char *base[2] = {call->at[0], call->at[call->plan->n_in]}, *at[2];
  for (uint64_t row = begin; row < end; row++) {
    mz_space_seek(&rows->outer, (int64_t)row, base, at);
    *(int32_t *)(void *)at[1] = arg_max(rows, at[0]);
  }
}

static mezzo_status run(const mz_call *call) { return mz_run_axis(call, body); }

mezzo_status mz_plan_arg_max(mz_request *r) {
  mz_plan *plan = r->plan;
  int axis;
  MZ_TRY(mz_expect_arity(r, 1, 1));
  MZ_TRY(mz_expect_dtype(r, 0, MZ_FLOATS));
  MZ_TRY(mz_expect_dtype(r, plan->n_in, MZ_SET(MZ_I32)));
  MZ_TRY(mz_attr_axis(r, 0, &axis));
  const mz_operand *x = &plan->operand[0];
  int64_t shape[MZ_MAX_RANK], extent = x->shape[axis];
  for (int i = 0; i < x->rank; i++) shape[i] = i == axis ? 1 : x->shape[i];
  MZ_TRY(mz_expect_shape(r, plan->n_in, x->rank, shape));
  if (extent == 0 || extent > INT32_MAX)
    return mz_refuse(r->err, MEZZO_INVALID, MEZZO_WHY_SHAPE, 0, "axis %d has extent %lld; expected 1...%d, the indices of int32", axis,
                     (long long)extent, INT32_MAX);
  mz_plan_axis(r, axis);
  plan->run = run;
  return MEZZO_OK;
}
