/* Products of bfloat16 whose B is constant, on processors that add up pairs of them: rows of A are read where they are, B lies in
 * panels of pairs, and sums are in float until they are finished. Threads share out rows or columns, never k. */
#include <string.h>
#include "dot_tiles.h"
#include "matmul.h"

enum {
  BLOCK_ROWS = 128,   /* of A, which stay in the second cache */
  BLOCK_COLUMNS = 480, /* of accumulators: whole tiles, and no more than a row is finished by at once */
  ALONE = 3000,       /* nanoseconds below which another thread costs more than it brings */
  RATE = 500,         /* operations a nanosecond, of one thread */
  STREAM = 60         /* bytes of B a nanosecond */
};

static int64_t min64(int64_t a, int64_t b) { return a < b ? a : b; }

static int64_t divide_up(int64_t a, int64_t b) { return a / b + (a % b != 0); }

static int64_t round_up(int64_t a, int64_t b) { return divide_up(a, b) * b; }

/* Of a column of panels that are k long, up to the column. */
static int64_t panel_bytes(const mz_matmul *p, int64_t columns) { return divide_up(p->k, 2) * 2 * columns * p->b_element; }

/* Tiles of about the same size: a few rows behind large tiles would wait for B. */
static void multiply(const mz_matmul *p, const char *a, const char *b, const float *bias, const mz_dot_sums *sums, int64_t rows) {
  const mz_dot_tiles *tiles = p->dots;
  int64_t panels = divide_up(sums->columns, MZ_DOT_COLUMNS), size = sums->is_narrow ? 2 : 4;
  int64_t most = tiles->panels[divide_up(rows, divide_up(rows, MZ_DOT_ROWS))];
  for (int64_t j = 0, wide; j < panels; j += wide) {
    wide = divide_up(panels - j, divide_up(panels - j, most));
    for (int64_t i = 0, tall; i < rows; i += tall) {
      tall = divide_up(rows - i, divide_up(rows - i, MZ_DOT_ROWS));
      int64_t column = j * MZ_DOT_COLUMNS;
      mz_dot_sums here = *sums;
      here.at += i * sums->stride + column * size;
      here.columns -= column;
      tiles->tile[tall][wide](p->k, a + i * p->a_stride[0], p->a_stride[0], b + panel_bytes(p, column), bias + column, &here);
    }
  }
}

/* at: A, B, C, the steps' operands. What nothing follows is written to C itself. */
static void run_area(const mz_matmul *p, float *bias, char *acc, const mz_area *task, char *const *at) {
  int64_t stride = round_up(p->block_columns, MZ_DOT_COLUMNS);
  memset(bias, 0, (size_t)stride * sizeof *bias);
  for (int64_t i = 0; i < task->rows; i += p->block_rows) {
    for (int64_t j = 0; j < task->columns; j += p->block_columns) {
      mz_area block = {task->row + i, task->column + j, min64(p->block_rows, task->rows - i), min64(p->block_columns, task->columns - j)};
      const char *a = at[0] + block.row * p->a_stride[0], *b = at[1] + panel_bytes(p, block.column);
      if (p->bias.operand >= 0)
        p->bias.load(bias, at[3 + p->bias.place] + block.column * p->bias.column_stride, p->bias.column_stride, block.columns);
      mz_dot_sums sums = {acc, stride * (int64_t)sizeof(float), block.columns, false};
      if (p->stores_sums) {
        char *c = at[2] + block.row * p->c_stride[0] + block.column * p->c_stride[1];
        sums = (mz_dot_sums){c, p->c_stride[0], block.columns, p->c_stride[1] == p->b_element};
      }
      multiply(p, a, b, bias, &sums, block.rows);
      for (int64_t r = 0; r < block.rows && !p->stores_sums; r++)
        mz_finish_row(p, at, acc + r * sums.stride, block.row + r, block.column, 0, block.columns);
    }
  }
}

static void body(void *user, uint64_t begin, uint64_t end, uint32_t worker) {
  (void)worker;
  const mz_call *call = user;
  const mz_plan *plan = call->plan;
  const mz_matmul *p = &plan->u.matmul;
  char *at[MZ_MAX_MAPPED] = {call->at[0], call->at[1], call->at[plan->n_in]};
  for (int i = 0; i < p->n_steps; i++)
    if (p->step[i].operand >= 0) at[3 + p->step[i].place] = call->at[p->step[i].operand];
  if (p->bias.operand >= 0) at[3 + p->bias.place] = call->at[p->bias.operand];
  for (int64_t slot = (int64_t)begin; slot < (int64_t)end; slot++) {
    char *own = call->workspace + slot * p->slot_bytes;
    int64_t row = slot / p->column_tasks * p->task_rows, column = slot % p->column_tasks * p->task_columns;
    mz_area task = {row, column, min64(p->task_rows, p->m - row), min64(p->task_columns, p->n - column)};
    run_area(p, (float *)(void *)own, own + p->b_bytes, &task, at);
  }
}

static mezzo_status run(const mz_call *call) {
  return mz_parallel(call->plan, call->plan->u.matmul.slots, 1, body, (void *)(uintptr_t)call);
}

