/* attention_lanes.h: what mz_norm_kernels' weigh and slope do for rows of float, in vectors of 512 bits. */
#ifndef MZ_ATTENTION_LANES_H
#define MZ_ATTENTION_LANES_H
#include "norms.h"

typedef struct {
  mz_weigh_scores *weigh;
  mz_slope_scores *slope;
} mz_score_kernels;

/* NULL where the processor has no such vectors. */
const mz_score_kernels *mz_wide_scores(void);
/* The same, whose rows become bfloat16 in their place; for processors that multiply pairs of them. */
const mz_score_kernels *mz_wide_scores_in_pairs(void);

#endif
