/* Rows of a table by index: gather reads them, scatter_add sums into them.
 *
 * The table is [n, d...], the other tensor has one row [d...] an index. `outer` walks indices and rows, `inner` the elements
 * of a row, in the table first. */
#include <math.h>
#include <string.h>
#include "counts.h"
#include "operations.h"

enum { ROWS_GRAIN = 32768 /* elements */ };

static int64_t index_at(const mz_call *call, const char *at) {
  int64_t index;
  mz_load_int64[call->plan->operand[1].dtype](&index, at, 0, 1);
  return index;
}

/* Operand 1 holds the indices; `rows` and `table` are operands too. */
static mezzo_status plan_rows(mz_request *r, int of_rows, int of_table) {
  mz_plan *plan = r->plan;
  const mz_operand *indices = &plan->operand[1], *rows = &plan->operand[of_rows], *table = &plan->operand[of_table];
  MZ_TRY(mz_expect_dtype(r, 1, MZ_INDICES));
  if (table->rank == 0)
    return mz_refuse(r->err, MEZZO_INVALID, MEZZO_WHY_SHAPE, (uint32_t)of_table, "operand %d has rank 0; expected a table of rows",
                     of_table);
  int64_t shape[2 * MZ_MAX_RANK];
  for (int i = 0; i < indices->rank; i++) shape[i] = indices->shape[i];
  for (int i = 1; i < table->rank; i++) shape[indices->rank + i - 1] = table->shape[i];
  MZ_TRY(mz_expect_shape(r, of_rows, indices->rank + table->rank - 1, shape));
  mz_space *outer = &plan->u.rows.outer, *inner = &plan->u.rows.inner;
  mz_space_init(outer, 2);
  for (int i = 0; i < indices->rank; i++)
    mz_space_add(outer, indices->shape[i], (int64_t[]){indices->stride[i], rows->stride[i]});
  mz_space_coalesce(outer);
  mz_space_init(inner, 2);
  for (int i = 1; i < table->rank; i++)
    mz_space_add(inner, table->shape[i], (int64_t[]){table->stride[i], rows->stride[indices->rank + i - 1]});
  mz_space_sort(inner);
  mz_space_coalesce(inner);
  return MEZZO_OK;
}

static mezzo_status run_rows(const mz_call *call, int64_t n, mezzo_body body, void *user) {
  int64_t elements = call->plan->u.rows.inner.count;
  return mz_parallel(call->plan, n, elements > 0 ? ROWS_GRAIN / elements + 1 : ROWS_GRAIN, body, user);
}

/* ------------------------------------------------------------------------------------------------------ gather */

static void copy_row(const mz_rows *rows, const mz_space *space, char *from, char *to) {
  _Alignas(64) char staged[MZ_BLOCK * sizeof(double)];
  char *base[2] = {from, to}, *at[2];
  int last = space->rank - 1;
  for (int64_t i = 0; i < space->count;) {
    int64_t n = min64(mz_space_seek(space, i, base, at), MZ_BLOCK);
    rows->load(staged, at[0], space->stride[0][last], n);
    rows->store(at[1], space->stride[1][last], staged, n);
    i += n;
  }
}

static void gather_body(void *user, uint64_t begin, uint64_t end, uint32_t worker) {
  (void)worker;
  const mz_call *call = user;
  const mz_rows *rows = &call->plan->u.rows;
  const mz_operand *table = &call->plan->operand[0];
  /* An index outside: one NaN, read again for every element. */
  _Alignas(sizeof(double)) char absent[sizeof(double)];
  const double nan = (double)NAN;
  mz_store_double[table->dtype](absent, 0, &nan, 1);
  mz_space nowhere = rows->inner;
  memset(nowhere.stride[0], 0, sizeof nowhere.stride[0]);
  char *base[2] = {call->at[1], call->at[call->plan->n_in]}, *at[2];
  for (uint64_t i = begin; i < end; i++) {
    mz_space_seek(&rows->outer, (int64_t)i, base, at);
    int64_t index = index_at(call, at[0]);
    if (0 <= index && index < table->shape[0]) copy_row(rows, &rows->inner, call->at[0] + index * table->stride[0], at[1]);
    else copy_row(rows, &nowhere, absent, at[1]);
  }
}

static mezzo_status run_gather(const mz_call *call) {
  return run_rows(call, call->plan->u.rows.outer.count, gather_body, (void *)(uintptr_t)call);
}

mezzo_status mz_plan_gather(mz_request *r) {
  mz_plan *plan = r->plan;
  MZ_TRY(mz_expect_arity(r, 2, 1));
  MZ_TRY(mz_expect_dtype(r, 0, MZ_FLOATS | MZ_FLOATS_8));
  MZ_TRY(mz_expect_dtype(r, plan->n_in, MZ_SET(plan->operand[0].dtype)));
  MZ_TRY(plan_rows(r, plan->n_in, 0));
  plan->u.rows.load = mz_load_raw(plan->operand[0].size);
  plan->u.rows.store = mz_store_raw(plan->operand[0].size);
  plan->run = run_gather;
  return MEZZO_OK;
}

