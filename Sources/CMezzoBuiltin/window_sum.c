/* window_sum: what windows into a tensor are made of, added up where they overlap; the transpose of taking windows. */
#include <string.h>
#include "counts.h"
#include "operations.h"

enum {
  WINDOW_GRAIN = 8192, /* elements of y */
  WINDOW_ROW = 4096    /* elements of a row that is summed at once */
};

typedef struct {
  const mz_windows *windows;
  const int64_t *place; /* of y, axis by axis */
  int64_t offset, n;    /* into the innermost axes */
  void *total;
  char *staged;
} summing;

/* Adds the parts of all windows that fall on the place, in the order of their taps. */
static void add_taps(const summing *s, int axis, const char *x) {
  const mz_windows *w = s->windows;
  if (axis == w->axes) {
    int64_t stride = w->inner.stride[0][w->inner.rank - 1];
    w->load(s->staged, x + s->offset, stride, s->n);
    if (w->in_double) {
      double *total = s->total;
      const double *part = (const double *)(const void *)s->staged;
      for (int64_t i = 0; i < s->n; i++) total[i] += part[i];
    } else {
      float *total = s->total;
      const float *part = (const float *)(const void *)s->staged;
      for (int64_t i = 0; i < s->n; i++) total[i] += part[i];
    }
    return;
  }
  for (int64_t tap = 0; tap < w->taps[axis]; tap++) {
    int64_t reach = s->place[axis] - tap * w->dilation[axis];
    if (reach < 0) return;
    if (reach % w->step[axis] != 0 || reach / w->step[axis] >= w->out[axis]) continue;
    add_taps(s, axis + 1, x + reach / w->step[axis] * w->out_stride[axis] + tap * w->tap_stride[axis]);
  }
}

static void add(const mz_windows *w, char *total, const char *part, int64_t n) {
  if (w->in_double) {
    double *to = (double *)(void *)total;
    const double *from = (const double *)(const void *)part;
    for (int64_t i = 0; i < n; i++) to[i] += from[i];
  } else {
    float *to = (float *)(void *)total;
    const float *from = (const float *)(const void *)part;
    for (int64_t i = 0; i < n; i++) to[i] += from[i];
  }
}

/* Adds the windows along the last axis, each whole. From the last to the first: then a place gets its parts in the order of
 * their taps, as add_taps adds them. */
static void add_windows(const mz_windows *w, char *total, char *staged, const char *x) {
  int last = w->axes - 1;
  int64_t element = w->in_double ? sizeof(double) : sizeof(float), n = w->inner.extent[0], taps = w->taps[last];
  for (int64_t out = w->out[last] - 1; out >= 0; out--) {
    const char *part = x + out * w->out_stride[last];
    char *to = total + out * w->step[last] * n * element;
    if (!w->is_plain) {
      w->load(staged, part, w->inner.stride[0][0], taps * n);
      part = staged;
    }
    if (w->dilation[last] == 1) {
      add(w, to, part, taps * n);
    } else {
      for (int64_t tap = 0; tap < taps; tap++)
        add(w, to + tap * w->dilation[last] * n * element, part + tap * n * element, n);
    }
  }
}

/* Adds the rows of windows that reach the row of y at place. */
static void add_rows(const mz_windows *w, const int64_t *place, int axis, char *total, char *staged, const char *x) {
  if (axis == w->axes - 1) {
    add_windows(w, total, staged, x);
    return;
  }
  for (int64_t tap = 0; tap < w->taps[axis]; tap++) {
    int64_t reach = place[axis] - tap * w->dilation[axis];
    if (reach < 0) return;
    if (reach % w->step[axis] != 0 || reach / w->step[axis] >= w->out[axis]) continue;
    add_rows(w, place, axis + 1, total, staged, x + reach / w->step[axis] * w->out_stride[axis] + tap * w->tap_stride[axis]);
  }
}

