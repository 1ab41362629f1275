/* Products of int8 by rows of A and packed panels of B: sums in int32, which are scaled, finished and stored while they are in
 * the cache. Threads share out rows or columns, never k. */
#include <math.h>
#include <string.h>
#include "counts.h"
#include "int8_tiles.h"
#include "matmul.h"
#include "target.h"
#include "tasks.h"

enum {
  BLOCK_ROWS = 128,        /* of A, that each panel of B is multiplied with while it is in the cache */
  BLOCK_BYTES = 1 << 19,   /* of A, at most */
  BLOCK_COLUMNS = 480,     /* of accumulators: whole tiles, and no more than a row is finished by at once */
  ALONE = 4000000,         /* operations below which threads cost more than they bring */
  LARGEST_K = 65793        /* beyond, a sum may not fit into int32 */
};

static int64_t panel_bytes(const mz_quantized *p) { return p->padded_k * p->tiles->columns; }

/* Panels [padded_k / group][columns][group], and behind them the sum of each column. */
static void pack_b(const mz_quantized *p, const char *b, char *to) {
  const mz_matmul *product = &p->product;
  int64_t columns = p->tiles->columns, k = product->k;
  int32_t *sum = (int32_t *)(void *)(to + p->panels * panel_bytes(p));
  memset(to, 0, (size_t)p->packed_bytes);
  for (int64_t j = 0; j < product->n; j += columns, to += panel_bytes(p), sum += columns) {
    int64_t n = min64(columns, product->n - j);
    for (int64_t i = 0; i < k; i++) {
      const char *from = b + i * product->b_stride[0] + j * product->b_stride[1];
      char *group = to + i / MZ_INT8_GROUP * columns * MZ_INT8_GROUP + i % MZ_INT8_GROUP;
      for (int64_t c = 0; c < n; c++) {
        int8_t element = (int8_t)from[c * product->b_stride[1]];
        group[c * MZ_INT8_GROUP] = (char)element;
        sum[c] += element;
      }
    }
  }
}

static void pack(const mz_plan *plan, const mezzo_tensor *b, void *to) {
  pack_b(&plan->u.quantized, (const char *)b->data + b->byte_offset, to);
}

/* acc[i] * row * column[i] + bias[i] */
static void scale_double(double *out, const int32_t *acc, double row, const double *column, const double *bias, int64_t n) {
  for (int64_t i = 0; i < n; i++) out[i] = acc[i] * row * column[i] + bias[i];
}

/* Of one thread: rows of A, sums, for a block of columns the scales and the bias, for one of rows theirs and what stands for 0. */
typedef struct {
  char *a, *acc, *scale, *bias, *row_scale;
  int32_t *zero;
} scratch;

static int64_t a_bytes(const mz_quantized *p) { return p->product.block_rows * p->a_stride; }

static int64_t acc_columns(const mz_quantized *p) { return round_up(p->product.block_columns, p->tiles->columns); }

static int64_t vector_bytes(const mz_quantized *p) { return round_up(acc_columns(p) * (int64_t)sizeof(double), 64); }

static int64_t acc_bytes(const mz_quantized *p) {
  return p->is_direct ? 0 : round_up(p->product.block_rows * acc_columns(p) * (int64_t)sizeof(int32_t), 64);
}

static int64_t row_scale_bytes(const mz_quantized *p) { return round_up(p->product.block_rows * (int64_t)sizeof(double), 64); }

static scratch scratch_at(const mz_quantized *p, char *at) {
  char *acc = at + a_bytes(p), *scale = acc + acc_bytes(p), *bias = scale + vector_bytes(p);
  char *row_scale = bias + vector_bytes(p);
  return (scratch){at, acc, scale, bias, row_scale, (int32_t *)(void *)(row_scale + row_scale_bytes(p))};
}

/* A row is loaded at once where it is a run of whole groups. */
static void load_rows(const mz_quantized *p, char *to, const char *from, int64_t rows) {
  const mz_matmul *product = &p->product;
  int8_t dense[MZ_BLOCK];
  for (int64_t r = 0; r < rows; r++, to += p->a_stride, from += product->a_stride[0]) {
    if (product->a_stride[1] == 1 && product->k == p->padded_k) {
      p->tiles->load(to, (const int8_t *)from, product->k);
      continue;
    }
    for (int64_t k = 0; k < product->k; k += MZ_BLOCK) {
      int64_t n = min64(MZ_BLOCK, product->k - k), padded = round_up(n, MZ_INT8_GROUP);
      const int8_t *row = (const int8_t *)from + k * product->a_stride[1];
      memset(dense + n, 0, (size_t)(padded - n));
      for (int64_t i = 0; i < n; i++) dense[i] = row[i * product->a_stride[1]];
      p->tiles->load(to + k * p->tiles->a_element, dense, padded);
    }
  }
}

