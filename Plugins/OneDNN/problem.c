#include "problem.h"

#if ONEDNN_HEADERS
#include <stdio.h>

#include "report.h"

const mezzo_operand *onednn_operand(const mezzo_op *op, uint32_t index) {
  return (const mezzo_operand *)((const char *)op->operands + (size_t)index * op->operand_stride);
}

const mezzo_epilogue *onednn_step(const mezzo_op *op, uint32_t index) {
  return (const mezzo_epilogue *)(const void *)((const char *)op->epilogue + (size_t)index * op->epilogue_stride);
}

bool onednn_data_type(mezzo_dtype dtype, dnnl_data_type_t *type) {
  if (dtype.lanes != 1) return false;
  if (dtype.code == MEZZO_FLOAT && dtype.bits == 32) {
    *type = dnnl_f32;
  } else if (dtype.code == MEZZO_BFLOAT && dtype.bits == 16) {
    *type = dnnl_bf16;
  } else {
    return false;
  }
  return true;
}

/* Strides over an extent of 1 mean nothing; oneDNN wants sensible ones to see a row- or column-major matrix. */
static bool place_matrix(int64_t rows, int64_t columns, int64_t row_stride, int64_t column_stride, int64_t *out) {
  if ((columns == 1 || column_stride == 1) && (rows == 1 || row_stride >= columns)) {
    out[0] = rows == 1 ? columns : row_stride;
    out[1] = 1;
    return true;
  }
  if ((rows == 1 || row_stride == 1) && (columns == 1 || column_stride >= rows)) {
    out[0] = 1;
    out[1] = columns == 1 ? rows : column_stride;
    return true;
  }
  return false;
}

static bool place(const mezzo_operand *operand, onednn_matrix *matrix) {
  int last = operand->ndim - 1;
  for (int i = 0; i <= last; i++) {
    matrix->dims[i] = operand->shape[i];
    matrix->strides[i] = operand->strides[i];
    if (operand->strides[i] < 0) return false;
  }
  if (!place_matrix(operand->shape[last - 1], operand->shape[last], operand->strides[last - 1], operand->strides[last],
                    &matrix->strides[last - 1]))
    return false;
  for (int i = last - 2; i >= 0; i--) {
    /* oneDNN repeats a matrix along an extent of 1 where others spell a stride of 0. */
    if (matrix->strides[i] == 0) matrix->dims[i] = 1;
    if (matrix->dims[i] == 1 &&
        __builtin_mul_overflow(matrix->dims[i + 1], matrix->strides[i + 1], &matrix->strides[i]))
      return false;
  }
  return true;
}

static bool rows_continue(const onednn_matrix *matrix, int ndims) {
  for (int i = 0; i < ndims - 2; i++) {
    int64_t expected;
    if (__builtin_mul_overflow(matrix->dims[i + 1], matrix->strides[i + 1], &expected)) return false;
    if (matrix->strides[i] != expected) return false;
  }
  return true;
}

static void join_rows(onednn_matrix *matrix, int ndims, int64_t rows) {
  const int64_t columns = matrix->dims[ndims - 1], row_stride = matrix->strides[ndims - 2];
  matrix->strides[1] = matrix->strides[ndims - 1];
  matrix->strides[0] = row_stride;
  matrix->dims[0] = rows;
  matrix->dims[1] = columns;
}

/* One matrix B for the whole batch is one tall product, for which oneDNN has its best kernels. */
static void flatten_batch(onednn_problem *problem) {
  int ndims = problem->ndims;
  int64_t rows = problem->m;
  for (int i = 0; i < ndims - 2; i++) {
    if (problem->b.dims[i] != 1 || problem->a.dims[i] != problem->c.dims[i]) return;
    if (__builtin_mul_overflow(rows, problem->c.dims[i], &rows)) return;
  }
  if (!rows_continue(&problem->a, ndims) || !rows_continue(&problem->c, ndims)) return;
  join_rows(&problem->a, ndims, rows);
  join_rows(&problem->b, ndims, problem->k);
  join_rows(&problem->c, ndims, rows);
  problem->m = rows;
  problem->ndims = 2;
}

static uint32_t epilogue_operands(const mezzo_op *op) {
  uint32_t count = 0;
  for (uint32_t i = 0; i < op->n_epilogue; i++) count += onednn_step(op, i)->operand != UINT32_MAX;
  return count;
}

