/* Products whose A has its rows in memory, as activations do, and whose B may be packed once. Rows of A are only converted, not
 * rearranged; B lies in panels as wide as a tile, narrow floats as they are; accumulators are rows, finished as far as they
 * reach. Threads share out rows or columns, never k, and every element is summed in the order of k. */
#include <string.h>
#include "counts.h"
#include "matmul.h"

enum {
  BLOCK_ROWS = 140, /* a batch of 128 is one block */
  BLOCK_COLUMNS = MZ_BLOCK,
  ALONE = 3000,    /* nanoseconds below which another thread costs more than it brings */
  RATE = 200,      /* operations a nanosecond, of one thread */
  STREAM = 60,     /* bytes of B a nanosecond */
  SHARED = 1 << 25 /* bytes of panels that threads may pack together */
};

typedef struct {
  char *b, *a, *acc, *wide;
} scratch;

/* a[stretch of k][row][MZ_TILE_STRETCH] */
static void load_rows(const mz_matmul *p, char *to, const char *from, int64_t rows) {
  for (int64_t r = 0; r < rows; r++) {
    char *row = to + r * MZ_TILE_STRETCH * p->element;
    for (int64_t k = 0; k < p->k; k += MZ_TILE_STRETCH, row += p->block_rows * MZ_TILE_STRETCH * p->element)
      p->load(row, from + r * p->a_stride[0] + k * p->a_stride[1], p->a_stride[1], min64(MZ_TILE_STRETCH, p->k - k));
  }
}

static int64_t acc_columns(const mz_matmul *p) { return round_up(p->block_columns, p->tile->columns); }

static int64_t acc_bytes(const mz_matmul *p) { return round_up(p->block_rows * acc_columns(p) * p->element, 64); }

/* Rows whose tiles write no others, from the first on. */
static int64_t rows_of_full_tiles(const mz_tile *tile, int64_t rows) {
  int64_t i = 0;
  for (int64_t tall; i < rows; i += tall) {
    tall = mz_tile_step(tile, rows - i);
    if (!mz_tile_is_full(tile, tall)) break;
  }
  return i;
}

/* a times the panels at b, in place where `direct` is not NULL and a tile lies within the block, else in acc. Narrow panels that
 * many tiles read are widened once before, into `wide`. */
static void multiply(const mz_matmul *p, const char *a, const char *b, char *acc, char *direct, char *wide, int64_t rows,
                     int64_t columns) {
  const mz_tile *tile = p->tile;
  bool widens = p->b_kind != MZ_B_SAME && rows > 2 * tile->rows;
  int kind = widens ? MZ_B_SAME : p->b_kind;
  int64_t width = tile->columns, row_stride = acc_columns(p), panels = divide_up(columns, width);
  int64_t row_bytes = MZ_TILE_STRETCH * p->element, whole_rows = rows_of_full_tiles(tile, rows);
  for (int64_t k = 0; k < p->k; k += MZ_TILE_STRETCH, a += p->block_rows * row_bytes) {
    int64_t n = min64(MZ_TILE_STRETCH, p->k - k);
    const char *panel = b + k * width * p->b_element;
    char *at = acc;
    for (int64_t j = 0, step; j < panels; j += step, panel += step * p->k * width * p->b_element, at += step * width * p->element) {
      step = rows > 1 || panels - j < 2 ? 1 : panels - j < MZ_TILE_PANELS ? 2 : MZ_TILE_PANELS;
      if (step > 1) {
        (step == 2 ? tile->by_rows[p->b_kind].pair : tile->by_rows[p->b_kind].long_row)(n, a, panel, at, p->k * width, k > 0);
        continue;
      }
      if (widens) p->load(wide, panel, p->b_element, n * width);
      for (int64_t i = 0, tall; i < rows; i += tall) {
        tall = mz_tile_step(tile, rows - i);
        bool in_place = direct != NULL && i + tall <= whole_rows && (j + 1) * width <= columns;
        char *to = in_place ? direct + i * p->c_stride[0] + j * width * p->element : at + i * row_stride * p->element;
        mz_tile_fitting(tile, kind, tall)(n, a + i * row_bytes, widens ? wide : panel, to,
                                              in_place ? p->c_stride[0] / p->element : row_stride, k > 0);
      }
    }
  }
}

