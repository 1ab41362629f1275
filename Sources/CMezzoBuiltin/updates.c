/* sgd_update and adam_update. Weights, slots and gradient may each have a dtype of their own; all are computed in float, or in
 * double if the weights are float64. */
#include <math.h>
#include <string.h>
#include "math_double.h"
#include "math_float.h"
#include "operations.h"

#define T float
#define SQRT mz_sqrtf
#define NAME(name) name##_float
#include "update_kernels.h"
#undef T
#undef SQRT
#undef NAME

#define T double
#define SQRT mz_sqrt
#define NAME(name) name##_double
#include "update_kernels.h"

/* Places of attributes among the planned scalars. */
enum { MOMENTUM };
enum { BETA1, BETA2, EPSILON, WEIGHT_DECAY };

static double read_double(const mz_call *call, int operand) { return *(const double *)(const void *)call->at[operand]; }

static bool read_bool(const mz_call *call, int operand) { return *(const uint8_t *)(const void *)call->at[operand] != 0; }

static mezzo_status run_sgd(const mz_call *call) {
  const mz_map *map = &call->plan->u.map;
  const double scalar[] = {read_double(call, 3), map->scalar[MOMENTUM]};
  return mz_run_map_with(call, read_bool(call, 4) ? map->kernel : map->otherwise, scalar);
}

static mezzo_status run_adam(const mz_call *call) {
  const mz_map *map = &call->plan->u.map;
  const double *attribute = map->scalar;
  double rate = read_double(call, 4), step = (double)*(const int64_t *)(const void *)call->at[5];
  double corrected = rate * sqrt(1 - pow(attribute[BETA2], step)) / (1 - pow(attribute[BETA1], step));
  const double scalar[] = {rate * attribute[WEIGHT_DECAY], corrected, 1 - attribute[BETA1], 1 - attribute[BETA2],
                           attribute[EPSILON]};
  return mz_run_map_with(call, read_bool(call, 6) ? map->kernel : map->otherwise, scalar);
}

static mezzo_status expect_scalar(mz_request *r, int operand, mz_dtype dtype) {
  MZ_TRY(mz_expect_dtype(r, operand, MZ_SET(dtype)));
  return mz_expect_rank(r, operand, 0);
}

/* n_kept: the weights and slots, which are operands 0..<n_kept and the results; the gradient follows them. */
static mezzo_status plan_update(mz_request *r, int n_kept) {
  mz_plan *plan = r->plan;
  MZ_TRY(mz_expect_dtype(r, 0, MZ_FLOATS));
  bool in_double = plan->operand[0].dtype == MZ_F64;
  for (int i = 1; i < n_kept; i++) MZ_TRY(mz_expect_dtype(r, i, in_double ? MZ_SET(MZ_F64) : MZ_FLOATS_TO_32));
  MZ_TRY(mz_expect_dtype(r, n_kept, in_double ? MZ_FLOATS : MZ_FLOATS_TO_32));
  for (int i = 1; i <= n_kept; i++) MZ_TRY(mz_expect_same(r, i, 0, false));
  for (int i = 0; i < n_kept; i++) MZ_TRY(mz_expect_same(r, plan->n_in + i, i, true));
  mz_domain domain = in_double ? MZ_IN_DOUBLE : MZ_IN_FLOAT;
  MZ_TRY(mz_expect_accumulator(r, mz_domain_dtype(domain)));
  mz_passage passages[7];
  for (int i = 0; i <= n_kept; i++) passages[i] = mz_input(plan, i, domain);
  for (int i = 0; i < n_kept; i++) passages[n_kept + 1 + i] = mz_result(plan, plan->n_in + i, domain);
  mz_plan_map(plan, in_double ? keep_double : keep_float, n_kept + 1, n_kept, passages);
  plan->u.map.otherwise = plan->u.map.kernel;
  return MEZZO_OK;
}

mezzo_status mz_plan_sgd_update(mz_request *r) {
  mz_map *map = &r->plan->u.map;
  int64_t nesterov;
  MZ_TRY(mz_expect_arity(r, 5, 2));
  MZ_TRY(expect_scalar(r, 3, MZ_F64));
  MZ_TRY(expect_scalar(r, 4, MZ_BOOL));
  MZ_TRY(plan_update(r, 2));
  MZ_TRY(mz_attr_float(r, "momentum", &map->scalar[MOMENTUM]));
  MZ_TRY(mz_attr_int(r, "nesterov", 0, 1, &nesterov));
  bool in_double = r->plan->operand[0].dtype == MZ_F64;
  if (nesterov) map->kernel = in_double ? nesterov_double : nesterov_float;
  else map->kernel = in_double ? sgd_double : sgd_float;
  r->plan->run = run_sgd;
  return MEZZO_OK;
}

mezzo_status mz_plan_adam_update(mz_request *r) {
  mz_map *map = &r->plan->u.map;
  MZ_TRY(mz_expect_arity(r, 7, 3));
  MZ_TRY(expect_scalar(r, 4, MZ_F64));
  MZ_TRY(expect_scalar(r, 5, MZ_I64));
  MZ_TRY(expect_scalar(r, 6, MZ_BOOL));
  MZ_TRY(plan_update(r, 3));
  MZ_TRY(mz_attr_float(r, "beta1", &map->scalar[BETA1]));
  MZ_TRY(mz_attr_float(r, "beta2", &map->scalar[BETA2]));
  MZ_TRY(mz_attr_float(r, "epsilon", &map->scalar[EPSILON]));
  MZ_TRY(mz_attr_float(r, "weight_decay", &map->scalar[WEIGHT_DECAY]));
  map->kernel = r->plan->operand[0].dtype == MZ_F64 ? adam_double : adam_float;
  r->plan->run = run_adam;
  return MEZZO_OK;
}