/* ------------------------------------------------------------------------------------------------- scatter_add */

/* Which places name row r: places[end[r - 1]] up to places[end[r]], in ascending order, so that sums are always made in the
 * same order whatever the threads. */
typedef struct {
  const mz_call *call;
  int64_t *end, *places;
} scatter;

static void sort_places(const scatter *s) {
  const mz_space *outer = &s->call->plan->u.rows.outer;
  int64_t n = s->call->plan->operand[s->call->plan->n_in].shape[0], begin = 0;
  char *base[2] = {s->call->at[1], s->call->at[0]}, *at[2];
  memset(s->end, 0, (size_t)n * sizeof *s->end);
  for (int64_t i = 0; i < outer->count; i++) {
    mz_space_seek(outer, i, base, at);
    int64_t index = index_at(s->call, at[0]);
    if (0 <= index && index < n) s->end[index]++;
  }
  for (int64_t row = 0; row < n; row++) {
    int64_t count = s->end[row];
    s->end[row] = begin;
    begin += count;
  }
  for (int64_t i = 0; i < outer->count; i++) {
    mz_space_seek(outer, i, base, at);
    int64_t index = index_at(s->call, at[0]);
    if (0 <= index && index < n) s->places[s->end[index]++] = i;
  }
}

/* The row at `to`, from the rows of x that name it. */
static void sum_row(const scatter *s, const int64_t *place, int64_t count, char *to) {
  const mz_rows *rows = &s->call->plan->u.rows;
  const mz_space *inner = &rows->inner;
  double staged[MZ_BLOCK], total[MZ_BLOCK];
  char *base[2] = {to, s->call->at[0]}, *at[2], *source[2] = {s->call->at[1], s->call->at[0]}, *row[2];
  int last = inner->rank - 1;
  for (int64_t i = 0; i < inner->count;) {
    int64_t n = min64(mz_space_seek(inner, i, base, at), MZ_BLOCK);
    memset(total, 0, (size_t)n * sizeof *total);
    for (int64_t p = 0; p < count; p++) {
      mz_space_seek(&rows->outer, place[p], source, row);
      rows->load(staged, row[1] + (at[1] - base[1]), inner->stride[1][last], n);
      rows->kernels->add_columns(total, staged, n, 1, n);
    }
    rows->store(at[0], inner->stride[0][last], total, n);
    i += n;
  }
}

static void scatter_body(void *user, uint64_t begin, uint64_t end, uint32_t worker) {
  (void)worker;
  const scatter *s = user;
  const mz_plan *plan = s->call->plan;
  for (uint64_t row = begin; row < end; row++) {
    int64_t first = row > 0 ? s->end[row - 1] : 0;
    sum_row(s, s->places + first, s->end[row] - first, s->call->at[plan->n_in] + (int64_t)row * plan->operand[plan->n_in].stride[0]);
  }
}

static mezzo_status run_scatter_add(const mz_call *call) {
  const mz_plan *plan = call->plan;
  int64_t n = plan->operand[plan->n_in].shape[0], *end = (int64_t *)(void *)call->workspace;
  if (plan->operand[plan->n_in].count == 0) return MEZZO_OK;
  scatter s = {.call = call, .end = end, .places = end + n};
  sort_places(&s);
  return run_rows(call, n, scatter_body, &s);
}

mezzo_status mz_plan_scatter_add(mz_request *r) {
  mz_plan *plan = r->plan;
  mz_rows *rows = &plan->u.rows;
  MZ_TRY(mz_expect_arity(r, 2, 1));
  MZ_TRY(mz_expect_dtype(r, 0, MZ_FLOATS));
  MZ_TRY(mz_expect_dtype(r, plan->n_in, MZ_FLOATS));
  MZ_TRY(plan_rows(r, 0, plan->n_in));
  rows->load = mz_load_double[plan->operand[0].dtype];
  rows->store = mz_store_double[plan->operand[plan->n_in].dtype];
  rows->kernels = &mz_rows_double;
  int64_t slots, bytes;
  if (__builtin_add_overflow(plan->operand[plan->n_in].shape[0], rows->outer.count, &slots) ||
      __builtin_mul_overflow(slots, (int64_t)sizeof(int64_t), &bytes))
    return mz_refuse(r->err, MEZZO_UNSUPPORTED, MEZZO_WHY_LIMIT, MZ_NO_OPERAND, "rows and indices exceed what memory can count");
  plan->workspace = plan->operand[plan->n_in].count > 0 ? (uint64_t)bytes : 0;
  plan->run = run_scatter_add;
  return MEZZO_OK;
}