static void finish(const mz_matmul *p, char *acc, const mz_area *block, bool in_place, char *const *at) {
  int64_t whole_rows = in_place ? rows_of_full_tiles(p->tile, block->rows) : 0;
  int64_t whole_columns = block->columns / p->tile->columns * p->tile->columns;
  for (int64_t r = 0; r < block->rows; r++, acc += acc_columns(p) * p->element)
    mz_finish_row(p, at, acc, block->row + r, block->column, r < whole_rows ? whole_columns : 0, block->columns);
}

static void run_area(const mz_matmul *p, const scratch *s, const mz_area *task, char *const *at) {
  for (int64_t j = 0; j < task->columns; j += p->block_columns) {
    mz_area block = {.column = task->column + j, .columns = min64(p->block_columns, task->columns - j)};
    const char *b = at[1] + block.column * p->k * p->b_element;
    if (!p->packs_b && p->shared_bytes == 0) {
      mz_packing packing = {at[1] + block.column * p->b_stride[1], p->b_stride[1], p->b_stride[0], p->load_b};
      if (p->k > 0) mz_pack(s->b, p->b_element, p->tile->columns, &packing, block.columns, p->k);
      b = s->b;
    }
    for (int64_t i = 0; i < task->rows; i += p->block_rows) {
      block.row = task->row + i;
      block.rows = min64(p->block_rows, task->rows - i);
      if (j == 0 || task->rows > p->block_rows) load_rows(p, s->a, at[0] + block.row * p->a_stride[0], block.rows);
      char *direct = mz_direct(p, &block, at);
      multiply(p, s->a, b, s->acc, direct, s->wide, block.rows, block.columns);
      finish(p, s->acc, &block, direct != NULL, at);
    }
  }
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
    char *from = call->workspace + slot * p->slot_bytes;
    char *acc = from + p->b_bytes + p->a_bytes;
    scratch s = {from, from + p->b_bytes, acc, acc + acc_bytes(p)};
    for (int64_t task = slot; task < tasks; task += p->slots) {
      mz_space_seek(&p->batches, task / per_batch, base, at);
      if (p->packs_b) at[1] = base[1];
      if (p->shared_bytes > 0) at[1] = call->workspace + p->slots * p->slot_bytes;
      mz_area part = mz_area_of(p, task % per_batch);
      run_area(p, &s, &part, at);
    }
  }
}

static void pack_body(void *user, uint64_t begin, uint64_t end, uint32_t worker) {
  (void)worker;
  const mz_call *call = user;
  const mz_matmul *p = &call->plan->u.matmul;
  int64_t width = p->tile->columns, column = (int64_t)begin * width;
  mz_packing packing = {call->at[1] + column * p->b_stride[1], p->b_stride[1], p->b_stride[0], p->load_b};
  mz_pack(call->workspace + p->slots * p->slot_bytes + column * p->k * p->b_element, p->b_element, width, &packing,
          min64((int64_t)end * width, p->n) - column, p->k);
}

static mezzo_status run(const mz_call *call) {
  const mz_matmul *p = &call->plan->u.matmul;
  if (p->shared_bytes > 0)
    MZ_TRY(mz_parallel(call->plan, divide_up(p->n, p->tile->columns), 1, pack_body, (void *)(uintptr_t)call));
  return mz_parallel(call->plan, p->slots, 1, body, (void *)(uintptr_t)call);
}

static void pack(const mz_plan *plan, const mezzo_tensor *b, void *to) {
  const mz_matmul *p = &plan->u.matmul;
  mz_packing packing = {(const char *)b->data + b->byte_offset, p->b_stride[1], p->b_stride[0], p->load_b};
  memset(to, 0, (size_t)plan->packed_bytes);
  mz_pack(to, p->b_element, p->tile->columns, &packing, p->n, p->k);
}

