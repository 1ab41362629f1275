/* Products by blocks: B[k, columns] and A[rows, k] are packed into panels as wide as a tile, converted on the way, whatever
 * their strides; tiles of the result are summed in registers over stretches of k, and finished (epilogue, one rounding) while
 * they are in the cache. Threads share out rows or columns, never k, so their number does not change a bit of the result. */
#include "counts.h"
#include "matmul.h"
#include <string.h>

enum {
  STRETCH = 256,       /* of k that a tile sums at once: a panel of B then fits into the first cache */
  BLOCK_ROWS = 112,
  BLOCK_COLUMNS = 512, /* A is packed once for each such block */
  ALONE = 2000000      /* operations below which threads cost more than they bring */
};

static mz_scratch scratch_of(const mz_call *call, int64_t slot) {
  const mz_matmul *p = &call->plan->u.matmul;
  char *at = call->workspace + slot * p->slot_bytes;
  return (mz_scratch){at, at + p->b_bytes, at + p->b_bytes + p->a_bytes, NULL};
}

int64_t mz_tiles_bytes(const mz_matmul *p, const mz_area *block) {
  return divide_up(block->rows, p->tile->rows) * divide_up(block->columns, p->tile->columns) * p->tile->rows *
         p->tile->columns * p->element;
}

char *mz_direct(const mz_matmul *p, const mz_area *block, char *const *at) {
  bool can = p->is_direct && p->k > 0;
  return can ? at[2] + block->row * p->c_stride[0] + block->column * p->c_stride[1] : NULL;
}

void mz_multiply_tiles(const mz_matmul *p, const mz_scratch *s, const mz_area *block, int64_t length, bool adds) {
  int64_t rows = p->tile->rows, columns = p->tile->columns, stride = round_up(block->columns, columns);
  if (length == 0 && !adds) memset(s->acc, 0, (size_t)mz_tiles_bytes(p, block));
  for (int64_t k = 0; k < length; k += STRETCH) {
    int64_t n = min64(STRETCH, length - k);
    for (int64_t j = 0; j < block->columns; j += columns) {
      const char *b = s->b + (j * p->k + k * columns) * p->element;
      for (int64_t i = 0; i < block->rows; i += rows) {
        const char *a = s->a + (i * p->k + k * rows) * p->element;
        bool in_place = s->direct != NULL && i + rows <= block->rows && j + columns <= block->columns;
        if (in_place) p->tile->lanes(n, a, b, s->direct + i * p->c_stride[0] + j * p->element, p->c_stride[0] / p->element, adds || k > 0);
        else p->tile->lanes(n, a, b, s->acc + (i * stride + j) * p->element, stride, adds || k > 0);
      }
    }
  }
}

void mz_finish_row(const mz_matmul *p, char *const *at, char *acc, int64_t row, int64_t column, int64_t n_direct, int64_t n) {
  char *result = at[2] + row * p->c_stride[0] + column * p->c_stride[1];
  if (n_direct > 0) mz_run_epilogue(p, at + 3, row, column, result, n_direct);
  if (n_direct == n) return;
  acc += n_direct * p->element;
  result += n_direct * p->c_stride[1];
  mz_blend(p, result, acc, n - n_direct);
  mz_store_finished(p, at + 3, row, column + n_direct, acc, result, n - n_direct);
}

void mz_finish_tiles(const mz_matmul *p, const mz_scratch *s, const mz_area *block, char *const *at) {
  int64_t columns = p->tile->columns, stride = round_up(block->columns, columns);
  int64_t whole_rows = s->direct == NULL ? 0 : block->rows / p->tile->rows * p->tile->rows;
  for (int64_t r = 0; r < block->rows; r++)
    mz_finish_row(p, at, s->acc + r * stride * p->element, block->row + r, block->column,
                  r < whole_rows ? block->columns / columns * columns : 0, block->columns);
}

static void run_area(const mz_matmul *p, const mz_scratch *s, const mz_area *task, char *const *at) {
  for (int64_t j = 0; j < task->columns; j += p->block_columns) {
    mz_area block = {.column = task->column + j, .columns = min64(p->block_columns, task->columns - j)};
    mz_packing b = {at[1] + block.column * p->b_stride[1], p->b_stride[1], p->b_stride[0], p->load};
    if (p->k > 0) mz_pack(s->b, p->element, p->tile->columns, &b, block.columns, p->k);
    for (int64_t i = 0; i < task->rows; i += p->block_rows) {
      block.row = task->row + i;
      block.rows = min64(p->block_rows, task->rows - i);
      bool is_packed = j > 0 && task->rows <= p->block_rows;
      mz_packing a = {at[0] + block.row * p->a_stride[0], p->a_stride[0], p->a_stride[1], p->load};
      if (p->k > 0 && !is_packed) mz_pack(s->a, p->element, p->tile->rows, &a, block.rows, p->k);
      mz_scratch here = *s;
      here.direct = mz_direct(p, &block, at);
      mz_multiply_tiles(p, &here, &block, p->k, false);
      mz_finish_tiles(p, &here, &block, at);
    }
  }
}