mezzo_status onednn_read_problem(const mezzo_op *op, onednn_problem *problem, mezzo_error *err) {
  if (op->op != MEZZO_OP_MATMUL || op->n_in != 2 + epilogue_operands(op) || op->n_out != 1)
    return onednn_report(err, MEZZO_UNSUPPORTED, MEZZO_WHY_OP, ONEDNN_NO_OPERAND,
                         "takes only a product of two operands, came operation %u with %u operands and %u results",
                         op->op, op->n_in, op->n_out);
  /* alpha and beta among them. */
  if (op->n_attrs > 0)
    return onednn_report(err, MEZZO_UNSUPPORTED, MEZZO_WHY_ATTR, ONEDNN_NO_OPERAND,
                         "takes products without attributes, came %u", op->n_attrs);
  const uint32_t indices[3] = {0, 1, op->n_in};
  onednn_matrix *matrices[3] = {&problem->a, &problem->b, &problem->c};
  int ndim = onednn_operand(op, 0)->ndim;
  if (ndim < 2 || ndim > DNNL_MAX_NDIMS)
    return onednn_report(err, MEZZO_UNSUPPORTED, MEZZO_WHY_SHAPE, 0, "takes ranks from 2 to %d, came %d",
                         DNNL_MAX_NDIMS, ndim);
  for (int i = 0; i < 3; i++) {
    const mezzo_operand *operand = onednn_operand(op, indices[i]);
    if (operand->ndim != ndim)
      return onednn_report(err, MEZZO_UNSUPPORTED, MEZZO_WHY_SHAPE, indices[i], "operands have ranks %d and %d", ndim,
                           operand->ndim);
    for (int axis = 0; axis < ndim; axis++)
      if (operand->shape[axis] < 1)
        return onednn_report(err, MEZZO_UNSUPPORTED, MEZZO_WHY_SHAPE, indices[i], "takes no empty matrices");
    if (operand->layout != MEZZO_LAYOUT_STRIDED)
      return onednn_report(err, MEZZO_UNSUPPORTED, MEZZO_WHY_LAYOUT, indices[i], "packs its operands itself");
    if (operand->quant != NULL || !onednn_data_type(operand->dtype, &matrices[i]->type))
      return onednn_report(err, MEZZO_UNSUPPORTED, MEZZO_WHY_DTYPE, indices[i],
                           "takes float32 and bfloat16 that are not quantized");
    if (!place(operand, matrices[i]))
      return onednn_report(err, MEZZO_UNSUPPORTED, MEZZO_WHY_LAYOUT, indices[i],
                           "takes row- or column-major matrices without negative or overlapping strides");
  }
  for (int i = 0; i < 2; i++) {
    const int64_t *own = onednn_operand(op, indices[i])->shape, *wanted = onednn_operand(op, op->n_in)->shape;
    for (int axis = 0; axis < ndim - 2; axis++)
      if (own[axis] != wanted[axis] && own[axis] != 1)
        return onednn_report(err, MEZZO_INVALID, MEZZO_WHY_SHAPE, indices[i],
                             "its batch has %lld matrices at axis %d, the result's %lld", (long long)own[axis], axis,
                             (long long)wanted[axis]);
  }
  const int64_t *c = onednn_operand(op, op->n_in)->shape + ndim - 2;
  problem->ndims = ndim;
  problem->m = c[0];
  problem->n = c[1];
  problem->k = problem->a.dims[ndim - 1];
  problem->b_is_constant = (onednn_operand(op, 1)->flags & MEZZO_T_CONST) != 0;
  (void)snprintf(problem->text, sizeof problem->text, "product %lldx%lldx%lld (m, n, k; rank %d)", (long long)problem->m,
                 (long long)problem->n, (long long)problem->k, ndim);
  if (problem->a.dims[ndim - 2] != problem->m || problem->b.dims[ndim - 2] != problem->k ||
      problem->b.dims[ndim - 1] != problem->n)
    return onednn_report(err, MEZZO_INVALID, MEZZO_WHY_SHAPE, 1, "the operands' extents do not fit a %s",
                         problem->text);
  if (ndim > 2) flatten_batch(problem);
  return MEZZO_OK;
}
#endif
