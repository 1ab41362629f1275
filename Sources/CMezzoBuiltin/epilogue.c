#include <string.h>
#include "check.h"
#include "gelu_pieces.h"

/* How many operands beyond A, B and C the batches can walk. */
enum { MAX_STEP_OPERANDS = MZ_MAX_MAPPED - 3 };

/* Whether the step can be done on the accumulator; if not, the host does it and all that follow. */
static bool takes_operand(const mz_request *r, const mezzo_epilogue *given, int own, bool in_double) {
  if (given->operand < (uint32_t)own || given->operand >= (uint32_t)r->plan->n_in) return false;
  return (MZ_SET(r->plan->operand[given->operand].dtype) & (in_double ? MZ_FLOATS : MZ_FLOATS_TO_32)) != 0;
}

static bool has_operand(const mezzo_epilogue *step) {
  return step->kind == MEZZO_EPI_BIAS || step->kind == MEZZO_EPI_ADD || step->kind == MEZZO_EPI_MUL;
}

static bool plan_rounding(mz_step *step, const mezzo_epilogue *given, bool in_double) {
  mz_dtype to = mz_dtype_of(given->to);
  if (to == MZ_DTYPES || !(MZ_SET(to) & (MZ_FLOATS | MZ_FLOATS_8))) return false;
  mz_domain domain = in_double ? MZ_IN_DOUBLE : MZ_IN_FLOAT;
  step->store = mz_storer(domain, to);
  step->load = mz_loader(domain, to);
  step->size = mz_dtype_size(to);
  return true;
}

/* A copy, as the array may hold elements of another size. */
static mezzo_epilogue step_at(const mezzo_op *op, uint32_t index) {
  mezzo_epilogue step;
  memset(&step, 0, sizeof step);
  size_t known = op->epilogue_stride < sizeof step ? op->epilogue_stride : sizeof step;
  memcpy(&step, (const char *)op->epilogue + (size_t)index * op->epilogue_stride, known);
  return step;
}

/* A GELU whose results are rounded to bfloat16 next, by a step or when they are stored, need not be exact in a float's last places. */
static void plan_rounded_gelu(const mz_request *r, mz_matmul *matmul) {
  for (int i = 0; i < matmul->n_steps; i++) {
    uint32_t kind = step_at(r->op, (uint32_t)i).kind;
    if (kind != MEZZO_EPI_GELU_ERF && kind != MEZZO_EPI_GELU_TANH) continue;
    mz_dtype next = r->plan->operand[r->plan->n_in].dtype;
    if (i + 1 < matmul->n_steps) {
      const mezzo_epilogue given = step_at(r->op, (uint32_t)i + 1);
      next = given.kind == MEZZO_EPI_CAST ? mz_dtype_of(given.to) : MZ_F32;
    }
    mz_step *step = &matmul->step[i];
    if (next != MZ_BF16) continue;
    step->kernel = mz_gelu_for_bfloat16(kind == MEZZO_EPI_GELU_TANH, step->kernel);
    const mz_operand *result = &r->plan->operand[r->plan->n_in];
    bool is_last = i + 1 == matmul->n_steps, is_run = result->stride[result->rank - 1] == result->size;
    if (is_last && is_run) matmul->store_last = mz_gelu_store_bfloat16(kind == MEZZO_EPI_GELU_TANH);
  }
}

mezzo_status mz_plan_epilogue(mz_request *r, mz_matmul *matmul, bool in_double, bool takes_whole) {
  mz_plan *plan = r->plan;
  const mz_operand *result = &plan->operand[plan->n_in];
  int operands = 0, own = plan->n_needed;
  for (uint32_t i = 0; i < r->op->n_epilogue && i < MZ_MAX_EPILOGUE && r->op->epilogue != NULL; i++) {
    const mezzo_epilogue given = step_at(r->op, i);
    mz_step *step = &matmul->step[i];
    step->kernel = in_double ? mz_kernel_of_step_double(given.kind) : mz_kernel_of_step_float(given.kind);
    if (given.kind == MEZZO_EPI_CAST ? !plan_rounding(step, &given, in_double) : step->kernel == NULL) break;
    if (!takes_whole && (given.kind == MEZZO_EPI_ADD || given.kind == MEZZO_EPI_MUL)) break;
    step->scalar[0] = given.a;
    step->operand = -1;
    if (has_operand(&given)) {
      if (operands == MAX_STEP_OPERANDS || !takes_operand(r, &given, own, in_double)) break;
      bool is_bias = given.kind == MEZZO_EPI_BIAS;
      int rank = result->rank;
      step->operand = (int)given.operand;
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
  if (!in_double) plan_rounded_gelu(r, matmul);
  return MEZZO_OK;
}

void mz_take_bias(const mz_request *r, mz_matmul *matmul) {
  matmul->bias.operand = -1;
  if (matmul->n_steps == 0 || matmul->alpha != 1 || matmul->beta != 0 || step_at(r->op, 0).kind != MEZZO_EPI_BIAS) return;
  matmul->bias = matmul->step[0];
  matmul->n_steps--;
  memmove(matmul->step, matmul->step + 1, (size_t)matmul->n_steps * sizeof matmul->step[0]);
}

bool mz_take_relu(const mz_request *r, mz_matmul *matmul) {
  uint32_t taken = matmul->bias.operand >= 0 ? 1 : 0;
  bool is_relu = matmul->n_steps > 0 && matmul->alpha == 1 && matmul->beta == 0 && step_at(r->op, taken).kind == MEZZO_EPI_RELU;
  if (!is_relu) return false;
  matmul->n_steps--;
  memmove(matmul->step, matmul->step + 1, (size_t)matmul->n_steps * sizeof matmul->step[0]);
  return true;
}

static void run_steps(const mz_matmul *matmul, int steps, char *const *operands, int64_t row, int64_t column, void *acc, int64_t n) {
  _Alignas(64) char staged[MZ_BLOCK * sizeof(double)];
  for (int i = 0; i < steps; i++) {
    const mz_step *step = &matmul->step[i];
    if (step->operand >= 0)
      step->load(staged, operands[step->place] + row * step->row_stride + column * step->column_stride, step->column_stride, n);
    if (step->kernel != NULL) {
      step->kernel((void *[]){acc, NULL}, (const void *[]){acc, staged}, step->scalar, n);
    } else {
      step->store(staged, step->size, acc, n);
      step->load(acc, staged, step->size, n);
    }
  }
}

void mz_run_epilogue(const mz_matmul *matmul, char *const *operands, int64_t row, int64_t column, void *acc, int64_t n) {
  run_steps(matmul, matmul->n_steps, operands, row, column, acc, n);
}

void mz_store_finished(const mz_matmul *matmul, char *const *operands, int64_t row, int64_t column, void *acc, char *result,
                       int64_t n) {
  bool stores_last = matmul->store_last != NULL;
  run_steps(matmul, matmul->n_steps - stores_last, operands, row, column, acc, n);
  (stores_last ? matmul->store_last : matmul->store)(result, matmul->c_stride[1], acc, n);
}
