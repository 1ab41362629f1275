/* pad, slice and concatenate: elements as they are, from one place to another. */
#include <string.h>
#include "counts.h"
#include "operations.h"

enum { MOVE_GRAIN = 32768 /* elements */ };

/* A run of elements; one of its ends that is dense saves the staging. */
static void move_run(const mz_moves *moves, const char *from, int64_t from_stride, char *to, int64_t to_stride, int64_t size,
                     int64_t n) {
  _Alignas(64) char staged[MZ_BLOCK * sizeof(double)];
  if (from_stride == size && to_stride == size) {
    memcpy(to, from, (size_t)(n * size));
  } else if (from_stride == size) {
    moves->store(to, to_stride, from, n);
  } else if (to_stride == size) {
    moves->load(to, from, from_stride, n);
  } else {
    for (int64_t done = 0; done < n; done += MZ_BLOCK) {
      int64_t block = min64(MZ_BLOCK, n - done);
      moves->load(staged, from + done * from_stride, from_stride, block);
      moves->store(to + done * to_stride, to_stride, staged, block);
    }
  }
}

static void fill_body(void *user, uint64_t begin, uint64_t end, uint32_t worker) {
  (void)worker;
  const mz_call *call = user;
  const mz_moves *moves = &call->plan->u.moves;
  _Alignas(64) char staged[MZ_BLOCK * sizeof(double)];
  moves->load(staged, moves->fill, 0, MZ_BLOCK);
  char *base[1] = {call->at[call->plan->n_in]}, *at[1];
  int64_t stride = moves->all.stride[0][moves->all.rank - 1], left = (int64_t)(end - begin);
  mz_walk walk;
  for (int64_t n = mz_walk_begin(&walk, &moves->all, (int64_t)begin, base, at);; n = mz_walk_next(&walk, &moves->all, at)) {
    if (n > left) n = left;
    for (int64_t done = 0; done < n; done += MZ_BLOCK)
      moves->store(at[0] + done * stride, stride, staged, min64(MZ_BLOCK, n - done));
    left -= n;
    if (left == 0) break;
  }
}

typedef struct {
  const mz_call *call;
  int part;
} moving;

static void move_body(void *user, uint64_t begin, uint64_t end, uint32_t worker) {
  (void)worker;
  const moving *with = user;
  const mz_plan *plan = with->call->plan;
  const mz_moves *moves = &plan->u.moves;
  const mz_space *space = &moves->part[with->part].space;
  int last = space->rank - 1;
  char *base[2] = {with->call->at[moves->part[with->part].operand] + moves->part[with->part].from,
                   with->call->at[plan->n_in] + moves->part[with->part].to};
  char *at[2];
  mz_walk walk;
  int64_t left = (int64_t)(end - begin);
  for (int64_t n = mz_walk_begin(&walk, space, (int64_t)begin, base, at);; n = mz_walk_next(&walk, space, at)) {
    if (n > left) n = left;
    move_run(moves, at[0], space->stride[0][last], at[1], space->stride[1][last], plan->operand[plan->n_in].size, n);
    left -= n;
    if (left == 0) break;
  }
}

static mezzo_status run(const mz_call *call) {
  const mz_moves *moves = &call->plan->u.moves;
  if (moves->fills) MZ_TRY(mz_parallel(call->plan, moves->all.count, MOVE_GRAIN, fill_body, (void *)(uintptr_t)call));
  for (int i = 0; i < moves->n; i++) {
    moving with = {call, i};
    MZ_TRY(mz_parallel(call->plan, moves->part[i].space.count, MOVE_GRAIN, move_body, &with));
  }
  return MEZZO_OK;
}

static const uint32_t any_dtype = (1u << MZ_DTYPES) - 1;

