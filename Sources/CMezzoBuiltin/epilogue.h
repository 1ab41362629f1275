/* epilogue.h: what follows a product, on the accumulator. */
#ifndef MZ_EPILOGUE_H
#define MZ_EPILOGUE_H
#include "elementwise.h"

/* One step: acc = kernel(acc), or kernel(acc, operand), or, without a kernel, acc rounded by store and loaded again. */
typedef struct {
  mz_kernel *kernel;
  double scalar[1];
  int operand; /* index among the plan's operands; -1: none */
  int place;   /* index among the steps' operands */
  mz_load *load;
  mz_store *store;
  int64_t size; /* of what store writes, bytes */
  int64_t row_stride, column_stride; /* of the operand, bytes */
} mz_step;

#endif
