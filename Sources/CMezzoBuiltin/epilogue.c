#include "check.h"

/* How many operands beyond A, B and C the batches can walk. */
enum { MAX_STEP_OPERANDS = MZ_MAX_MAPPED - 3 };

/* Whether the step can be done on the accumulator; if not, the host does it and all that follow. */
static bool is_supported(const mz_request *r, const mezzo_epilogue *given, mz_dtype a, bool in_double) {
  bool has_operand = given->kind == MEZZO_EPI_BIAS || given->kind == MEZZO_EPI_ADD || given->kind == MEZZO_EPI_MUL;
  if (!has_operand || given->operand < 2 || given->operand >= (uint32_t)r->plan->n_in) return !has_operand;
  mz_dtype dtype = r->plan->operand[given->operand].dtype;
  if (in_double) return (MZ_FLOATS & MZ_SET(dtype)) != 0;
  return given->kind == MEZZO_EPI_BIAS ? dtype == a || dtype == MZ_F32 : (MZ_FLOATS_TO_32 & MZ_SET(dtype)) != 0;
}

mezzo_status mz_plan_epilogue(mz_request *r, bool in_double) {
  mz_plan *plan = r->plan;
  mz_matmul *matmul = &plan->u.matmul;
  const mz_operand *result = &plan->operand[plan->n_in];
  int operands = 0;
  for (uint32_t i = 0; i < r->op->n_epilogue && i < MZ_MAX_EPILOGUE && r->op->epilogue != NULL; i++) {
    const mezzo_epilogue *given = &r->op->epilogue[i];
    mz_step *step = &matmul->step[i];
    step->kernel = in_double ? mz_kernel_of_step_double(given->kind) : mz_kernel_of_step_float(given->kind);
    if (step->kernel == NULL || !is_supported(r, given, plan->operand[0].dtype, in_double)) break;
    step->scalar[0] = (double)given->a;
    step->operand = -1;
    if (given->kind == MEZZO_EPI_BIAS || given->kind == MEZZO_EPI_ADD || given->kind == MEZZO_EPI_MUL) {
      if (operands == MAX_STEP_OPERANDS) break;
      bool is_bias = given->kind == MEZZO_EPI_BIAS;
      int rank = result->rank;
      step->operand = (int)given->operand;
      step->place = operands++;
      if (is_bias) MZ_TRY(mz_expect_shape(r, step->operand, 1, &result->shape[rank - 1]));
      else MZ_TRY(mz_expect_same(r, step->operand, plan->n_in, false));
      const mz_operand *operand = &plan->operand[step->operand];
      step->load = mz_loader(in_double ? MZ_IN_DOUBLE : MZ_IN_FLOAT, operand->dtype);
      step->row_stride = is_bias ? 0 : operand->stride[rank - 2];
      step->column_stride = operand->stride[operand->rank - 1];
      if (step->operand >= plan->n_needed) plan->n_needed = step->operand + 1;
    }
    matmul->n_steps = plan->n_epilogue = (int)i + 1;
  }
  return MEZZO_OK;
}

void mz_run_epilogue(const mz_matmul *matmul, char *const *operands, int64_t row, int64_t column, void *acc, int64_t n) {
  _Alignas(64) char staged[MZ_BLOCK * sizeof(double)];
  for (int i = 0; i < matmul->n_steps; i++) {
    const mz_step *step = &matmul->step[i];
    if (step->operand >= 0)
      step->load(staged, operands[step->place] + row * step->row_stride + column * step->column_stride, step->column_stride, n);
    step->kernel((void *[]){acc, NULL}, (const void *[]){acc, staged}, step->scalar, n);
  }
}
