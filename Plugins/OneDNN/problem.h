/* A product in oneDNN's terms: dimensions, strides and dtypes of its matrices, and the steps that follow it. */
#ifndef ONEDNN_PROBLEM_H
#define ONEDNN_PROBLEM_H
#include "library.h"

#if ONEDNN_HEADERS
#include <stdbool.h>

typedef struct onednn_matrix {
  dnnl_dims_t dims, strides;
  dnnl_data_type_t type;
} onednn_matrix;

typedef struct onednn_problem {
  int ndims;
  onednn_matrix a, b, c;
  int64_t m, n, k;
  bool b_is_constant;
  char text[128]; /* for messages */
} onednn_problem;

/* Reads the operands of op; declines what the library cannot take. */
mezzo_status onednn_read_problem(const mezzo_op *op, onednn_problem *problem, mezzo_error *err);

const mezzo_operand *onednn_operand(const mezzo_op *op, uint32_t index);
const mezzo_epilogue *onednn_step(const mezzo_op *op, uint32_t index);
bool onednn_data_type(mezzo_dtype dtype, dnnl_data_type_t *type);

/* How many leading steps of op's epilogue can be expressed, whether or not a kernel for them exists. A relu is the last
 * of them, because the plugin does it itself (see relu.h). */
uint32_t onednn_expressible_steps(const mezzo_op *op, int64_t n);

bool onednn_ends_in_relu(const mezzo_op *op, uint32_t steps);

/* The bias among the first steps, or NULL. It can only come first: there oneDNN adds it to the accumulator. */
const mezzo_operand *onednn_bias(const mezzo_op *op, uint32_t steps);

/* Attributes that do the given number of steps, but for the bias and the relu. The caller destroys them. */
dnnl_status_t onednn_make_attributes(const onednn_library *dnnl, const mezzo_op *op, uint32_t steps,
                                     dnnl_primitive_attr_t *attributes);
#endif
#endif
