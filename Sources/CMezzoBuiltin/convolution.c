/* Convolutions and their gradients as products of windows, [places, taps * channels], which are gathered while they are packed
 * and never there as a whole. Rows, columns and fixed chunks of the sums are shared out, so that the number of threads does not
 * change a bit of the result. */
#include <string.h>
#include "counts.h"
#include "convolution_direct.h"
#include "convolution_panels.h"
#include "windows.h"

enum {
  PANELS_BYTES = 1 << 18, /* of windows that are packed at once */
  STRETCH = 256,          /* places that the gradient of the kernel sums before it gathers more */
  KERNEL_ROWS = 448,
  BLOCK_COLUMNS = 512,
  FEW_BLOCKS = 8,
  ALONE = 2000000         /* operations below which threads cost more than they bring */
};

static char *packed_other(const mz_call *call, int64_t group) {
  const mz_convolution *c = &call->plan->u.convolution;
  return call->workspace + c->product.slots * c->product.slot_bytes + group * c->packed_group;
}

/* Packs panels of the kernel: [group][panel][k][columns]. */
static void pack_body(void *user, uint64_t begin, uint64_t end, uint32_t worker) {
  (void)worker;
  const mz_call *call = user;
  const mz_convolution *c = &call->plan->u.convolution;
  const mz_matmul *p = &c->product;
  int64_t columns = p->tile->columns, panels = divide_up(p->n, columns), run = c->gather.run;
  for (int64_t index = (int64_t)begin; index < (int64_t)end; index++) {
    int64_t group = index / panels, column = index % panels * columns, lanes = min64(columns, p->n - column);
    char *to = packed_other(call, group) + column * p->k * p->element;
    const char *from = call->at[c->other] + group * c->other_group + column * c->other_lane;
    for (int64_t tap = 0; tap < c->gather.window; tap++) {
      mz_packing packing = {from + tap * c->other_tap, c->other_lane, c->other_k, p->load};
      mz_pack(to + tap * run * columns * p->element, p->element, columns, &packing, lanes, run);
    }
  }
}

/* A window's elements, MZ_TILE_STRETCH of each row at a time: a[stretch of k][row][MZ_TILE_STRETCH]. */
static void place_window(const mz_matmul *p, char *a, const char *window) {
  for (int64_t k = 0; k < p->k; k += MZ_TILE_STRETCH, a += p->block_rows * MZ_TILE_STRETCH * p->element)
    memcpy(a, window + k * p->element, (size_t)(min64(MZ_TILE_STRETCH, p->k - k) * p->element));
}

/* acc[rows][stride] = the windows at a times the panels of the kernel at b. */
static void multiply_windows(const mz_matmul *p, const char *a, const char *b, char *acc, int64_t rows, int64_t columns) {
  const mz_tile *tile = p->tile;
  int64_t width = tile->columns, stride = round_up(columns, width), row_bytes = MZ_TILE_STRETCH * p->element;
  for (int64_t k = 0; k < p->k; k += MZ_TILE_STRETCH, a += p->block_rows * row_bytes) {
    for (int64_t j = 0; j < columns; j += width) {
      const char *panel = b + (j * p->k + k * width) * p->element;
      for (int64_t i = 0; i < rows; i += tile->rows)
        mz_tile_fitting(tile, MZ_B_SAME, rows - i)(min64(MZ_TILE_STRETCH, p->k - k), a + i * row_bytes, panel,
                                                   acc + (i * stride + j) * p->element, stride, k > 0);
    }
  }
}

