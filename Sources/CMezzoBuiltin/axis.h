/* axis.h: operations that work along one axis of their first operand. */
#ifndef MZ_AXIS_H
#define MZ_AXIS_H
#include "operations.h"

/* Fills plan->u.rows: outer walks all other axes of (operand 0, the result), whose axis may be missing there (rank one less) or
 * have extent 1. */
void mz_plan_axis(mz_request *r, int axis);

/* Runs body over the places of outer, in pieces that are worth a thread. */
mezzo_status mz_run_axis(const mz_call *call, mezzo_body body);

/* The maximum of a row, and the sum of e^(x - maximum); at is its first element. */
double mz_axis_max(const mz_rows *rows, const char *at);
double mz_axis_sum_exp(const mz_rows *rows, const char *at, double max);

#endif
