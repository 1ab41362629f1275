/* convolution_direct.h: convolutions of few channels. */
#ifndef MZ_CONVOLUTION_DIRECT_H
#define MZ_CONVOLUTION_DIRECT_H
#include "matmul.h"

/* Whether the planned convolution has so few channels, and all else that it takes. */
bool mz_takes_lines(const mz_plan *plan);
/* Fills the rest of the plan, behind the epilogue. */
mezzo_status mz_plan_lines(mz_request *r);

#endif