static void rows_body(void *user, uint64_t begin, uint64_t end, uint32_t worker) {
  (void)worker;
  const mz_call *call = user;
  const mz_convolution *c = &call->plan->u.convolution;
  const mz_matmul *p = &c->product;
  int64_t width = p->tile->columns;
  for (int64_t slot = (int64_t)begin; slot < (int64_t)end; slot++) {
    char *window = call->workspace + slot * p->slot_bytes, *a = window + p->b_bytes, *acc = a + p->a_bytes;
    for (int64_t task = slot; task < c->groups * c->blocks; task += p->slots) {
      int64_t group = task / c->blocks, first = task % c->blocks * p->block_rows, rows = min64(p->block_rows, p->m - first);
      const char *from = call->at[c->from] + group * c->from_group;
      char *at[MZ_MAX_MAPPED] = {NULL, NULL, call->at[c->into] + group * c->into_group};
      for (int i = 0; i < p->n_steps; i++)
        if (p->step[i].operand >= 0)
          at[3 + p->step[i].place] = call->at[p->step[i].operand] + group * p->n * p->step[i].column_stride;
      for (int64_t i = 0; i < rows; i++) {
        char *row = a + i * MZ_TILE_STRETCH * p->element;
        mz_gather_window(&c->gather, from, first + i, p->k > MZ_TILE_STRETCH ? window : row);
        if (p->k > MZ_TILE_STRETCH) place_window(p, row, window);
      }
      for (int64_t column = 0; column < p->n; column += p->block_columns) {
        int64_t columns = min64(p->block_columns, p->n - column), stride = round_up(columns, width);
        if (p->k == 0) memset(acc, 0, (size_t)(rows * stride * p->element));
        multiply_windows(p, a, packed_other(call, group) + column * p->k * p->element, acc, rows, columns);
        for (int64_t i = 0; i < rows; i++) mz_finish_row(p, at, acc + i * stride * p->element, first + i, column, 0, columns);
      }
    }
  }
}

static mezzo_status run_rows(const mz_call *call) {
  const mz_convolution *c = &call->plan->u.convolution;
  if (call->plan->operand[c->into].count == 0) return MEZZO_OK;
  int64_t panels = c->groups * divide_up(c->product.n, c->product.tile->columns);
  mezzo_status status = mz_parallel(call->plan, panels, c->product.slots > 1 ? 1 : panels, pack_body, (void *)(uintptr_t)call);
  if (status != MEZZO_OK) return status;
  return mz_parallel(call->plan, c->product.slots, 1, rows_body, (void *)(uintptr_t)call);
}

static mz_area kernel_block(const mz_convolution *c, int64_t block) {
  const mz_matmul *p = &c->product;
  int64_t row = block / c->columns_blocks % c->blocks * p->block_rows, column = block % c->columns_blocks * p->block_columns;
  return (mz_area){row, column, min64(p->block_rows, p->m - row), min64(p->block_columns, p->n - column)};
}

/* Sums of a block over a chunk of the places. */
static void kernel_body(void *user, uint64_t begin, uint64_t end, uint32_t worker) {
  (void)worker;
  const mz_call *call = user;
  const mz_convolution *c = &call->plan->u.convolution;
  const mz_matmul *p = &c->product;
  int64_t width = p->tile->rows, per_group = c->blocks * c->columns_blocks, tasks = c->groups * per_group * c->chunks;
  for (int64_t slot = (int64_t)begin; slot < (int64_t)end; slot++) {
    char *row = call->workspace + slot * p->slot_bytes, *a = row + round_up(p->m * p->element, 64), *b = a + p->a_bytes;
    for (int64_t task = slot; task < tasks; task += p->slots) {
      int64_t chunk = task % c->chunks, group = task / c->chunks / per_group;
      mz_area block = kernel_block(c, task / c->chunks % per_group);
      mz_scratch s = {b, a, call->workspace + p->slots * p->slot_bytes + task * c->sums_bytes, NULL};
      if (chunk * c->chunk >= c->gather.places) memset(s.acc, 0, (size_t)mz_tiles_bytes(p, &block));
      const char *from = call->at[c->from] + group * c->from_group;
      const char *other = call->at[c->other] + group * c->other_group + block.column * c->other_lane;
      int64_t last = min64((chunk + 1) * c->chunk, c->gather.places);
      for (int64_t place = chunk * c->chunk; place < last; place += STRETCH) {
        int64_t n = min64(STRETCH, last - place);
        for (int64_t i = 0; i < n; i++) {
          mz_gather_window(&c->gather, from, place + i, row);
          mz_deal(a + i * width * p->element, STRETCH * width * p->element, width * p->element, row + block.row * p->element,
                  block.rows * p->element);
        }
        mz_packing packing = {other + place * c->other_k, c->other_lane, c->other_k, p->load};
        for (int64_t column = 0; column < block.columns; column += p->tile->columns) {
          mz_packing panel = packing;
          panel.from += column * c->other_lane;
          mz_pack(b + column * STRETCH * p->element, p->element, p->tile->columns, &panel,
                  min64(p->tile->columns, block.columns - column), n);
        }
        mz_multiply_tiles(p, &s, &block, n, place > chunk * c->chunk);
      }
    }
  }
}

