/* Sums, means and maxima over any set of axes. */
#include <math.h>
#include <string.h>
#include "counts.h"
#include "operations.h"

enum {
  REDUCE_GRAIN = 32768, /* elements */
  FLUSH_ROWS = 64,      /* rows that one float of a column sum takes before it moves on to double */
  CHUNK_ROWS = 512,     /* of few long columns, which are shared out by rows: a multiple of FLUSH_ROWS */
  MAX_CHUNKS = 64
};

/* total: double for sums and means, the maximum otherwise. */
static void write(const mz_rows *rows, char *to, int64_t stride, double *total, int64_t n) {
  if (rows->op == MEZZO_OP_REDUCE_MEAN)
    for (int64_t i = 0; i < n; i++) total[i] /= (double)rows->count;
  if (rows->element == sizeof(double)) {
    rows->store(to, stride, total, n);
    return;
  }
  float narrow[MZ_BLOCK];
  for (int64_t i = 0; i < n; i++) narrow[i] = (float)total[i];
  rows->store(to, stride, narrow, n);
}

static double reduce_row(const mz_rows *rows, char *x) {
  _Alignas(64) char staged[MZ_BLOCK * sizeof(double)];
  int64_t stride = rows->inner.stride[0][rows->inner.rank - 1];
  bool is_max = rows->op == MEZZO_OP_REDUCE_MAX;
  double total = is_max ? -(double)INFINITY : 0;
  for (int64_t index = 0; index < rows->count;) {
    char *at;
    int64_t n = min64(mz_space_seek(&rows->inner, index, &x, &at), MZ_BLOCK);
    rows->load(staged, at, stride, n);
    total = is_max ? rows->kernels->max(staged, total, n) : total + rows->kernels->sum(staged, n);
    index += n;
  }
  return total;
}

static void reduce_rows(void *user, uint64_t begin, uint64_t end, uint32_t worker) {
  (void)worker;
  const mz_call *call = user;
  const mz_rows *rows = &call->plan->u.rows;
  char *base[2] = {call->at[call->plan->n_in], call->at[0]}, *at[2];
  for (uint64_t i = begin; i < end; i++) {
    mz_space_seek(&rows->outer, (int64_t)i, base, at);
    double total = reduce_row(rows, at[1]);
    write(rows, at[0], 0, &total, 1);
  }
}

/* Rows first ..< last of up to MZ_BLOCK results whose operands lie side by side. */
static void fold_block(const mz_rows *rows, char *x, int64_t first, int64_t last, double *total, int64_t n) {
  _Alignas(64) char staged[MZ_BLOCK * sizeof(double)], partial[MZ_BLOCK * sizeof(double)];
  memset(total, 0, (size_t)n * sizeof *total);
  int64_t stride = rows->outer.stride[1][rows->outer.rank - 1];
  bool is_max = rows->op == MEZZO_OP_REDUCE_MAX;
  double start = is_max ? -(double)INFINITY : 0;
  for (int64_t i = 0; i < n; i++) {
    if (rows->element == sizeof(double)) ((double *)(void *)partial)[i] = start;
    else ((float *)(void *)partial)[i] = (float)start;
  }
  /* How many rows one step takes: all up to the next flush where they lie as they are added, as many as fit where they lie
   * behind each other and have to be converted. */
  int64_t row = rows->inner.rank == 1 ? rows->inner.stride[0][0] : 0;
  bool in_memory = rows->is_plain && row > 0 && row % rows->element == 0;
  int64_t most = is_max ? 1 : in_memory ? FLUSH_ROWS : row == n * stride && stride > 0 ? MZ_BLOCK / n : 1;
  for (int64_t index = first; index < last;) {
    char *at;
    int64_t left = mz_space_seek(&rows->inner, index, &x, &at);
    int64_t taken = min64(min64(most, FLUSH_ROWS - index % FLUSH_ROWS), min64(left, last - index));
    if (is_max) {
      rows->load(staged, at, stride, n);
      rows->kernels->max_columns(partial, staged, n);
    } else if (in_memory) {
      rows->kernels->add_columns(partial, at, row / rows->element, taken, n);
    } else {
      rows->load(staged, at, stride, n * taken);
      rows->kernels->add_columns(partial, staged, n, taken, n);
    }
    index += taken;
    if (!is_max && index % FLUSH_ROWS == 0) rows->kernels->flush_columns(total, partial, n);
  }
  rows->kernels->flush_columns(total, partial, n);
}

static void reduce_block(const mz_rows *rows, char *y, char *x, int64_t n) {
  double total[MZ_BLOCK];
  fold_block(rows, x, 0, rows->count, total, n);
  write(rows, y, rows->outer.stride[0][rows->outer.rank - 1], total, n);
}

static int64_t chunk_rows(const mz_rows *rows) {
  int64_t wanted = rows->count / MAX_CHUNKS;
  return wanted <= CHUNK_ROWS ? CHUNK_ROWS : (wanted / FLUSH_ROWS + 1) * FLUSH_ROWS;
}

static void reduce_chunks(void *user, uint64_t begin, uint64_t end, uint32_t worker) {
  (void)worker;
  const mz_call *call = user;
  const mz_rows *rows = &call->plan->u.rows;
  int64_t n = rows->outer.count, size = chunk_rows(rows);
  for (int64_t chunk = (int64_t)begin; chunk < (int64_t)end; chunk++)
    fold_block(rows, call->at[0], chunk * size, min64((chunk + 1) * size, rows->count),
               (double *)(void *)call->workspace + chunk * n, n);
}