/* Does the epilogue of the rows at `from`, and stores what is not in its place already. */
static void finish(const mz_quantized *p, const scratch *s, const mz_area *block, char *from, int64_t stride, char *const *at) {
  const mz_matmul *product = &p->product;
  _Alignas(64) double wide[BLOCK_COLUMNS];
  for (int64_t r = 0; r < block->rows; r++, from += stride) {
    int64_t row = block->row + r;
    char *result = at[2] + row * product->c_stride[0] + block->column * product->c_stride[1];
    void *out = from;
    if (p->in_double) {
      out = wide;
      scale_double(wide, (const int32_t *)(const void *)from, ((const double *)(const void *)s->row_scale)[r],
                   (const double *)(const void *)s->scale, (const double *)(const void *)s->bias, block->columns);
    }
    if (out == result) mz_run_epilogue(product, at + 7, row, block->column, out, block->columns);
    else mz_store_finished(product, at + 7, row, block->column, out, result, block->columns);
  }
}

/* What stands for 0 in a row, with what is added to it, times the sum of a column, comes off a sum. */
static void load_zeros(const mz_quantized *p, int32_t *to, const char *from, int64_t rows) {
  for (int64_t r = 0; r < rows; r++) to[r] = -(*(const int8_t *)(from + r * p->zero_stride) + p->tiles->offset);
}

/* NaNs lose their payload, so that rounding a result to fewer bits cannot carry out of it. */
static void load_scale(const mz_quantized *p, char *to, mz_load *load, const char *from, int64_t stride, int64_t n) {
  load(to, from, stride, n);
  float *scale = (float *)(void *)to;
  for (int64_t i = 0; p->is_narrow && i < n; i++) scale[i] = scale[i] != scale[i] ? NAN : scale[i];
}

/* at: A, packed B, C, the scales of rows and columns, the bias, what stands for 0, and the operands of the steps. */
static void run_area(const mz_quantized *p, const scratch *s, const mz_area *task, char *const *at) {
  const mz_matmul *product = &p->product;
  const int32_t *sum = (const int32_t *)(const void *)(at[1] + p->panels * panel_bytes(p));
  memset(s->scale, 0, (size_t)(2 * vector_bytes(p)));
  for (int64_t i = 0; i < task->rows; i += product->block_rows) {
    mz_area block = {.row = task->row + i, .rows = min64(product->block_rows, task->rows - i)};
    load_rows(p, s->a, at[0] + block.row * product->a_stride[0], block.rows);
    load_scale(p, s->row_scale, p->load_scale, at[3] + block.row * p->a_scale_stride, p->a_scale_stride, block.rows);
    load_zeros(p, s->zero, at[6] + block.row * p->zero_stride, block.rows);
    for (int64_t j = 0; j < task->columns; j += product->block_columns) {
      block.column = task->column + j;
      block.columns = min64(product->block_columns, task->columns - j);
      load_scale(p, s->scale, p->load_scale, at[4] + block.column * p->b_scale_stride, p->b_scale_stride, block.columns);
      if (product->bias.operand >= 0)
        load_scale(p, s->bias, product->bias.load, at[5] + block.column * product->bias.column_stride,
                   product->bias.column_stride, block.columns);
      char *result = at[2] + block.row * product->c_stride[0] + block.column * product->c_stride[1];
      mz_int8_sums sums = {.zero = s->zero,
                           .sum = sum + block.column,
                           .row = (const float *)(const void *)s->row_scale,
                           .column = (const float *)(const void *)s->scale,
                           .bias = (const float *)(const void *)s->bias,
                           .at = p->is_direct ? result : s->acc,
                           .stride = p->is_direct ? product->c_stride[0] : acc_columns(p) * (int64_t)sizeof(int32_t),
                           .columns = block.columns,
                           .is_scaled = !p->in_double,
                           .is_narrow = p->is_narrow};
      const int8_t *b = (const int8_t *)at[1] + block.column * p->padded_k;
      mz_multiply_int8(p->tiles, p->padded_k / MZ_INT8_GROUP, s->a, p->a_stride, block.rows, b, &sums);
      if (!p->is_direct || product->n_steps > 0) finish(p, s, &block, sums.at, sums.stride, at);
    }
  }
}

