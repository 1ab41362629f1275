/* convolution_panels.h: convolutions whose windows are multiplied where they lie, and their gradients. */
#ifndef MZ_CONVOLUTION_PANELS_H
#define MZ_CONVOLUTION_PANELS_H
#include "counts.h"
#include "matmul.h"

/* Of where the runs of a tile's rows begin. */
static inline int64_t mz_runs_bytes(const mz_convolution *c) { return round_up(c->most_runs * (int64_t)sizeof(int64_t), 64); }

/* Of an image of what windows are gathered from, as it lies in memory. */
static inline int64_t mz_image_bytes(const mz_gather *g) {
  int64_t bytes = g->channels * g->size;
  for (int axis = 0; axis < g->axes; axis++) bytes *= g->from[axis];
  return bytes;
}

/* Fill the rest of the plan, behind the epilogue; *takes: whether they can. */
mezzo_status mz_plan_window_panels(mz_request *r, bool *takes);
mezzo_status mz_plan_kernel_panels(mz_request *r, bool *takes);

#endif
