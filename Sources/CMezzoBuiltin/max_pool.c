/* The largest elements of windows, and what of a gradient they get where windows do not overlap, in the operands' own dtype. */
#include "max_pool.h"
#include <string.h>
#include "operations.h"
#include "windows.h"

const mz_max_pool_kernels *mz_max_pool_kernels_of(mz_dtype dtype) {
  switch (dtype) {
    case MZ_F16: return &mz_max_pool_float16;
    case MZ_BF16: return &mz_max_pool_bfloat16;
    case MZ_F64: return &mz_max_pool_double;
    default: return &mz_max_pool_float;
  }
}

/* Bytes from the first tap of a window to each. */
static void find_taps(const mz_gather *g, int64_t row, int64_t *tap) {
  for (int64_t i = 0; i < g->window; i++) {
    int64_t left = i, stride = row;
    tap[i] = 0;
    for (int axis = g->axes - 1; axis >= 0; axis--) {
      tap[i] += left % g->taps[axis] * stride;
      left /= g->taps[axis];
      stride *= g->from[axis];
    }
  }
}

typedef struct {
  int64_t end;                 /* the place behind the last */
  int64_t first, along;        /* where the first tap is: counted over batch and g->from, and along the last axis */
  bool is_inside;              /* by all axes but the last */
} stretch;

/* Windows along the last axis from `index` on. */
static stretch find_stretch(const mz_gather *g, int64_t index, int64_t last) {
  int64_t place[MZ_MAX_RANK], batch = index;
  for (int axis = g->axes - 1; axis >= 0; axis--) {
    place[axis] = batch % g->place[axis];
    batch /= g->place[axis];
  }
  stretch s = {.first = batch, .is_inside = true};
  for (int axis = 0; axis < g->axes; axis++) {
    s.along = place[axis] * g->step[axis] - g->low[axis];
    s.first = s.first * g->from[axis] + s.along;
    if (axis < g->axes - 1) s.is_inside = s.is_inside && s.along >= 0 && s.along + g->taps[axis] <= g->from[axis];
  }
  s.end = index + g->place[g->axes - 1] - place[g->axes - 1];
  if (s.end > last) s.end = last;
  return s;
}

static void slot_body(const mz_call *call, uint64_t slot, bool is_gradient) {
  const mz_pool *p = &call->plan->u.pool;
  const mz_gather *g = &p->windows;
  int64_t row = p->channels * call->plan->operand[p->x].size, step = g->step[g->axes - 1], extent = g->from[g->axes - 1];
  int64_t *inside = (int64_t *)(void *)(call->workspace + (int64_t)slot * p->slot_bytes), *at_edge = inside + g->window;
  int64_t last = mz_pool_part(p, g->places, slot + 1);
  find_taps(g, row, inside);
  for (int64_t index = mz_pool_part(p, g->places, slot); index < last;) {
    stretch s = find_stretch(g, index, last);
    for (; index < s.end; index++, s.first += step, s.along += step) {
      bool is_inside = s.is_inside && s.along >= 0 && s.along + g->taps[g->axes - 1] <= extent;
      int64_t *tap = is_inside ? inside : at_edge, taps = is_inside ? g->window : mz_window_places(g, index, at_edge);
      int64_t first = is_inside ? s.first * row : 0;
      if (!is_inside)
        for (int64_t i = 0; i < taps; i++) at_edge[i] *= row;
      const char *x = call->at[p->x] + first;
      char *y = call->at[p->y] + index * row;
      if (is_gradient) p->max->give(call->at[call->plan->n_in] + first, call->at[0] + index * row, x, y, tap, taps, p->channels);
      else p->max->largest(y, x, tap, taps, p->channels);
    }
  }
}

static void largest_body(void *user, uint64_t begin, uint64_t end, uint32_t worker) {
  (void)worker;
  for (uint64_t slot = begin; slot < end; slot++) slot_body(user, slot, false);
}

static void give_body(void *user, uint64_t begin, uint64_t end, uint32_t worker) {
  (void)worker;
  for (uint64_t slot = begin; slot < end; slot++) slot_body(user, slot, true);
}

/* What no window holds gets nothing. */
static void clear_body(void *user, uint64_t begin, uint64_t end, uint32_t worker) {
  (void)worker;
  const mz_call *call = user;
  const mz_pool *p = &call->plan->u.pool;
  const mz_operand *dx = &call->plan->operand[call->plan->n_in];
  int64_t first = mz_pool_part(p, dx->count, begin), last = mz_pool_part(p, dx->count, end);
  memset(call->at[call->plan->n_in] + first * dx->size, 0, (size_t)((last - first) * dx->size));
}

mezzo_status mz_run_max_pool(const mz_call *call) {
  return mz_parallel(call->plan, call->plan->u.pool.slots, 1, largest_body, (void *)(uintptr_t)call);
}

mezzo_status mz_run_max_pool_gradient(const mz_call *call) {
  const mz_pool *p = &call->plan->u.pool;
  if (!p->is_covered) {
    mezzo_status status = mz_parallel(call->plan, p->slots, 1, clear_body, (void *)(uintptr_t)call);
    if (status != MEZZO_OK) return status;
  }
  return mz_parallel(call->plan, p->slots, 1, give_body, (void *)(uintptr_t)call);
}