/* Adds up the chunks of each block, from the first to the last, and stores it. */
static void sum_body(void *user, uint64_t begin, uint64_t end, uint32_t worker) {
  (void)worker;
  const mz_call *call = user;
  const mz_convolution *c = &call->plan->u.convolution;
  const mz_matmul *p = &c->product;
  int64_t per_group = c->blocks * c->columns_blocks;
  for (int64_t index = (int64_t)begin; index < (int64_t)end; index++) {
    mz_area block = kernel_block(c, index % per_group);
    char *sums = call->workspace + p->slots * p->slot_bytes + index * c->chunks * c->sums_bytes;
    int64_t n = mz_tiles_bytes(p, &block) / p->element;
    for (int64_t chunk = 1; chunk < c->chunks; chunk++) {
      const char *more = sums + chunk * c->sums_bytes;
      if (p->element == sizeof(float)) {
        float *to = (float *)(void *)sums;
        for (int64_t i = 0; i < n; i++) to[i] += ((const float *)(const void *)more)[i];
      } else {
        double *to = (double *)(void *)sums;
        for (int64_t i = 0; i < n; i++) to[i] += ((const double *)(const void *)more)[i];
      }
    }
    mz_scratch s = {NULL, NULL, sums, NULL};
    char *at[MZ_MAX_MAPPED] = {NULL, NULL, call->at[c->into] + index / per_group * c->into_group};
    mz_finish_tiles(p, &s, &block, at);
  }
}

static mezzo_status run_kernel(const mz_call *call) {
  const mz_convolution *c = &call->plan->u.convolution;
  if (call->plan->operand[c->into].count == 0) return MEZZO_OK;
  mezzo_status status = mz_parallel(call->plan, c->product.slots, 1, kernel_body, (void *)(uintptr_t)call);
  if (status != MEZZO_OK) return status;
  int64_t blocks = c->groups * c->blocks * c->columns_blocks;
  return mz_parallel(call->plan, blocks, blocks, sum_body, (void *)(uintptr_t)call);
}

