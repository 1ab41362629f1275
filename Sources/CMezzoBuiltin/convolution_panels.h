/* convolution_panels.h: convolutions whose windows are multiplied where they lie, and their gradients. */
#ifndef MZ_CONVOLUTION_PANELS_H
#define MZ_CONVOLUTION_PANELS_H
#include "matmul.h"

/* Fill the rest of the plan, behind the epilogue; *takes: whether they can. */
mezzo_status mz_plan_window_panels(mz_request *r, bool *takes);
mezzo_status mz_plan_kernel_panels(mz_request *r, bool *takes);

#endif