static void row_body(void *user, uint64_t begin, uint64_t end, uint32_t worker) {
  (void)worker;
  const mz_call *call = user;
  const mz_plan *plan = call->plan;
  const mz_windows *w = &plan->u.windows;
  const mz_operand *x = &plan->operand[0], *y = &plan->operand[plan->n_in];
  _Alignas(64) char total[WINDOW_ROW * sizeof(double)], staged[WINDOW_ROW * sizeof(double)];
  int64_t element = w->in_double ? sizeof(double) : sizeof(float), width = y->shape[w->axes], n = w->inner.extent[0];
  for (uint64_t index = begin; index < end; index++) {
    int64_t place[MZ_MAX_RANK], rest = (int64_t)index;
    char *to = call->at[plan->n_in];
    for (int axis = w->axes - 1; axis >= 1; axis--) {
      place[axis - 1] = rest % y->shape[axis];
      rest /= y->shape[axis];
      to += place[axis - 1] * y->stride[axis];
    }
    to += rest * y->stride[0];
    memset(total, 0, (size_t)(width * n * element));
    add_rows(w, place, 0, total, staged, call->at[0] + rest * x->stride[0]);
    if (w->inner.stride[1][0] == y->size && y->stride[w->axes] == n * y->size) {
      w->store(to, y->size, total, width * n);
      continue;
    }
    for (int64_t at = 0; at < width; at++)
      w->store(to + at * y->stride[w->axes], w->inner.stride[1][0], total + at * n * element, n);
  }
}

static void body(void *user, uint64_t begin, uint64_t end, uint32_t worker) {
  (void)worker;
  const mz_call *call = user;
  const mz_plan *plan = call->plan;
  const mz_windows *w = &plan->u.windows;
  const mz_operand *x = &plan->operand[0], *y = &plan->operand[plan->n_in];
  _Alignas(64) char total[MZ_BLOCK * sizeof(double)], staged[MZ_BLOCK * sizeof(double)];
  int last = w->inner.rank - 1;
  for (uint64_t index = begin; index < end; index++) {
    int64_t place[MZ_MAX_RANK], rest = (int64_t)index;
    char *to = call->at[plan->n_in];
    for (int axis = w->axes; axis >= 0; axis--) {
      int64_t at = rest % y->shape[axis];
      rest /= y->shape[axis];
      if (axis > 0) place[axis - 1] = at;
      to += at * y->stride[axis];
      if (axis == 0) rest = at;
    }
    const char *from = call->at[0] + rest * x->stride[0];
    char *base[2] = {(char *)(uintptr_t)from, to}, *at[2];
    for (int64_t i = 0; i < w->inner.count;) {
      int64_t n = min64(mz_space_seek(&w->inner, i, base, at), MZ_BLOCK);
      memset(total, 0, (size_t)n * (w->in_double ? sizeof(double) : sizeof(float)));
      summing s = {w, place, at[0] - base[0], n, total, staged};
      add_taps(&s, 0, from);
      w->store(at[1], w->inner.stride[1][last], total, n);
      i += n;
    }
  }
}

static mezzo_status run(const mz_call *call) {
  const mz_plan *plan = call->plan;
  const mz_operand *y = &plan->operand[plan->n_in];
  int64_t places = 1, elements = plan->u.windows.inner.count;
  const mz_windows *w = &plan->u.windows;
  for (int axis = 0; axis <= w->axes; axis++) places *= y->shape[axis];
  if (y->count == 0) return MEZZO_OK;
  if (w->by_rows) {
    int64_t width = y->shape[w->axes];
    return mz_parallel(plan, places / width, WINDOW_GRAIN / (width * elements) + 1, row_body, (void *)(uintptr_t)call);
  }
  return mz_parallel(plan, places, WINDOW_GRAIN / elements + 1, body, (void *)(uintptr_t)call);
}