mezzo_status mz_plan_rows(mz_request *r, bool *takes) {
  mz_plan *plan = r->plan;
  mz_matmul *p = &plan->u.matmul;
  const mz_tile *tile = p->tile;
  mz_dtype dtype = plan->operand[1].dtype;
  bool has_rows = p->m == 1 || p->k == 1 || magnitude(p->a_stride[1]) <= magnitude(p->a_stride[0]);
  *takes = p->m > 0 && p->n > 0 && p->k > 0 && p->batches.count > 0 && has_rows;
  if (!*takes) return MEZZO_OK;
  p->b_kind = dtype == MZ_BF16 ? MZ_B_BF16 : dtype == MZ_F16 ? MZ_B_F16 : MZ_B_SAME;
  if (tile->by_rows[p->b_kind].many == NULL) p->b_kind = MZ_B_SAME;
  p->b_element = p->b_kind == MZ_B_SAME ? p->element : 2;
  p->load_b = p->b_kind == MZ_B_SAME ? p->load : mz_load_raw(2);

  int64_t batches = p->batches.count, columns = tile->columns;
  double elements = (double)p->n * (double)p->k, b_time = (double)p->b_element * elements / (double)STREAM;
  double alone = (double)batches * (2 * (double)p->m * elements / (double)RATE + b_time);
  bool shares = plan->host->parallel_for != NULL && plan->threads > 1 && alone > (double)ALONE;
  int64_t threads = shares ? plan->threads : 1, parts = divide_up(threads, batches);
  /* What is not packed before is packed by each part, but for what is split. */
  bool splits_rows = p->packs_b ? p->m >= 2 * tile->rows * parts : p->n < p->m;
  p->row_tasks = splits_rows ? min64(parts, divide_up(p->m, tile->rows)) : 1;
  p->column_tasks = splits_rows ? 1 : min64(parts, divide_up(p->n, columns));
  p->task_rows = p->row_tasks == 1 ? p->m : round_up(divide_up(p->m, p->row_tasks), tile->rows);
  p->task_columns = round_up(divide_up(p->n, p->column_tasks), columns);
  p->row_tasks = divide_up(p->m, p->task_rows);
  p->column_tasks = divide_up(p->n, p->task_columns);
  p->block_rows = round_up(min64(p->task_rows, BLOCK_ROWS), p->task_rows == 1 ? 1 : tile->rows);
  p->block_columns = min64(p->task_columns, BLOCK_COLUMNS);
  p->slots = min64(threads, batches * p->row_tasks * p->column_tasks);
  int64_t panel_columns = round_up(p->n, columns), packed = 0, total = 0, k_bytes;
  bool fits = multiply_fits(round_up(min64(p->k, INT64_MAX / 2), MZ_TILE_STRETCH), p->element, &k_bytes) &&
              multiply_fits(k_bytes, p->block_rows, &p->a_bytes) && multiply_fits(k_bytes, p->block_columns, &p->b_bytes) &&
              multiply_fits(k_bytes, panel_columns, &packed) && p->a_bytes < INT64_MAX / 4 && p->b_bytes < INT64_MAX / 4;
  if (fits) {
    bool shares_b = !p->packs_b && batches == 1 && p->row_tasks > 1;
    int64_t shared = panel_columns * p->k * p->b_element;
    p->shared_bytes = shares_b && shared <= SHARED ? shared : 0;
    p->b_bytes = p->packs_b || p->shared_bytes > 0 ? 0 : round_up(p->k * p->b_element * p->block_columns, 64);
    p->a_bytes = round_up(p->a_bytes, 64);
    p->slot_bytes = p->b_bytes + p->a_bytes + acc_bytes(p) + MZ_TILE_STRETCH * columns * p->element;
    fits = multiply_fits(p->slot_bytes, p->slots, &total) && !__builtin_add_overflow(total, p->shared_bytes, &total);
  }
  if (!fits)
    return mz_refuse(r->err, MEZZO_UNSUPPORTED, MEZZO_WHY_LIMIT, 0, "a workspace for k = %lld exceeds 2^63 bytes", (long long)p->k);
  plan->workspace = (uint64_t)total;
  if (p->packs_b) {
    plan->pack = pack;
    plan->packed_bytes = (uint64_t)(panel_columns * p->k * p->b_element);
    plan->pack_key[0] = UINT64_C(0x6d657a7a6f2d6270); /* "mezzo-bp" */
    plan->pack_key[1] = (uint64_t)columns << 8 | (uint64_t)p->b_kind << 4 | (uint64_t)p->element;
  }
  plan->run = run;
  return MEZZO_OK;
}
