/* Pooling and its gradients over windows of [batch, i..., channels], along the channels, which lie behind each other. */
#include <string.h>
#include "max_pool.h"
#include "operations.h"
#include "windows.h"

enum {
  POOL_GRAIN = 16384,
  ROWS = 4, /* of channels that a slot holds */
  TAPS_BYTES = 2 * sizeof(int64_t)
};

#define POOL_KERNELS(T, name)                                                                                          \
  MZ_CLONES static void add_##name(T *to, const T *x, int64_t n) {                                                     \
    MZ_INDEPENDENT for (int64_t i = 0; i < n; i++) to[i] += x[i];                                                      \
  }                                                                                                                    \
  /* How many elements of a window are its largest; of a NaN, all. */                                                  \
  MZ_CLONES static void count_##name(T *count, const T *x, const T *y, int64_t n) {                                    \
    MZ_INDEPENDENT for (int64_t i = 0; i < n; i++) count[i] += x[i] == y[i] || y[i] != y[i] ? 1 : 0;                   \
  }                                                                                                                    \
  MZ_CLONES static void divide_##name(T *to, const T *by, int64_t n) {                                                 \
    MZ_INDEPENDENT for (int64_t i = 0; i < n; i++) to[i] /= by[i];                                                     \
  }                                                                                                                    \
  MZ_CLONES static void share_##name(T *to, const T *x, const T *y, const T *part, int64_t n) {                        \
    MZ_INDEPENDENT for (int64_t i = 0; i < n; i++) to[i] += x[i] == y[i] || y[i] != y[i] ? part[i] : 0;                \
  }
POOL_KERNELS(float, float)
POOL_KERNELS(double, double)

#define PICK(p, name, ...)                                              \
  do {                                                                  \
    if ((p)->in_double) name##_double(__VA_ARGS__);                     \
    else name##_float(__VA_ARGS__);                                     \
  } while (0)

typedef struct {
  const mz_call *call;
  const mz_pool *pool;
  int64_t *at;   /* where the taps of a window lie */
  char *staged, *total, *count, *share;
} pooling;

static pooling pooling_of(const mz_call *call, uint64_t slot) {
  const mz_pool *p = &call->plan->u.pool;
  char *memory = call->workspace + p->shares_bytes + (int64_t)slot * p->slot_bytes;
  int64_t row = p->windows.element * p->channels;
  char *rows = memory + p->slot_bytes - ROWS * row;
  return (pooling){call, p, (int64_t *)(void *)memory, rows, rows + row, rows + 2 * row, rows + 3 * row};
}

/* The channels of an operand at a place, in the accumulator: where they lie, or converted. */
static const void *channels(const pooling *s, int operand, int64_t place, void *staged) {
  const mz_operand *o = &s->call->plan->operand[operand];
  const char *from = s->call->at[operand] + place * s->pool->channels * o->size;
  if (o->size == s->pool->windows.element) return from;
  s->pool->load(staged, from, o->size, s->pool->channels);
  return staged;
}

static void store(const pooling *s, int operand, int64_t place, const void *from) {
  const mz_operand *o = &s->call->plan->operand[operand];
  s->pool->store(s->call->at[operand] + place * s->pool->channels * o->size, o->size, from, s->pool->channels);
}

static void fill(const pooling *s, void *to, double value) {
  for (int64_t i = 0; i < s->pool->channels; i++) {
    if (s->pool->in_double) ((double *)to)[i] = value;
    else ((float *)to)[i] = (float)value;
  }
}

static void mean_body(void *user, uint64_t begin, uint64_t end, uint32_t worker) {
  (void)worker;
  const mz_call *call = user;
  for (uint64_t slot = begin; slot < end; slot++) {
    pooling s = pooling_of(call, slot);
    const mz_pool *p = s.pool;
    int64_t last = mz_pool_part(p, p->windows.places, slot + 1);
    for (int64_t place = mz_pool_part(p, p->windows.places, slot); place < last; place++) {
      int64_t taps = mz_window_places(&p->windows, place, s.at);
      fill(&s, s.total, 0);
      for (int64_t tap = 0; tap < taps; tap++)
        PICK(p, add, (void *)s.total, channels(&s, p->x, s.at[tap], s.staged), p->channels);
      fill(&s, s.count, (double)taps);
      PICK(p, divide, (void *)s.total, (const void *)s.count, p->channels);
      store(&s, p->y, place, s.total);
    }
  }
}