mezzo_status mz_plan_window_sum(mz_request *r) {
  mz_plan *plan = r->plan;
  mz_windows *w = &plan->u.windows;
  MZ_TRY(mz_expect_arity(r, 1, 1));
  MZ_TRY(mz_expect_dtype(r, 0, MZ_FLOATS));
  const mz_operand *x = &plan->operand[0], *y = &plan->operand[plan->n_in];
  MZ_TRY(mz_expect_dtype(r, plan->n_in, MZ_SET(x->dtype)));
  const int64_t *strides, *dilations;
  uint32_t count, as_many;
  MZ_TRY(mz_attr_ints(r, "strides", &strides, &count));
  MZ_TRY(mz_attr_ints(r, "dilations", &dilations, &as_many));
  if (count != as_many || count == 0 || count > MZ_MAX_RANK)
    return mz_refuse(r->err, MEZZO_INVALID, MEZZO_WHY_ATTR, MZ_NO_OPERAND, "%u strides and %u dilations; expected as many, one an axis",
                     count, as_many);
  int axes = (int)count, rank = y->rank;
  if (rank < axes + 1)
    return mz_refuse(r->err, MEZZO_INVALID, MEZZO_WHY_SHAPE, (uint32_t)plan->n_in,
                     "result has rank %d; expected a batch, %d axes of windows and what lies behind them", rank, axes);
  MZ_TRY(mz_expect_rank(r, 0, rank + axes));
  w->axes = axes;
  if (x->shape[0] != y->shape[0])
    return mz_refuse(r->err, MEZZO_INVALID, MEZZO_WHY_SHAPE, 0, "batches of %lld and %lld; expected one", (long long)x->shape[0],
                     (long long)y->shape[0]);
  for (int i = 0; i < axes; i++) {
    w->out[i] = x->shape[1 + i];
    w->taps[i] = x->shape[1 + axes + i];
    w->out_stride[i] = x->stride[1 + i];
    w->tap_stride[i] = x->stride[1 + axes + i];
    w->step[i] = strides[i];
    w->dilation[i] = dilations[i];
    int64_t by_window, by_tap, reach = 0;
    bool is_wrong = strides[i] < 1 || dilations[i] < 1;
    if (!is_wrong && w->out[i] > 0 && w->taps[i] > 0)
      is_wrong = __builtin_mul_overflow(w->out[i] - 1, strides[i], &by_window) ||
                 __builtin_mul_overflow(w->taps[i] - 1, dilations[i], &by_tap) || __builtin_add_overflow(by_window, by_tap, &reach) ||
                 reach >= y->shape[1 + i];
    if (is_wrong)
      return mz_refuse(r->err, MEZZO_INVALID, MEZZO_WHY_ATTR, 0,
                       "windows of axis %d with stride %lld and dilation %lld do not lie within an extent of %lld", i,
                       (long long)strides[i], (long long)dilations[i], (long long)y->shape[1 + i]);
  }
  mz_space_init(&w->inner, 2);
  for (int axis = axes + 1; axis < rank; axis++) {
    if (x->shape[axis + axes] != y->shape[axis])
      return mz_refuse(r->err, MEZZO_INVALID, MEZZO_WHY_SHAPE, 0, "axis %d has extent %lld; expected %lld", axis + axes,
                       (long long)x->shape[axis + axes], (long long)y->shape[axis]);
    mz_space_add(&w->inner, y->shape[axis], (int64_t[]){x->stride[axis + axes], y->stride[axis]});
  }
  mz_space_sort(&w->inner);
  mz_space_coalesce(&w->inner);
  w->in_double = x->dtype == MZ_F64;
  MZ_TRY(mz_expect_accumulator(r, w->in_double ? MZ_F64 : MZ_F32));
  w->load = mz_loader(w->in_double ? MZ_IN_DOUBLE : MZ_IN_FLOAT, x->dtype);
  w->store = mz_storer(w->in_double ? MZ_IN_DOUBLE : MZ_IN_FLOAT, y->dtype);
  /* A window along the last axis has to be one run of x, and a row of y has to fit into the sums of a task. */
  int64_t width = y->shape[axes], n = w->inner.extent[0], row, reach;
  bool fits = !__builtin_mul_overflow(width, n, &row) && row > 0 && row <= WINDOW_ROW &&
              !__builtin_mul_overflow(w->taps[axes - 1], n, &reach) && reach <= WINDOW_ROW;
  bool is_run = w->inner.rank == 1 && (n == 1 || w->inner.stride[0][0] == x->size) &&
                (w->taps[axes - 1] == 1 || w->tap_stride[axes - 1] == n * x->size);
  w->by_rows = fits && is_run;
  if (n == 1) w->inner.stride[0][0] = x->size;
  w->is_plain = x->dtype == (w->in_double ? MZ_F64 : MZ_F32);
  plan->run = run;
  return MEZZO_OK;
}