static mezzo_status begin_moves(mz_request *r, int n_in) {
  mz_plan *plan = r->plan;
  MZ_TRY(mz_expect_arity(r, n_in, 1));
  MZ_TRY(mz_expect_dtype(r, 0, any_dtype));
  for (int i = 1; i < n_in; i++) MZ_TRY(mz_expect_dtype(r, i, MZ_SET(plan->operand[0].dtype)));
  MZ_TRY(mz_expect_dtype(r, plan->n_in, MZ_SET(plan->operand[0].dtype)));
  plan->u.moves.load = mz_load_raw(plan->operand[0].size);
  plan->u.moves.store = mz_store_raw(plan->operand[0].size);
  plan->run = run;
  return MEZZO_OK;
}

/* The next part of the result: offsets are given, axes follow. */
static mz_space *add_part(mz_plan *plan, int operand) {
  mz_moves *moves = &plan->u.moves;
  mz_space *space = &moves->part[moves->n].space;
  moves->part[moves->n].operand = operand;
  moves->n++;
  mz_space_init(space, 2);
  return space;
}

static void finish_part(mz_space *space) {
  mz_space_sort(space);
  mz_space_coalesce(space);
}

/* An attribute with a number for each axis of operand 0. */
static mezzo_status axis_numbers(mz_request *r, const char *name, const int64_t **values) {
  uint32_t count;
  int rank = r->plan->operand[0].rank;
  MZ_TRY(mz_attr_ints(r, name, values, &count));
  if (count == (uint32_t)rank) return MEZZO_OK;
  return mz_refuse(r->err, MEZZO_INVALID, MEZZO_WHY_ATTR, MZ_NO_OPERAND, "attribute '%s' has %u numbers; expected %d, one an axis", name,
                   count, rank);
}

static mezzo_status too_far(mz_request *r, int axis) {
  return mz_refuse(r->err, MEZZO_INVALID, MEZZO_WHY_ATTR, 0, "axis %d has extent %lld; the attributes reach outside of it or of 2^62",
                   axis, (long long)r->plan->operand[0].shape[axis]);
}

/* Beyond it sums of a few attributes and extents could overflow. */
#define FAR ((int64_t)1 << 62)

static bool is_far(int64_t x) { return x <= -FAR / 4 || x >= FAR / 4; }

static mezzo_status pad_value(mz_request *r, mz_moves *moves, mz_dtype dtype) {
  double value;
  MZ_TRY(mz_attr_float(r, "value", &value));
  if (mz_store_double[dtype] != NULL) {
    mz_store_double[dtype](moves->fill, 0, &value, 1);
  } else {
    int64_t integer = value >= 0x1p63 ? INT64_MAX : value >= -0x1p63 ? (int64_t)value : value < 0 ? INT64_MIN : 0;
    mz_store_int64[dtype](moves->fill, 0, &integer, 1);
  }
  return MEZZO_OK;
}

mezzo_status mz_plan_pad(mz_request *r) {
  mz_plan *plan = r->plan;
  mz_moves *moves = &plan->u.moves;
  MZ_TRY(begin_moves(r, 1));
  const mz_operand *x = &plan->operand[0], *y = &plan->operand[plan->n_in];
  const int64_t *low, *high, *interior;
  MZ_TRY(axis_numbers(r, "low", &low));
  MZ_TRY(axis_numbers(r, "high", &high));
  MZ_TRY(axis_numbers(r, "interior", &interior));
  MZ_TRY(pad_value(r, moves, y->dtype));
  int64_t shape[MZ_MAX_RANK];
  mz_space *space = add_part(plan, 0);
  for (int axis = 0; axis < x->rank; axis++) {
    int64_t extent = x->shape[axis], between;
    if (is_far(low[axis]) || is_far(high[axis]) || is_far(extent) || interior[axis] < 0 || is_far(interior[axis]) ||
        __builtin_mul_overflow(interior[axis], extent > 0 ? extent - 1 : 0, &between) || is_far(between))
      return too_far(r, axis);
    shape[axis] = low[axis] + high[axis] + extent + between;
    if (shape[axis] < 0) return too_far(r, axis);
    /* Elements first ..< last of x lie within y. */
    int64_t step = interior[axis] + 1;
    int64_t first = low[axis] < 0 ? (-low[axis] + step - 1) / step : 0, last = 0;
    if (shape[axis] > low[axis]) last = min64((shape[axis] - low[axis] + step - 1) / step, extent);
    if (last < first) last = first = 0;
    /* With nothing to move no address is made, since it could lie outside of memory. */
    if (last > first) {
      moves->part[0].from += first * x->stride[axis];
      moves->part[0].to += (low[axis] + first * step) * y->stride[axis];
    }
    mz_space_add(space, last - first, (int64_t[]){x->stride[axis], last - first > 1 ? y->stride[axis] * step : 0});
  }
  MZ_TRY(mz_expect_shape(r, plan->n_in, x->rank, shape));
  mz_space_init(&moves->all, 1);
  for (int axis = 0; axis < y->rank; axis++) mz_space_add(&moves->all, y->shape[axis], &y->stride[axis]);
  moves->fills = space->count < y->count;
  finish_part(space);
  mz_space_sort(&moves->all);
  mz_space_coalesce(&moves->all);
  return MEZZO_OK;
}