/* What each window gives to each of its elements that take part. */
static void share_body(void *user, uint64_t begin, uint64_t end, uint32_t worker) {
  (void)worker;
  const mz_call *call = user;
  for (uint64_t slot = begin; slot < end; slot++) {
    pooling s = pooling_of(call, slot);
    const mz_pool *p = s.pool;
    int64_t row = p->channels * p->windows.element, last = mz_pool_part(p, p->windows.places, slot + 1);
    for (int64_t place = mz_pool_part(p, p->windows.places, slot); place < last; place++) {
      int64_t taps = mz_window_places(&p->windows, place, s.at);
      void *share = call->workspace + place * row;
      if (p->is_mean) {
        fill(&s, s.count, (double)taps);
      } else {
        const void *y = channels(&s, p->y, place, s.total);
        fill(&s, s.count, 0);
        for (int64_t tap = 0; tap < taps; tap++) {
          const void *x = channels(&s, p->x, s.at[tap], s.staged);
          PICK(p, count, (void *)s.count, x, y, p->channels);
        }
      }
      const void *given = channels(&s, 0, place, s.staged);
      memcpy(share, given, (size_t)row);
      PICK(p, divide, share, (const void *)s.count, p->channels);
    }
  }
}

static void gradient_body(void *user, uint64_t begin, uint64_t end, uint32_t worker) {
  (void)worker;
  const mz_call *call = user;
  for (uint64_t slot = begin; slot < end; slot++) {
    pooling s = pooling_of(call, slot);
    const mz_pool *p = s.pool;
    int64_t row = p->channels * p->windows.element, last = mz_pool_part(p, p->back.places, slot + 1);
    for (int64_t place = mz_pool_part(p, p->back.places, slot); place < last; place++) {
      int64_t windows = mz_window_places(&p->back, place, s.at);
      const void *x = p->is_mean || windows == 0 ? NULL : channels(&s, p->x, place, s.staged);
      fill(&s, s.total, 0);
      for (int64_t i = 0; i < windows; i++) {
        const void *share = call->workspace + s.at[i] * row;
        if (p->is_mean) PICK(p, add, (void *)s.total, share, p->channels);
        else PICK(p, share, (void *)s.total, x, channels(&s, p->y, s.at[i], s.count), share, p->channels);
      }
      store(&s, call->plan->n_in, place, s.total);
    }
  }
}

/* Where windows lie side by side, each of them writes what its own elements get. */
static void side_by_side_body(void *user, uint64_t begin, uint64_t end, uint32_t worker) {
  (void)worker;
  const mz_call *call = user;
  for (uint64_t slot = begin; slot < end; slot++) {
    pooling s = pooling_of(call, slot);
    const mz_pool *p = s.pool;
    int64_t row = p->channels * p->windows.element, last = mz_pool_part(p, p->windows.places, slot + 1);
    for (int64_t place = mz_pool_part(p, p->windows.places, slot); place < last; place++) {
      int64_t taps = mz_window_places(&p->windows, place, s.at);
      fill(&s, s.count, (double)taps);
      memcpy(s.share, channels(&s, 0, place, s.staged), (size_t)row);
      PICK(p, divide, (void *)s.share, (const void *)s.count, p->channels);
      for (int64_t tap = 0; tap < taps; tap++) store(&s, call->plan->n_in, s.at[tap], s.share);
    }
  }
}

static mezzo_status run_side_by_side(const mz_call *call) {
  return mz_parallel(call->plan, call->plan->u.pool.slots, 1, side_by_side_body, (void *)(uintptr_t)call);
}

static mezzo_status run_mean(const mz_call *call) {
  return mz_parallel(call->plan, call->plan->u.pool.slots, 1, mean_body, (void *)(uintptr_t)call);
}

static mezzo_status run_gradient(const mz_call *call) {
  mezzo_status status = mz_parallel(call->plan, call->plan->u.pool.slots, 1, share_body, (void *)(uintptr_t)call);
  if (status != MEZZO_OK) return status;
  return mz_parallel(call->plan, call->plan->u.pool.slots, 1, gradient_body, (void *)(uintptr_t)call);
}

