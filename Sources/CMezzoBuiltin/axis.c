#include "axis.h"
#include <math.h>

enum { AXIS_GRAIN = 32768 /* elements */ };

void mz_plan_axis(mz_request *r, int axis) {
  mz_plan *plan = r->plan;
  mz_rows *rows = &plan->u.rows;
  const mz_operand *x = &plan->operand[0], *y = &plan->operand[plan->n_in];
  bool in_double = x->dtype == MZ_F64;
  bool has_axis = y->rank == x->rank;
  mz_space_init(&rows->outer, 2);
  for (int i = 0, j = 0; i < x->rank; i++) {
    if (i != axis) mz_space_add(&rows->outer, x->shape[i], (int64_t[]){x->stride[i], y->stride[j]});
    if (i != axis || has_axis) j++;
  }
  mz_space_sort(&rows->outer);
  mz_space_coalesce(&rows->outer);
  rows->op = r->op->op;
  rows->count = x->shape[axis];
  rows->in_stride = x->stride[axis];
  rows->out_stride = has_axis ? y->stride[axis] : 0;
  rows->kernels = in_double ? &mz_rows_double : &mz_rows_float;
  rows->element = in_double ? sizeof(double) : sizeof(float);
  rows->load = mz_loader(in_double ? MZ_IN_DOUBLE : MZ_IN_FLOAT, x->dtype);
  rows->store = mz_storer(in_double ? MZ_IN_DOUBLE : MZ_IN_FLOAT, y->dtype);
}

mezzo_status mz_run_axis(const mz_call *call, mezzo_body body) {
  const mz_rows *rows = &call->plan->u.rows;
  int64_t grain = rows->count > 0 ? AXIS_GRAIN / rows->count + 1 : AXIS_GRAIN;
  return mz_parallel(call->plan, rows->outer.count, grain, body, (void *)(uintptr_t)call);
}

double mz_axis_max(const mz_rows *rows, const char *at) {
  _Alignas(64) char staged[MZ_BLOCK * sizeof(double)];
  double max = -(double)INFINITY;
  for (int64_t i = 0; i < rows->count; i += MZ_BLOCK) {
    int64_t n = rows->count - i < MZ_BLOCK ? rows->count - i : MZ_BLOCK;
    rows->load(staged, at + i * rows->in_stride, rows->in_stride, n);
    max = rows->kernels->max(staged, max, n);
  }
  return max;
}

double mz_axis_sum_exp(const mz_rows *rows, const char *at, double max) {
  _Alignas(64) char staged[MZ_BLOCK * sizeof(double)];
  double sum = 0;
  for (int64_t i = 0; i < rows->count; i += MZ_BLOCK) {
    int64_t n = rows->count - i < MZ_BLOCK ? rows->count - i : MZ_BLOCK;
    rows->load(staged, at + i * rows->in_stride, rows->in_stride, n);
    sum += rows->kernels->sum_exp(staged, max, n);
  }
  return sum;
}