/* to[place of a pair][MZ_DOT_COLUMNS][2], in panels: two rows of B, or one and 0, side by side. */
static void pack_rows(const mz_matmul *p, uint16_t *to, const char *from) {
  uint16_t row[2][MZ_BLOCK];
  int64_t panel = panel_bytes(p, MZ_DOT_COLUMNS) / 2;
  for (int64_t i = 0; i < p->k; i += 2) {
    for (int64_t j = 0; j < p->n; j += MZ_BLOCK) {
      int64_t n = min64(MZ_BLOCK, p->n - j);
      const char *at = from + i * p->b_stride[0] + j * p->b_stride[1];
      memset(row, 0, sizeof row);
      p->load_b(row[0], at, p->b_stride[1], n);
      if (i + 1 < p->k) p->load_b(row[1], at + p->b_stride[0], p->b_stride[1], n);
      for (int64_t c = 0; c < n; c += MZ_DOT_COLUMNS) {
        uint16_t *pairs = to + (j + c) / MZ_DOT_COLUMNS * panel + i * MZ_DOT_COLUMNS;
        for (int l = 0; l < MZ_DOT_COLUMNS; l++) {
          pairs[2 * l] = row[0][c + l];
          pairs[2 * l + 1] = row[1][c + l];
        }
      }
    }
  }
}

/* The same of a B whose columns are runs. */
static void pack_columns(const mz_matmul *p, uint16_t *to, const char *from) {
  uint16_t column[MZ_BLOCK];
  int64_t panel = panel_bytes(p, MZ_DOT_COLUMNS) / 2;
  for (int64_t j = 0; j < p->n; j++) {
    uint16_t *lane = to + j / MZ_DOT_COLUMNS * panel + j % MZ_DOT_COLUMNS * 2;
    for (int64_t i = 0; i < p->k; i += MZ_BLOCK) {
      int64_t n = min64(MZ_BLOCK, p->k - i);
      p->load_b(column, from + i * p->b_stride[0] + j * p->b_stride[1], p->b_stride[0], n);
      for (int64_t l = 0; l < n; l++) lane[(i + l) / 2 * 2 * MZ_DOT_COLUMNS + (i + l) % 2] = column[l];
    }
  }
}

static int64_t magnitude(int64_t x) { return x < 0 ? -x : x; }

static void pack(const mz_plan *plan, const mezzo_tensor *b, void *to) {
  const mz_matmul *p = &plan->u.matmul;
  memset(to, 0, (size_t)plan->packed_bytes);
  bool has_rows = magnitude(p->b_stride[1]) <= magnitude(p->b_stride[0]);
  (has_rows ? pack_rows : pack_columns)(p, to, (const char *)b->data + b->byte_offset);
}

/* What is not cut is read by every thread. */
static void plan_tasks(mz_plan *plan) {
  mz_matmul *p = &plan->u.matmul;
  double m = (double)p->m, elements = (double)p->n * (double)p->k;
  double alone = 2 * m * elements / (double)RATE + 2 * elements / (double)STREAM;
  bool shares = plan->host->parallel_for != NULL && plan->threads > 1 && alone > (double)ALONE;
  int64_t threads = shares ? plan->threads : 1;
  bool splits_rows = p->m > p->n && p->m >= MZ_DOT_ROWS * threads;
  p->task_rows = splits_rows ? round_up(divide_up(p->m, threads), MZ_DOT_ROWS) : p->m;
  p->task_columns = splits_rows ? p->n : round_up(divide_up(p->n, threads), MZ_DOT_COLUMNS);
  p->row_tasks = divide_up(p->m, p->task_rows);
  p->column_tasks = divide_up(p->n, p->task_columns);
  p->slots = p->row_tasks * p->column_tasks;
  p->block_rows = min64(p->task_rows, BLOCK_ROWS);
  p->block_columns = min64(p->task_columns, BLOCK_COLUMNS);
}

mezzo_status mz_plan_dots(mz_request *r, bool *takes) {
  mz_plan *plan = r->plan;
  mz_matmul *p = &plan->u.matmul;
  const mz_operand *a = &plan->operand[0];
  p->dots = mz_dot_tiles_bfloat16();
  bool is_run = p->k == 1 || p->a_stride[1] == a->size;
  *takes = p->dots != NULL && plan->may_flush && p->packs_b && a->dtype == MZ_BF16 && is_run;
  if (!*takes) return MEZZO_OK;
  p->b_element = a->size;
  p->load_b = mz_load_raw(a->size);
  mz_take_bias(r, p);
  p->stores_sums = p->n_steps == 0 && p->alpha == 1 && p->beta == 0 && p->c_stride[1] == plan->operand[plan->n_in].size;
  plan_tasks(plan);
  int64_t padded_k, packed;
  bool fits = !__builtin_mul_overflow(divide_up(p->k, 2), 2 * p->b_element, &padded_k) &&
              !__builtin_mul_overflow(padded_k, round_up(p->n, MZ_DOT_COLUMNS), &packed);
  if (!fits)
    return mz_refuse(r->err, MEZZO_UNSUPPORTED, MEZZO_WHY_LIMIT, 1, "a packed form of %lld columns exceeds 2^63 bytes",
                     (long long)p->n);
  int64_t columns = round_up(p->block_columns, MZ_DOT_COLUMNS);
  p->b_bytes = columns * (int64_t)sizeof(float);
  p->slot_bytes = (1 + (p->stores_sums ? 0 : p->block_rows)) * p->b_bytes;
  plan->workspace = (uint64_t)(p->slot_bytes * p->slots);
  plan->pack = pack;
  plan->packed_bytes = (uint64_t)packed;
  plan->pack_key[0] = UINT64_C(0x6d657a7a6f2d6470); /* "mezzo-dp" */
  plan->pack_key[1] = MZ_DOT_COLUMNS;
  plan->run = run;
  return MEZZO_OK;
}