mezzo_status mz_plan_slice(mz_request *r) {
  mz_plan *plan = r->plan;
  MZ_TRY(begin_moves(r, 1));
  const mz_operand *x = &plan->operand[0], *y = &plan->operand[plan->n_in];
  const int64_t *start, *step;
  MZ_TRY(axis_numbers(r, "start", &start));
  MZ_TRY(axis_numbers(r, "step", &step));
  MZ_TRY(mz_expect_rank(r, plan->n_in, x->rank));
  mz_space *space = add_part(plan, 0);
  for (int axis = 0; axis < x->rank; axis++) {
    int64_t extent = y->shape[axis], last;
    if (step[axis] == 0 || is_far(step[axis])) return too_far(r, axis);
    if (extent > 0) {
      bool outside = __builtin_mul_overflow(extent - 1, step[axis], &last) || __builtin_add_overflow(last, start[axis], &last) ||
                     start[axis] < 0 || start[axis] >= x->shape[axis] || last < 0 || last >= x->shape[axis];
      if (outside) return too_far(r, axis);
      plan->u.moves.part[0].from += start[axis] * x->stride[axis];
    }
    /* An axis of one element is not walked, and its stride might not fit. */
    mz_space_add(space, extent, (int64_t[]){extent > 1 ? x->stride[axis] * step[axis] : 0, y->stride[axis]});
  }
  finish_part(space);
  return MEZZO_OK;
}

mezzo_status mz_plan_concatenate(mz_request *r) {
  mz_plan *plan = r->plan;
  MZ_TRY(begin_moves(r, 2));
  int along;
  MZ_TRY(mz_attr_axis(r, 0, &along));
  const mz_operand *z = &plan->operand[plan->n_in];
  MZ_TRY(mz_expect_rank(r, 1, plan->operand[0].rank));
  int64_t shape[MZ_MAX_RANK], begin = 0;
  for (int i = 0; i < plan->operand[0].rank; i++) shape[i] = plan->operand[0].shape[i];
  shape[along] = plan->operand[1].shape[along];
  MZ_TRY(mz_expect_shape(r, 1, plan->operand[0].rank, shape));
  if (__builtin_add_overflow(plan->operand[0].shape[along], shape[along], &shape[along])) return too_far(r, along);
  MZ_TRY(mz_expect_shape(r, plan->n_in, plan->operand[0].rank, shape));
  for (int i = 0; i < 2; i++) {
    const mz_operand *x = &plan->operand[i];
    mz_space *space = add_part(plan, i);
    if (x->count > 0) plan->u.moves.part[i].to = begin * z->stride[along];
    begin += x->shape[along];
    for (int axis = 0; axis < x->rank; axis++) mz_space_add(space, x->shape[axis], (int64_t[]){x->stride[axis], z->stride[axis]});
    finish_part(space);
  }
  return MEZZO_OK;
}