mz_area mz_area_of(const mz_matmul *p, int64_t task) {
  int64_t row = task / p->column_tasks * p->task_rows, column = task % p->column_tasks * p->task_columns;
  return (mz_area){row, column, min64(p->task_rows, p->m - row), min64(p->task_columns, p->n - column)};
}

void mz_find_operands(const mz_call *call, char **at) {
  const mz_matmul *p = &call->plan->u.matmul;
  at[0] = call->at[0];
  at[1] = call->at[1];
  at[2] = call->at[call->plan->n_in];
  for (int i = 0; i < p->n_steps; i++)
    if (p->step[i].operand >= 0) at[3 + p->step[i].place] = call->at[p->step[i].operand];
}

static void body(void *user, uint64_t begin, uint64_t end, uint32_t worker) {
  (void)worker;
  const mz_call *call = user;
  const mz_plan *plan = call->plan;
  const mz_matmul *p = &plan->u.matmul;
  char *base[MZ_MAX_MAPPED], *at[MZ_MAX_MAPPED];
  mz_find_operands(call, base);
  int64_t per_batch = p->row_tasks * p->column_tasks, tasks = p->batches.count * per_batch;
  for (int64_t slot = (int64_t)begin; slot < (int64_t)end; slot++) {
    mz_scratch s = scratch_of(call, slot);
    for (int64_t task = slot; task < tasks; task += p->slots) {
      mz_space_seek(&p->batches, task / per_batch, base, at);
      mz_area part = mz_area_of(p, task % per_batch);
      run_area(p, &s, &part, at);
    }
  }
}

static mezzo_status run(const mz_call *call) {
  return mz_parallel(call->plan, call->plan->u.matmul.slots, 1, body, (void *)(uintptr_t)call);
}

/* Leading axes that B repeats and that continue the rows of all others are rows: one large product instead of many. */
static void plan_batches(mz_plan *plan) {
  mz_matmul *p = &plan->u.matmul;
  const mz_operand *a = &plan->operand[0], *b = &plan->operand[1], *c = &plan->operand[plan->n_in];
  int batch_rank = c->rank - 2;
  while (batch_rank > 0) {
    int axis = batch_rank - 1;
    int64_t extent = c->shape[axis];
    bool folds = extent == 1 || (b->stride[axis] == 0 && a->stride[axis] == p->m * p->a_stride[0] &&
                                 c->stride[axis] == p->m * p->c_stride[0]);
    for (int i = 0; folds && extent != 1 && i < p->n_steps; i++) {
      const mz_operand *operand = p->step[i].operand < 0 ? NULL : &plan->operand[p->step[i].operand];
      if (operand != NULL && operand->rank > 1) folds = operand->stride[axis] == p->m * p->step[i].row_stride;
    }
    if (!folds) break;
    p->m *= extent;
    batch_rank--;
  }
  int operands = 3;
  for (int i = 0; i < p->n_steps; i++) operands += p->step[i].operand >= 0;
  mz_space_init(&p->batches, operands);
  for (int axis = 0; axis < batch_rank; axis++) {
    int64_t strides[MZ_MAX_MAPPED] = {a->stride[axis], b->stride[axis], c->stride[axis]};
    for (int i = 0; i < p->n_steps; i++) {
      const mz_operand *operand = p->step[i].operand < 0 ? NULL : &plan->operand[p->step[i].operand];
      if (operand != NULL && operand->rank > 1) strides[3 + p->step[i].place] = operand->stride[axis];
    }
    mz_space_add(&p->batches, c->shape[axis], strides);
  }
  mz_space_coalesce(&p->batches);
}

static mezzo_status plan_blocks(mz_request *r) {
  mz_plan *plan = r->plan;
  mz_matmul *p = &plan->u.matmul;
  int64_t rows = p->tile->rows, columns = p->tile->columns, batches = p->batches.count;
  if (p->m == 0 || p->n == 0 || batches == 0) return MEZZO_OK;
  double operations = 2.0 * (double)p->m * (double)p->n * (double)p->k * (double)batches;
  bool shares = plan->host->parallel_for != NULL && plan->threads > 1 && operations > ALONE;
  int64_t threads = shares ? plan->threads : 1, parts = divide_up(threads, batches);
  /* Each part packs all of the operand that is not split, so the longer side is split. */
  p->row_tasks = p->n < p->m ? min64(parts, divide_up(p->m, rows)) : 1;
  p->column_tasks = p->n < p->m ? 1 : min64(parts, divide_up(p->n, columns));
  p->task_rows = round_up(divide_up(p->m, p->row_tasks), rows);
  p->task_columns = round_up(divide_up(p->n, p->column_tasks), columns);
  p->row_tasks = divide_up(p->m, p->task_rows);
  p->column_tasks = divide_up(p->n, p->task_columns);
  p->block_rows = min64(p->task_rows, round_up(BLOCK_ROWS, rows));
  p->block_columns = min64(p->task_columns, round_up(BLOCK_COLUMNS, columns));
  p->slots = min64(threads, batches * p->row_tasks * p->column_tasks);
  int64_t k_bytes, total;
  bool too_large = __builtin_mul_overflow(p->k, p->element, &k_bytes) ||
                   __builtin_mul_overflow(k_bytes, p->block_columns, &p->b_bytes) ||
                   __builtin_mul_overflow(k_bytes, p->block_rows, &p->a_bytes) || p->a_bytes > INT64_MAX / 4 ||
                   p->b_bytes > INT64_MAX / 4;
  if (!too_large) {
    p->b_bytes = round_up(p->b_bytes, 64);
    p->a_bytes = round_up(p->a_bytes, 64);
    p->slot_bytes = p->b_bytes + p->a_bytes + round_up(p->block_rows * p->block_columns * p->element, 64);
    too_large = __builtin_mul_overflow(p->slot_bytes, p->slots, &total);
  }
  if (too_large)
    return mz_refuse(r->err, MEZZO_UNSUPPORTED, MEZZO_WHY_LIMIT, 0, "a workspace for k = %lld exceeds 2^63 bytes", (long long)p->k);
  plan->workspace = (uint64_t)total;
  return MEZZO_OK;
}

