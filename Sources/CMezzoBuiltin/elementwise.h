/* elementwise.h: kernels over blocks of elements, for all element-wise operations and epilogues. */
#ifndef MZ_ELEMENTWISE_H
#define MZ_ELEMENTWISE_H
#include "convert.h"

/* Computes n elements: out[i] and in[i] are dense arrays of the domain's type (bool as uint8_t), and out[i] may be in[i]. out ends
 * with NULL.
 * scalar: parameters of the operation. */
typedef void mz_kernel(void *const *out, const void *const *in, const double *scalar, int64_t n);

/* The kernel of an operation of the header, or NULL if there is none. form: of GELU, 1 for the tanh form. */
mz_kernel *mz_kernel_of_float(uint32_t op, int64_t form);
mz_kernel *mz_kernel_of_double(uint32_t op, int64_t form);
mz_kernel *mz_kernel_of_int64(uint32_t op);

/* The kernel of a step of an epilogue, which takes the accumulator and, where the step has one, its operand. */
mz_kernel *mz_kernel_of_step_float(uint32_t epilogue);
mz_kernel *mz_kernel_of_step_double(uint32_t epilogue);

#endif