static void body(void *user, uint64_t begin, uint64_t end, uint32_t worker) {
  (void)worker;
  mz_tasks *tasks = user;
  const mz_call *call = tasks->call;
  const mz_plan *plan = call->plan;
  const mz_quantized *p = &plan->u.quantized;
  const mz_matmul *product = &p->product;
  char *own = call->workspace + (product->packs_b ? 0 : round_up(p->packed_bytes, 64));
  char *at[7 + MZ_MAX_MAPPED] = {call->at[0], product->packs_b ? call->at[1] : call->workspace, call->at[plan->n_in],
                                 call->at[2], call->at[3], NULL, call->at[4]};
  if (product->bias.operand >= 0) at[5] = call->at[product->bias.operand];
  for (int i = 0; i < product->n_steps; i++)
    if (product->step[i].operand >= 0) at[7 + product->step[i].place] = call->at[product->step[i].operand];
  for (int64_t slot = (int64_t)begin; slot < (int64_t)end; slot++) {
    scratch s = scratch_at(p, own + slot * product->slot_bytes);
    for (int64_t task; (task = mz_next_task(tasks, slot)) >= 0;) {
      mz_area area = mz_area_of(product, task);
      run_area(p, &s, &area, at);
    }
  }
}

static mezzo_status run(const mz_call *call) {
  const mz_quantized *p = &call->plan->u.quantized;
  if (p->product.slots > 0 && !p->product.packs_b) pack_b(p, call->at[1], call->workspace);
  return mz_run_tasks(call, p->product.row_tasks * p->product.column_tasks, p->product.slots, body);
}

/* Blocks of whole tiles, of which none is much smaller than the others. */
static int64_t even(int64_t length, int64_t most, int64_t tile) {
  most -= most % tile;
  return min64(length, round_up(divide_up(length, divide_up(length, most)), tile));
}

static mezzo_status plan_tasks(mz_request *r) {
  mz_plan *plan = r->plan;
  mz_quantized *p = &plan->u.quantized;
  mz_matmul *product = &p->product;
  int64_t rows = p->tiles->rows, columns = p->tiles->columns;
  p->padded_k = round_up(product->k, MZ_INT8_GROUP);
  /* An odd number of cache lines, so that rows do not meet in one set. */
  p->a_stride = round_up(p->padded_k * p->tiles->a_element, 64) | 64;
  p->panels = divide_up(product->n, columns);
  if (product->m == 0 || product->n == 0) return MEZZO_OK;
  double operations = 2.0 * (double)product->m * (double)product->n * (double)product->k;
  bool shares = plan->host->parallel_for != NULL && plan->threads > 1 && operations > ALONE;
  int64_t threads = shares ? plan->threads : 1;
  bool splits_rows = product->m >= 2 * rows * threads;
  product->row_tasks = splits_rows ? round_up(max64(threads, product->m / BLOCK_ROWS), threads) : 1;
  product->column_tasks = splits_rows ? 1 : min64(threads, p->panels);
  product->task_rows = product->row_tasks == 1 ? product->m : round_up(divide_up(product->m, product->row_tasks), rows);
  product->task_columns = round_up(divide_up(product->n, product->column_tasks), columns);
  product->row_tasks = divide_up(product->m, product->task_rows);
  product->column_tasks = divide_up(product->n, product->task_columns);
  int64_t most = min64(BLOCK_ROWS, BLOCK_BYTES / p->a_stride);
  product->block_rows = even(product->task_rows, most < rows ? rows : most, rows);
  product->block_columns = even(product->task_columns, BLOCK_COLUMNS, p->tiles->panels[rows] * columns);
  product->slots = min64(threads, product->row_tasks * product->column_tasks);
  int64_t panels_bytes, sums = p->panels * columns * (int64_t)sizeof(int32_t), total;
  product->slot_bytes = a_bytes(p) + acc_bytes(p) + 2 * vector_bytes(p) + 2 * row_scale_bytes(p);
  bool fits = !__builtin_mul_overflow(p->panels, panel_bytes(p), &panels_bytes) && panels_bytes < INT64_MAX / 4 &&
              !__builtin_mul_overflow(product->slot_bytes, product->slots, &total);
  p->packed_bytes = fits ? panels_bytes + sums : 0;
  if (fits && !product->packs_b) fits = !__builtin_add_overflow(total, round_up(p->packed_bytes, 64), &total);
  if (!fits)
    return mz_refuse(r->err, MEZZO_UNSUPPORTED, MEZZO_WHY_LIMIT, 1, "a packed form of %lld columns exceeds 2^63 bytes",
                     (long long)product->n);
  plan->workspace = (uint64_t)total;
  if (!product->packs_b) return MEZZO_OK;
  plan->pack = pack;
  plan->packed_bytes = (uint64_t)p->packed_bytes;
  plan->pack_key[0] = UINT64_C(0x6d657a7a6f2d6938); /* "mezzo-i8" */
  plan->pack_key[1] = (uint64_t)columns;
  return MEZZO_OK;
}