/* x and y: operands of the shapes of what is pooled and of what comes of it. */
static mezzo_status plan_pool(mz_request *r, int x, int y, bool is_mean, bool is_gradient) {
  mz_plan *plan = r->plan;
  mz_pool *p = &plan->u.pool;
  mz_gather *g = &p->windows;
  const mz_operand *ox = &plan->operand[x], *oy = &plan->operand[y];
  int rank = ox->rank, axes = rank - 2;
  MZ_TRY(mz_expect_dtype(r, 0, MZ_FLOATS));
  for (int i = 1; i < plan->n_in + 1; i++) MZ_TRY(mz_expect_dtype(r, i, MZ_SET(plan->operand[0].dtype)));
  for (int i = 0; i < plan->n_in + 1; i++) MZ_TRY(mz_expect_dense(r, i));
  p->in_double = ox->dtype == MZ_F64;
  MZ_TRY(mz_expect_accumulator(r, p->in_double ? MZ_F64 : MZ_F32));
  if (rank < 3)
    return mz_refuse(r->err, MEZZO_INVALID, MEZZO_WHY_SHAPE, (uint32_t)x, "operand %d has rank %d; expected [batch, i..., channels]", x, rank);
  MZ_TRY(mz_expect_rank(r, y, rank));
  if (ox->shape[0] != oy->shape[0] || ox->shape[rank - 1] != oy->shape[rank - 1])
    return mz_refuse(r->err, MEZZO_INVALID, MEZZO_WHY_SHAPE, (uint32_t)y, "expected one batch and one number of channels");
  const int64_t *size;
  uint32_t count;
  MZ_TRY(mz_attr_ints(r, "size", &size, &count));
  if (count != (uint32_t)axes)
    return mz_refuse(r->err, MEZZO_INVALID, MEZZO_WHY_ATTR, MZ_NO_OPERAND, "attribute 'size' has %u numbers; expected %d, one an axis", count,
                     axes);
  MZ_TRY(mz_read_windows(r, g, axes, ox->shape + 1, oy->shape + 1, size, false));
  g->element = p->in_double ? sizeof(double) : sizeof(float);
  g->places = oy->shape[0];
  g->window = 1;
  int64_t row_bytes, taps_bytes, total = 0;
  bool too_large = false, is_covered = true, is_apart = true;
  for (int axis = axes - 1; axis >= 0; axis--) {
    g->place[axis] = oy->shape[1 + axis];
    g->from[axis] = ox->shape[1 + axis];
    g->places *= g->place[axis];
    too_large |= __builtin_mul_overflow(g->window, g->taps[axis], &g->window);
    is_apart = is_apart && g->step[axis] >= g->taps[axis];
    is_covered = is_covered && g->low[axis] == 0 && g->step[axis] == g->taps[axis] && g->from[axis] == g->place[axis] * g->step[axis];
  }
  p->back = *g;
  p->back.is_transposed = true;
  p->back.places = ox->shape[0];
  for (int axis = 0; axis < axes; axis++) {
    p->back.place[axis] = g->from[axis];
    p->back.from[axis] = g->place[axis];
    p->back.places *= g->from[axis];
  }
  p->is_mean = is_mean;
  p->channels = ox->shape[rank - 1];
  p->x = x;
  p->y = y;
  mz_domain domain = p->in_double ? MZ_IN_DOUBLE : MZ_IN_FLOAT;
  p->load = mz_loader(domain, ox->dtype);
  p->store = mz_storer(domain, ox->dtype);
  p->max = mz_max_pool_kernels_of(ox->dtype);
  p->is_covered = is_covered;
  bool gives_alone = is_mean ? is_covered : is_apart && g->window <= MZ_MAX_POOL_TAPS;
  int64_t touched = ox->count > oy->count ? ox->count : oy->count;
  bool shares = plan->host->parallel_for != NULL && plan->threads > 1 && touched > POOL_GRAIN;
  p->slots = shares ? plan->threads : 1;
  too_large |= __builtin_mul_overflow(p->channels, ROWS * g->element, &row_bytes) || __builtin_mul_overflow(g->window, TAPS_BYTES, &taps_bytes) ||
               __builtin_add_overflow(taps_bytes, row_bytes, &p->slot_bytes) || p->slot_bytes > INT64_MAX - 64;
  if (!too_large) {
    p->slot_bytes = (p->slot_bytes + 63) / 64 * 64;
    if (is_gradient && !gives_alone)
      too_large = __builtin_mul_overflow(oy->count, g->element, &p->shares_bytes) || p->shares_bytes > INT64_MAX - 64;
    p->shares_bytes = (p->shares_bytes + 63) / 64 * 64;
    too_large |= __builtin_mul_overflow(p->slot_bytes, p->slots, &total) || __builtin_add_overflow(total, p->shares_bytes, &total);
  }
  if (too_large)
    return mz_refuse(r->err, MEZZO_UNSUPPORTED, MEZZO_WHY_LIMIT, MZ_NO_OPERAND, "a workspace for windows of axis 0 exceeds 2^63 bytes");
  plan->workspace = (uint64_t)total;
  if (is_gradient) plan->run = !gives_alone ? run_gradient : is_mean ? run_side_by_side : mz_run_max_pool_gradient;
  else plan->run = is_mean ? run_mean : mz_run_max_pool;
  return MEZZO_OK;
}

mezzo_status mz_plan_pool(mz_request *r) {
  MZ_TRY(mz_expect_arity(r, 1, 1));
  return plan_pool(r, 0, 1, r->op->op == MEZZO_OP_AVERAGE_POOL, false);
}

mezzo_status mz_plan_pool_gradient(mz_request *r) {
  bool is_mean = r->op->op == MEZZO_OP_AVERAGE_POOL_GRADIENT;
  MZ_TRY(mz_expect_arity(r, is_mean ? 1 : 3, 1));
  if (is_mean) return plan_pool(r, 1, 0, true, true);
  MZ_TRY(mz_expect_same(r, 2, 0, true));
  MZ_TRY(mz_expect_same(r, 3, 1, true));
  return plan_pool(r, 1, 2, false, true);
}
