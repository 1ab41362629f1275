/* map.h: planning and running a kernel over all elements of operands of one shape. */
#ifndef MZ_MAP_H
#define MZ_MAP_H
#include "check.h"

/* How one operand passes between memory and the kernel. */
typedef struct {
  int operand;
  mz_load *load;   /* of an input */
  mz_store *store; /* of a result */
  bool dense;      /* the kernel's type is the memory's: no conversion where the innermost axis is dense */
} mz_passage;

mz_passage mz_input(const mz_plan *plan, int operand, mz_domain domain);
mz_passage mz_result(const mz_plan *plan, int operand, mz_domain domain);
/* Elements as they are, whatever their dtype. */
mz_passage mz_raw_input(const mz_plan *plan, int operand);
mz_passage mz_raw_result(const mz_plan *plan, int operand);

/* Sets plan->u.map and plan->run. Passages: inputs, then results, at most MZ_MAX_MAPPED, all of one shape. kernel NULL: the one
 * input is converted to the one result by its loader and the result's storer. */
void mz_plan_map(mz_plan *plan, mz_kernel *kernel, int n_in, int n_out, const mz_passage *passages);
mezzo_status mz_run_map(const mz_call *call);
/* Runs such a plan with another kernel for the same operands, and with scalars of this call. */
mezzo_status mz_run_map_with(const mz_call *call, mz_kernel *kernel, const double *scalar);

mz_domain mz_domain_of(mz_dtype dtype);

#endif