/* How the result is cut; with checked arithmetic, as extents come from outside. */
static mezzo_status plan_blocks(mz_request *r, bool by_kernel) {
  mz_plan *plan = r->plan;
  mz_convolution *c = &plan->u.convolution;
  mz_matmul *p = &c->product;
  if (plan->operand[c->into].count == 0) return MEZZO_OK;
  int64_t rows = p->tile->rows, columns = p->tile->columns, row_bytes, panels, group_bytes, total;
  double operations = 2.0 * (double)p->m * (double)p->n * (double)p->k * (double)c->groups;
  bool shares = plan->host->parallel_for != NULL && plan->threads > 1 && operations > ALONE;
  p->block_columns = min64(round_up(p->n, columns), BLOCK_COLUMNS);
  c->columns_blocks = divide_up(p->n, p->block_columns);
  bool too_large;
  if (by_kernel) {
    p->block_rows = min64(round_up(p->m, rows), round_up(KERNEL_ROWS, rows));
    c->blocks = divide_up(p->m, p->block_rows);
    int64_t blocks = c->groups * c->blocks * c->columns_blocks;
    c->chunks = blocks < FEW_BLOCKS ? max64(min64(FEW_BLOCKS, c->gather.places / (2 * STRETCH)), 1) : 1;
    c->chunk = round_up(divide_up(c->gather.places, c->chunks), STRETCH);
    c->sums_bytes = round_up(p->block_rows * p->block_columns * p->element, 64);
    p->a_bytes = p->block_rows * STRETCH * p->element;
    p->b_bytes = p->block_columns * STRETCH * p->element;
    p->k = STRETCH;
    p->slots = min64(shares ? plan->threads : 1, blocks * c->chunks);
    p->slot_bytes = round_up(p->m * p->element, 64) + p->a_bytes + p->b_bytes;
    too_large = __builtin_mul_overflow(blocks * c->chunks, c->sums_bytes, &group_bytes) ||
                __builtin_mul_overflow(p->slot_bytes, p->slots, &total) || __builtin_add_overflow(total, group_bytes, &total);
  } else {
    too_large = __builtin_mul_overflow(p->k, p->element, &row_bytes) || row_bytes > INT64_MAX / 1024;
    if (!too_large) {
      int64_t stretched = round_up(p->k, MZ_TILE_STRETCH) * p->element;
      p->block_rows = min64(round_up(p->m, rows), max64(PANELS_BYTES / max64(stretched, 1) / rows, 1) * rows);
      c->blocks = divide_up(p->m, p->block_rows);
      p->slots = min64(shares ? plan->threads : 1, c->groups * c->blocks);
      p->b_bytes = round_up(row_bytes, 64); /* of one window; the panels of B are shared */
      p->a_bytes = round_up(p->block_rows * stretched, 64);
      p->slot_bytes = p->b_bytes + p->a_bytes + round_up(p->block_rows * p->block_columns * p->element, 64);
      too_large = __builtin_mul_overflow(round_up(p->n, columns), row_bytes, &c->packed_group) ||
                  __builtin_mul_overflow(c->packed_group, c->groups, &panels) ||
                  __builtin_mul_overflow(p->slot_bytes, p->slots, &total) || __builtin_add_overflow(total, panels, &total);
    }
  }
  if (too_large)
    return mz_refuse(r->err, MEZZO_UNSUPPORTED, MEZZO_WHY_LIMIT, 0, "a workspace for windows of %lld elements exceeds 2^63 bytes",
                     (long long)p->k);
  plan->workspace = (uint64_t)total;
  return MEZZO_OK;
}