mezzo_status mz_plan_quantized_matmul(mz_request *r) {
  mz_plan *plan = r->plan;
  mz_quantized *p = &plan->u.quantized;
  mz_matmul *product = &p->product;
  MZ_TRY(mz_expect_arity(r, 5, 1));
  const mz_operand *a = &plan->operand[0], *b = &plan->operand[1], *c = &plan->operand[plan->n_in];
  MZ_TRY(mz_expect_dtype(r, 0, MZ_SET(MZ_I8)));
  MZ_TRY(mz_expect_dtype(r, 1, MZ_SET(MZ_I8)));
  MZ_TRY(mz_expect_dtype(r, plan->n_in, MZ_FLOATS));
  p->in_double = c->dtype == MZ_F64;
  mz_domain domain = p->in_double ? MZ_IN_DOUBLE : MZ_IN_FLOAT;
  MZ_TRY(mz_expect_rank(r, 0, 2));
  int64_t m = a->shape[0], k = a->shape[1];
  MZ_TRY(mz_expect_rank(r, 1, 2));
  int64_t n = b->shape[1];
  MZ_TRY(mz_expect_shape(r, 1, 2, (int64_t[]){k, n}));
  MZ_TRY(mz_expect_shape(r, 2, 1, &m));
  MZ_TRY(mz_expect_shape(r, 3, 1, &n));
  MZ_TRY(mz_expect_dtype(r, 4, MZ_SET(MZ_I8)));
  MZ_TRY(mz_expect_shape(r, 4, 1, &m));
  MZ_TRY(mz_expect_shape(r, plan->n_in, 2, (int64_t[]){m, n}));
  for (int i = 2; i < 4; i++) MZ_TRY(mz_expect_dtype(r, i, MZ_SET(mz_domain_dtype(domain))));
  MZ_TRY(mz_expect_accumulator(r, mz_domain_dtype(domain)));
  if (k > LARGEST_K)
    return mz_refuse(r->err, MEZZO_INVALID, MEZZO_WHY_LIMIT, 0, "sums of %lld products do not fit into int32; expected at most %d",
                     (long long)k, LARGEST_K);
  product->m = m;
  product->k = k;
  product->n = n;
  for (int i = 0; i < 2; i++) {
    product->a_stride[i] = a->stride[i];
    product->b_stride[i] = b->stride[i];
    product->c_stride[i] = c->stride[i];
  }
  product->element = mz_dtype_size(mz_domain_dtype(domain));
  product->store = mz_storer(domain, c->dtype);
  p->load_scale = mz_loader(domain, mz_domain_dtype(domain));
  p->a_scale_stride = plan->operand[2].stride[0];
  p->b_scale_stride = plan->operand[3].stride[0];
  p->zero_stride = plan->operand[4].stride[0];
  p->tiles = mz_int8_tiles_at(0);
  product->packs_b = plan->may_pack && mz_is_constant(r, 1);
  MZ_TRY(mz_plan_epilogue(r, product, p->in_double, true));
  product->alpha = 1;
  /* It is added with the scales. */
  mz_take_bias(r, product);
  p->is_narrow = c->dtype == MZ_BF16 && product->n_steps == 0 && p->tiles->narrows;
  p->is_direct = (c->dtype == MZ_F32 || p->is_narrow) && (c->stride[1] == c->size || n == 1);
  p->is_narrow &= p->is_direct;
  MZ_TRY(plan_tasks(r));
  plan->run = run;
  return MEZZO_OK;
}