/* The same chunks whatever the number of threads, so that it changes no bit. */
static mezzo_status run_chunks(const mz_call *call) {
  const mz_rows *rows = &call->plan->u.rows;
  int64_t n = rows->outer.count, chunks = (rows->count - 1) / chunk_rows(rows) + 1;
  int64_t grain = REDUCE_GRAIN / (n * CHUNK_ROWS) + 1;
  mezzo_status status = mz_parallel(call->plan, chunks, grain, reduce_chunks, (void *)(uintptr_t)call);
  if (status != MEZZO_OK) return status;
  double *total = (double *)(void *)call->workspace;
  for (int64_t chunk = 1; chunk < chunks; chunk++)
    for (int64_t i = 0; i < n; i++) total[i] += total[chunk * n + i];
  write(rows, call->at[call->plan->n_in], rows->outer.stride[0][0], total, n);
  return MEZZO_OK;
}

static void reduce_columns(void *user, uint64_t begin, uint64_t end, uint32_t worker) {
  (void)worker;
  const mz_call *call = user;
  const mz_rows *rows = &call->plan->u.rows;
  char *base[2] = {call->at[call->plan->n_in], call->at[0]}, *at[2];
  for (int64_t index = (int64_t)begin; index < (int64_t)end;) {
    int64_t left = mz_space_seek(&rows->outer, index, base, at);
    int64_t n = min64(min64(left, (int64_t)end - index), MZ_BLOCK);
    reduce_block(rows, at[0], at[1], n);
    index += n;
  }
}

static mezzo_status run(const mz_call *call) {
  const mz_rows *rows = &call->plan->u.rows;
  int64_t grain = rows->count > 0 ? REDUCE_GRAIN / rows->count + 1 : REDUCE_GRAIN;
  return mz_parallel(call->plan, rows->outer.count, grain, rows->by_columns ? reduce_columns : reduce_rows,
                     (void *)(uintptr_t)call);
}

static int64_t inner_reach(const mz_space *space, int operand) {
  int64_t stride = space->stride[operand][space->rank - 1];
  return stride < 0 ? -stride : stride;
}

static mezzo_status read_axes(mz_request *r, bool *reduced) {
  int rank = r->plan->operand[0].rank;
  const int64_t *axes;
  uint32_t count;
  MZ_TRY(mz_attr_ints(r, "axes", &axes, &count));
  for (uint32_t i = 0; i < count; i++) {
    if (axes[i] < 0 || axes[i] >= rank || reduced[axes[i]])
      return mz_refuse(r->err, MEZZO_INVALID, MEZZO_WHY_ATTR, 0, "attribute 'axes' holds %lld; expected each axis of 0..<%d at most once",
                       (long long)axes[i], rank);
    reduced[axes[i]] = true;
  }
  return MEZZO_OK;
}

mezzo_status mz_plan_reduce(mz_request *r) {
  mz_plan *plan = r->plan;
  mz_rows *rows = &plan->u.rows;
  MZ_TRY(mz_expect_arity(r, 1, 1));
  const mz_operand *x = &plan->operand[0], *y = &plan->operand[plan->n_in];
  MZ_TRY(mz_expect_dtype(r, 0, MZ_FLOATS));
  MZ_TRY(mz_expect_dtype(r, plan->n_in, MZ_FLOATS));
  bool reduced[MZ_MAX_RANK] = {false};
  MZ_TRY(read_axes(r, reduced));
  int64_t shape[MZ_MAX_RANK];
  for (int axis = 0; axis < x->rank; axis++) shape[axis] = reduced[axis] ? 1 : x->shape[axis];
  MZ_TRY(mz_expect_shape(r, plan->n_in, x->rank, shape));
  bool in_double = x->dtype == MZ_F64 || y->dtype == MZ_F64;
  MZ_TRY(mz_expect_accumulator(r, in_double ? MZ_F64 : MZ_F32));

  mz_space_init(&rows->outer, 2);
  mz_space_init(&rows->inner, 1);
  for (int axis = 0; axis < x->rank; axis++) {
    if (reduced[axis]) mz_space_add(&rows->inner, x->shape[axis], &x->stride[axis]);
    else mz_space_add(&rows->outer, x->shape[axis], (int64_t[]){y->stride[axis], x->stride[axis]});
  }
  mz_space_sort(&rows->outer);
  mz_space_coalesce(&rows->outer);
  mz_space_sort(&rows->inner);
  mz_space_coalesce(&rows->inner);
  rows->op = r->op->op;
  rows->count = rows->inner.count;
  rows->by_columns = rows->outer.count > 1 && inner_reach(&rows->outer, 1) < inner_reach(&rows->inner, 0);
  rows->kernels = in_double ? &mz_rows_double : &mz_rows_float;
  rows->element = in_double ? sizeof(double) : sizeof(float);
  rows->load = mz_loader(in_double ? MZ_IN_DOUBLE : MZ_IN_FLOAT, x->dtype);
  rows->store = mz_storer(in_double ? MZ_IN_DOUBLE : MZ_IN_FLOAT, y->dtype);
  rows->is_plain = x->dtype == (in_double ? MZ_F64 : MZ_F32) && rows->outer.stride[1][rows->outer.rank - 1] == x->size;
  plan->run = run;
  bool is_long = rows->by_columns && rows->outer.rank == 1 && rows->outer.count <= MZ_BLOCK && rows->count >= 2 * CHUNK_ROWS;
  if (is_long && rows->op != MEZZO_OP_REDUCE_MAX) {
    plan->workspace = (uint64_t)(MAX_CHUNKS + 1) * (uint64_t)rows->outer.count * sizeof(double);
    plan->run = run_chunks;
  }
  return MEZZO_OK;
}