/* x, kernel, y: places of the operands that have the shapes of a convolution's. */
static mezzo_status plan_convolution(mz_request *r, int x, int kernel, int y, int result) {
  mz_plan *plan = r->plan;
  mz_convolution *c = &plan->u.convolution;
  mz_matmul *p = &c->product;
  mz_gather *g = &c->gather;
  const mz_operand *ox = &plan->operand[x], *ok = &plan->operand[kernel], *oy = &plan->operand[y];
  int inputs[] = {0, 1};
  MZ_TRY(mz_expect_dtype(r, 0, MZ_FLOATS));
  mz_dtype dtype = plan->operand[0].dtype;
  MZ_TRY(mz_expect_dtype(r, 1, MZ_SET(dtype)));
  MZ_TRY(mz_expect_dtype(r, result, MZ_SET(dtype) | (dtype == MZ_F64 ? 0 : MZ_SET(MZ_F32))));
  bool in_double = dtype == MZ_F64;
  MZ_TRY(mz_expect_accumulator(r, in_double ? MZ_F64 : MZ_F32));
  int rank = ox->rank, axes = rank - 2;
  if (rank < 3)
    return mz_refuse(r->err, MEZZO_INVALID, MEZZO_WHY_SHAPE, (uint32_t)x, "operand %d has rank %d; expected [batch, i..., channels]", x, rank);
  MZ_TRY(mz_expect_rank(r, kernel, rank));
  MZ_TRY(mz_expect_rank(r, y, rank));
  for (int i = 0; i < 2; i++) MZ_TRY(mz_expect_dense(r, inputs[i]));
  MZ_TRY(mz_expect_dense(r, result));
  MZ_TRY(mz_read_windows(r, g, axes, ox->shape + 1, oy->shape + 1, ok->shape, true));
  MZ_TRY(mz_attr_int(r, "groups", 1, INT32_MAX, &c->groups));
  int64_t channels = ok->shape[rank - 2], filters = oy->shape[rank - 1], of_group = filters / c->groups;
  bool fits = ox->shape[0] == oy->shape[0] && filters % c->groups == 0 && ox->shape[rank - 1] % c->groups == 0 &&
              ox->shape[rank - 1] / c->groups == channels && ok->shape[rank - 1] == filters;
  if (!fits)
    return mz_refuse(r->err, MEZZO_INVALID, MEZZO_WHY_SHAPE, (uint32_t)kernel,
                     "%lld channels, a kernel from %lld to %lld and %lld filters in %lld groups do not fit together",
                     (long long)ox->shape[rank - 1], (long long)channels, (long long)ok->shape[rank - 1], (long long)filters,
                     (long long)c->groups);
  bool by_input = result == x && x == plan->n_in, by_kernel = result == kernel;
  const mz_operand *from = by_input ? oy : ox, *place = by_input ? ox : oy;
  g->is_transposed = by_input;
  g->run = by_input ? of_group : channels;
  g->channels = g->run * c->groups;
  g->size = from->size;
  g->element = in_double ? sizeof(double) : sizeof(float);
  g->load = mz_loader(in_double ? MZ_IN_DOUBLE : MZ_IN_FLOAT, dtype);
  g->is_run = !by_input && c->groups == 1 && g->dilation[axes - 1] == 1;
  g->places = place->shape[0];
  g->window = 1;
  for (int axis = axes - 1; axis >= 0; axis--) {
    g->place[axis] = place->shape[1 + axis];
    g->from[axis] = from->shape[1 + axis];
    g->inside[axis] = g->window;
    if (__builtin_mul_overflow(g->window, g->taps[axis], &g->window))
      return mz_refuse(r->err, MEZZO_UNSUPPORTED, MEZZO_WHY_LIMIT, 0, "a window has more elements than can be counted");
    g->places *= g->place[axis];
  }
  c->from = by_input ? y : x;
  c->other = by_kernel ? y : kernel;
  c->into = result;
  c->from_group = g->run * from->size;

  int64_t size = plan->operand[c->other].size, into_size = plan->operand[result].size, columns = by_input ? channels : of_group;
  p->tile = in_double ? mz_tile_double() : mz_tile_float();
  p->element = g->element;
  p->load = g->load;
  p->store = mz_storer(in_double ? MZ_IN_DOUBLE : MZ_IN_FLOAT, plan->operand[result].dtype);
  p->alpha = 1;
  p->n = columns;
  p->m = by_kernel ? g->window * g->run : g->places;
  p->k = by_kernel ? g->places : g->window * g->run;
  p->c_stride[1] = into_size;
  p->c_stride[0] = (by_kernel ? filters : columns * c->groups) * into_size;
  c->into_group = columns * into_size;
  c->other_group = of_group * size;
  c->other_tap = channels * filters * size;
  c->other_k = by_input ? size : filters * size;
  c->other_lane = by_input ? filters * size : size;
  if (!by_input && !by_kernel) {
    MZ_TRY(mz_plan_epilogue(r, p, in_double, false));
    if (mz_takes_lines(plan)) return mz_plan_lines(r);
  }
  bool takes_panels;
  MZ_TRY((by_kernel ? mz_plan_kernel_panels : mz_plan_window_panels)(r, &takes_panels));
  if (takes_panels) return MEZZO_OK;
  MZ_TRY(plan_blocks(r, by_kernel));
  plan->run = by_kernel ? run_kernel : run_rows;
  return MEZZO_OK;
}

mezzo_status mz_plan_convolution(mz_request *r) {
  MZ_TRY(mz_expect_arity(r, 2, 1));
  return plan_convolution(r, 0, 1, r->plan->n_in, r->plan->n_in);
}

mezzo_status mz_plan_convolution_input_gradient(mz_request *r) {
  MZ_TRY(mz_expect_arity(r, 2, 1));
  return plan_convolution(r, r->plan->n_in, 1, 0, r->plan->n_in);
}

mezzo_status mz_plan_convolution_kernel_gradient(mz_request *r) {
  MZ_TRY(mz_expect_arity(r, 2, 1));
  return plan_convolution(r, 0, r->plan->n_in, 1, r->plan->n_in);
}