/* Along rows or columns. An axis of one element may say anything, which is not to be multiplied. */
static int64_t stride_of(const mz_operand *o, int i) {
  int64_t stride = o->stride[o->rank - 2 + i], limit = INT64_C(1) << 40;
  return o->shape[o->rank - 2 + i] > 1 || (-limit < stride && stride < limit) ? stride : 0;
}

/* Rows of a batch that repeat B are rows of one product by then, so that what is left of a batch has a B for each. */
static bool has_constant_b(const mz_request *r) {
  return r->plan->may_pack && mz_is_constant(r, 1) && r->plan->u.matmul.batches.count == 1;
}

mezzo_status mz_plan_matmul(mz_request *r) {
  mz_plan *plan = r->plan;
  mz_matmul *p = &plan->u.matmul;
  MZ_TRY(mz_expect_arity(r, 2, 1));
  const mz_operand *a = &plan->operand[0], *b = &plan->operand[1], *c = &plan->operand[plan->n_in];
  MZ_TRY(mz_expect_dtype(r, 0, MZ_FLOATS));
  MZ_TRY(mz_expect_dtype(r, 1, MZ_SET(a->dtype)));
  MZ_TRY(mz_expect_dtype(r, plan->n_in, MZ_SET(a->dtype) | (a->dtype == MZ_F64 ? 0 : MZ_SET(MZ_F32))));
  if (a->rank < 2)
    return mz_refuse(r->err, MEZZO_INVALID, MEZZO_WHY_SHAPE, 0, "operand 0 has rank %d; expected A[..., m, k] of rank 2 or more",
                     a->rank);
  int rank = a->rank;
  MZ_TRY(mz_expect_rank(r, 1, rank));
  int64_t shape[MZ_MAX_RANK];
  memcpy(shape, a->shape, sizeof shape);
  shape[rank - 2] = a->shape[rank - 1];
  shape[rank - 1] = b->shape[rank - 1];
  MZ_TRY(mz_expect_shape(r, 1, rank, shape));
  shape[rank - 2] = a->shape[rank - 2];
  MZ_TRY(mz_expect_shape(r, plan->n_in, rank, shape));
  bool in_double = a->dtype == MZ_F64;
  MZ_TRY(mz_expect_accumulator(r, in_double ? MZ_F64 : MZ_F32));

  p->m = a->shape[rank - 2];
  p->k = a->shape[rank - 1];
  p->n = b->shape[rank - 1];
  for (int i = 0; i < 2; i++) {
    p->a_stride[i] = stride_of(a, i);
    p->b_stride[i] = stride_of(b, i);
    p->c_stride[i] = stride_of(c, i);
  }
  p->tile = in_double ? mz_tile_double() : mz_tile_float();
  p->element = in_double ? sizeof(double) : sizeof(float);
  p->load = mz_loader(in_double ? MZ_IN_DOUBLE : MZ_IN_FLOAT, a->dtype);
  p->store = mz_storer(in_double ? MZ_IN_DOUBLE : MZ_IN_FLOAT, c->dtype);
  MZ_TRY(mz_attr_float_or(r, "alpha", 1, &p->alpha));
  MZ_TRY(mz_attr_float_or(r, "beta", 0, &p->beta));
  if (p->beta != 0) p->load_c = mz_loader(in_double ? MZ_IN_DOUBLE : MZ_IN_FLOAT, c->dtype);
  p->is_direct = c->dtype == (in_double ? MZ_F64 : MZ_F32) && p->c_stride[1] == p->element && p->alpha == 1 && p->beta == 0;
  MZ_TRY(mz_plan_epilogue(r, p, in_double, true));
  plan_batches(plan);
  p->packs_b = has_constant_b(r);
  bool is_planned;
  MZ_TRY(mz_plan_panels(r, &is_planned));
  if (!is_planned) MZ_TRY(mz_plan_rows(r, &is_planned));
  if (is_planned) return MEZZO_OK;
  MZ_TRY(plan_blocks(r));
  plan->run = run;
  return MEZZO_OK;
}
