/* check.h: reading a request, and saying why it is declined. Functions return MEZZO_OK or the status to return. */
#ifndef MZ_CHECK_H
#define MZ_CHECK_H
#include "plan.h"

#define MZ_NO_OPERAND UINT32_MAX
#define MZ_TRY(call)                                    \
  do {                                                  \
    mezzo_status status_ = (call);                      \
    if (status_ != MEZZO_OK) return status_;            \
  } while (0)

/* A request while it is being planned. plan->operand is filled before an operation's planner runs. */
typedef struct {
  const mezzo_op *op;
  mezzo_error *err;
  mz_plan *plan;
  uint64_t attributes_read; /* a bit each */
} mz_request;

/* Fills err and returns status. */
__attribute__((format(printf, 5, 6))) mezzo_status mz_refuse(mezzo_error *err, mezzo_status status, uint32_t why,
                                                             uint32_t operand, const char *format, ...);

/* Copies dtypes, shapes and strides of all operands, checking what every operation needs. */
mezzo_status mz_read_operands(mz_request *r);

/* The operation's own inputs (those of the epilogue follow) and results. */
mezzo_status mz_expect_arity(mz_request *r, int n_in, int n_out);
mezzo_status mz_expect_dtype(mz_request *r, int operand, uint32_t set);
mezzo_status mz_expect_rank(mz_request *r, int operand, int rank);
mezzo_status mz_expect_shape(mz_request *r, int operand, int rank, const int64_t *shape);
mezzo_status mz_expect_same(mz_request *r, int operand, int as, bool dtype_too);
/* Dense, in row-major order. */
mezzo_status mz_expect_dense(mz_request *r, int operand);
/* Whether the content of an input stays the same from one execution to the next. */
bool mz_is_constant(const mz_request *r, int operand);
/* Declines if a wider accumulator than the operation's is wanted. */
mezzo_status mz_expect_accumulator(mz_request *r, mz_dtype gives);

mezzo_status mz_attr_int(mz_request *r, const char *name, int64_t low, int64_t high, int64_t *value);
mezzo_status mz_attr_float(mz_request *r, const char *name, double *value);
mezzo_status mz_attr_float_or(mz_request *r, const char *name, double otherwise, double *value);
mezzo_status mz_attr_ints(mz_request *r, const char *name, const int64_t **values, uint32_t *count);
/* Attribute "axis" of an operand. */
mezzo_status mz_attr_axis(mz_request *r, int operand, int *axis);
/* Declines if there is an attribute that no planner has read: it could change the meaning. */
mezzo_status mz_expect_no_more_attributes(mz_request *r);

#endif
