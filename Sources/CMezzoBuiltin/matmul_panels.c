/* Products by panels of B: rows of A are read where they are if they lie well, B where it is or from panels of 16 columns, and sums
 * stay in registers over all of k, or over long chunks of it. Threads share out rows or columns, never k, so that their number does not change a bit. */
#include <string.h>
#include "counts.h"
#include "matmul.h"
#include "panel_tiles.h"
#include "tasks.h"

enum {
  BLOCK_ROWS = 128,        /* of A, which stay in the second cache */
  BLOCK_COLUMNS = 384,     /* whole tiles, and whole steps of what finishes a row */
  LEAST_COLUMNS = 48,      /* of a block whose panels are made at each call: one tile's */
  PANELS = 1 << 18,        /* bytes of such a block, for longer k */
  PANELS_OF_STAGED = 1 << 21, /* where rows of A would be converted again for each such block */
  CHUNK = 512,             /* of k that is summed at once, at most, in float */
  FEW_ROWS = 256,          /* that do not pay for panels made of rows of B that are there */
  FEW_PLACES = 256,        /* of k, whose rows can be read at any distance */
  LINE = 64,               /* bytes of a cache's */
  ALONE = 3000,            /* nanoseconds below which another thread costs more than it brings */
  RATE = 250,              /* operations a nanosecond, of one thread, in float */
  STREAM = 60,             /* bytes of B a nanosecond */
  LARGEST_K = 1 << 30
};

/* Of panels of so many rows or columns each: a line more than they hold, so that they do not meet in a few lines of a cache. */
static int64_t panels_bytes(const mz_matmul *p, int64_t lanes, int64_t of) {
  return divide_up(lanes, of) * (round_up(p->k, p->tiles->group) * of * p->b_element + 64);
}

static int64_t panel_bytes(const mz_matmul *p) { return panels_bytes(p, MZ_PANEL, MZ_PANEL); }

/* Rows of A as tiles read them. */
typedef struct {
  const char *at;
  int64_t row, place, panel; /* bytes from one to the next; MZ_PANEL_ROWS are a panel */
  int64_t rows;              /* that are there */
} rows_of_a;

static const char *row_of(const rows_of_a *a, int64_t row) {
  return a->at + row / MZ_PANEL_ROWS * a->panel + row % MZ_PANEL_ROWS * a->row;
}

static mz_tile_ahead here_again(const char *at) { return (mz_tile_ahead){.at = at, .end = at + 1}; }

/* The rows of the next tile, which this one has time to fetch where they are runs. */
static mz_tile_ahead rows_behind(const rows_of_a *a, int64_t row, int64_t tall, int64_t length, int64_t group) {
  const char *next = row_of(a, row + tall);
  int64_t run = length * a->place;
  return (mz_tile_ahead){next, next + run, run, a->row - run, tall * a->place * group};
}

/* A part of the panels behind these, which rows `row` to row + tall of `rows` have time to fetch. */
static mz_tile_ahead panels_behind(const mz_tile_panels *b, int64_t wide, int64_t places, int64_t row, int64_t tall, int64_t rows) {
  int64_t run = places * b->step, bytes = wide * run, from = bytes / rows * row;
  const char *panel = b->at + (wide + from / run) * b->panel;
  return (mz_tile_ahead){panel + from % run, panel + run, run, b->panel - run, min64(divide_up(bytes * tall, rows * places), LINE)};
}

/* Tiles of about the same size: a few rows behind large tiles would wait for B. */
static void multiply_chunk(const mz_matmul *p, const rows_of_a *a, int64_t length, const mz_tile_panels *b, const mz_tile_sums *start,
                           const mz_tile_sums *sums, int64_t rows) {
  static const int64_t from_its_start = 0;
  const mz_panel_tiles *tiles = p->tiles;
  int64_t panels = divide_up(sums->columns, MZ_PANEL), size = sums->kind == MZ_SUMS_F32 ? 4 : 2;
  int64_t most = tiles->panels[divide_up(rows, divide_up(rows, MZ_PANEL_ROWS))];
  mz_tile_rows tile = {.run = &from_its_start, .runs = 1, .length = length, .step = a->place * tiles->group};
  for (int64_t j = 0, wide; j < panels; j += wide) {
    wide = divide_up(panels - j, divide_up(panels - j, most));
    mz_tile_panels here = {b->at + j * b->panel, b->step, b->panel};
    for (int64_t i = 0, tall; i < rows; i += tall) {
      tall = divide_up(rows - i, divide_up(rows - i, MZ_PANEL_ROWS));
      for (int64_t r = 0; r < tall; r++) tile.row[r] = row_of(a, i + r);
      bool is_first = j == 0 && i + tall < a->rows && (a->place <= a->row || p->stages_a);
      tile.ahead = is_first    ? rows_behind(a, i, tall, length, tiles->group)
                   : p->packs_b ? panels_behind(&here, wide, divide_up(length, tiles->group), i, tall, rows)
                                : here_again(tile.row[0]);
      int64_t column = j * MZ_PANEL;
      mz_tile_sums to = *sums;
      to.at += i * sums->stride + column * size;
      to.columns -= column;
      tiles->tile[tall][wide](&tile, &here, start->at + i * start->stride + column * 4, start->stride, &to);
    }
  }
}

/* Chunks of k, so that the rows and panels that meet stay in the second cache; all but the first begin with the sums so far. */
static void multiply(const mz_matmul *p, const rows_of_a *a, const mz_tile_panels *b, float *bias, const mz_tile_sums *sums,
                     int64_t rows) {
  mz_tile_sums start = {.at = (char *)bias};
  for (int64_t k = 0; k < p->k; k += p->chunk) {
    mz_tile_sums to = *sums;
    int64_t length = min64(p->chunk, p->k - k);
    to.has_relu = sums->has_relu && k + length == p->k;
    rows_of_a from = *a;
    from.at += k * a->place;
    mz_tile_panels panels = {b->at + k / p->tiles->group * b->step, b->step, b->panel};
    multiply_chunk(p, &from, length, &panels, &start, &to, rows);
    start = *sums;
  }
}

/* Of one thread. */
typedef struct {
  float *bias;
  char *acc, *b, *a;
} scratch;

static scratch scratch_at(const mz_matmul *p, char *at) {
  int64_t row_bytes = round_up(p->block_columns, MZ_PANEL) * (int64_t)sizeof(float);
  char *acc = at + row_bytes, *b = acc + (p->sums_in_result ? 0 : p->block_rows * row_bytes);
  return (scratch){(float *)(void *)at, acc, b, b + p->b_bytes};
}

/* What stands for rows of A in the tiles' type, or lies so that they fit into the cache. */
static rows_of_a stage(const mz_matmul *p, char *to, const char *from, int64_t rows) {
  if (!p->stages_a) return (rows_of_a){from, p->a_stride[0], p->a_stride[1], MZ_PANEL_ROWS * p->a_stride[0], rows};
  if (p->staged_by_places) {
    int64_t panel = panels_bytes(p, MZ_PANEL_ROWS, MZ_PANEL_ROWS);
    mz_panel_packing_of(p->narrow)->places((float *)(void *)to, panel / 4, from, p->a_stride[1], rows, p->k);
    return (rows_of_a){to, sizeof(float), MZ_PANEL_ROWS * sizeof(float), panel, rows};
  }
  for (int64_t r = 0; r < rows; r++) p->load(to + r * p->staged_stride, from + r * p->a_stride[0], p->a_stride[1], p->k);
  return (rows_of_a){to, p->staged_stride, sizeof(float), MZ_PANEL_ROWS * p->staged_stride, rows};
}

static void pack_float(const mz_matmul *p, void *to, const char *from, int64_t columns) {
  const mz_panel_packing *packing = mz_panel_packing_of(p->narrow);
  int64_t size = p->narrow == MZ_SUMS_F32 ? 4 : 2, panel = panel_bytes(p);
  if (p->b_stride[1] == size) {
    packing->rows(to, panel / 4, MZ_PANEL, from, p->b_stride[0], columns, p->k);
  } else if (p->b_stride[0] == size) {
    packing->columns(to, panel / 4, MZ_PANEL, from, p->b_stride[1], columns, p->k);
  } else {
    mz_packing any = {from, p->b_stride[1], p->b_stride[0], p->load};
    for (int64_t j = 0; j < columns; j += MZ_PANEL, any.from += MZ_PANEL * p->b_stride[1])
      mz_pack((char *)to + j / MZ_PANEL * panel, sizeof(float), MZ_PANEL, &any, min64(MZ_PANEL, columns - j), p->k);
  }
}

/* Columns of B as panels: as they are in memory, packed before or packed now; those beyond the last panel that is whole in memory
 * in one of their own, so that nothing behind B is read. */
typedef struct {
  mz_tile_panels whole, rest;
  int64_t in_whole;
} panels_of_b;

static panels_of_b panels_of(const mz_matmul *p, const scratch *s, const char *b, int64_t column, int64_t columns) {
  mz_tile_panels packed = {s->b, MZ_PANEL * p->tiles->group * p->b_element, panel_bytes(p)};
  if (p->packs_b) {
    packed.at = b + column / MZ_PANEL * packed.panel;
    return (panels_of_b){packed, packed, columns};
  }
  const char *from = b + column * p->b_stride[1];
  int64_t in_place = p->b_in_place ? columns / MZ_PANEL * MZ_PANEL : 0;
  if (in_place < columns) pack_float(p, s->b, from + in_place * p->b_stride[1], columns - in_place);
  if (in_place == 0) return (panels_of_b){packed, packed, columns};
  return (panels_of_b){{from, p->b_stride[0], MZ_PANEL * p->b_element}, packed, in_place};
}

/* Of a block of them, that begins with a whole panel. */
static panels_of_b columns_of(const panels_of_b *all, int64_t column, int64_t columns) {
  panels_of_b some = *all;
  some.whole.at += column / MZ_PANEL * all->whole.panel;
  some.in_whole = max64(min64(all->in_whole - column, columns), 0);
  return some;
}

static void run_block(const mz_matmul *p, const scratch *s, const rows_of_a *a, const panels_of_b *b, const mz_area *block,
                      char *const *at) {
  mz_tile_sums sums = {s->acc, round_up(p->block_columns, MZ_PANEL) * (int64_t)sizeof(float), b->in_whole, MZ_SUMS_F32, p->has_relu};
  if (p->sums_in_result) {
    sums.at = at[2] + block->row * p->c_stride[0] + block->column * p->c_stride[1];
    sums.stride = p->c_stride[0];
    sums.kind = p->sums_kind;
  }
  if (b->in_whole > 0) multiply(p, a, &b->whole, s->bias, &sums, block->rows);
  if (b->in_whole < block->columns) {
    mz_tile_sums more = sums;
    more.at += b->in_whole * (sums.kind == MZ_SUMS_F32 ? 4 : 2);
    more.columns = block->columns - b->in_whole;
    multiply(p, a, &b->rest, s->bias + b->in_whole, &more, block->rows);
  }
  if (p->stores_sums) return;
  for (int64_t r = 0; r < block->rows; r++)
    mz_finish_row(p, at, s->acc + r * sums.stride, block->row + r, block->column, p->sums_in_result ? block->columns : 0,
                  block->columns);
}

/* The rows at hand times the columns whose panels are. at: A, B, C, the steps' operands. */
static void run_rows(const mz_matmul *p, const scratch *s, const rows_of_a *all, const panels_of_b *panels, const mz_area *part,
                     char *const *at, const char *bias) {
  for (int64_t j = 0; j < part->columns; j += p->block_columns) {
    mz_area block = {.column = part->column + j, .columns = min64(p->block_columns, part->columns - j)};
    panels_of_b b = columns_of(panels, j, block.columns);
    if (p->bias.operand >= 0)
      p->bias.load(s->bias, bias + block.column * p->bias.column_stride, p->bias.column_stride, block.columns);
    for (int64_t r = 0; r < part->rows; r += p->block_rows) {
      rows_of_a a = *all;
      a.at = row_of(all, r);
      a.rows -= r;
      block.row = part->row + r;
      block.rows = min64(p->block_rows, part->rows - r);
      run_block(p, s, &a, &b, &block, at);
    }
  }
}

static void run_area(const mz_matmul *p, const scratch *s, const mz_area *task, char *const *at, const char *bias) {
  memset(s->bias, 0, (size_t)round_up(p->block_columns, MZ_PANEL) * sizeof(float));
  for (int64_t j = 0; j < task->columns; j += p->pack_columns) {
    mz_area part = {.column = task->column + j, .columns = min64(p->pack_columns, task->columns - j)};
    panels_of_b b = panels_of(p, s, at[1], part.column, part.columns);
    for (int64_t i = 0; i < task->rows; i += p->staged_rows) {
      part.row = task->row + i;
      part.rows = min64(p->staged_rows, task->rows - i);
      rows_of_a a = stage(p, s->a, at[0] + part.row * p->a_stride[0], part.rows);
      run_rows(p, s, &a, &b, &part, at, bias);
    }
  }
}

/* Tasks of a thread that follow each other read the same columns of B, which are in its cache then. */
static mz_area area_of(const mz_matmul *p, int64_t task) {
  int64_t part = p->rows_a_part * p->column_tasks, in_part = task % part;
  int64_t row = (task / part * p->rows_a_part + in_part % p->rows_a_part) * p->task_rows;
  int64_t column = in_part / p->rows_a_part * p->task_columns;
  return (mz_area){row, column, min64(p->task_rows, p->m - row), min64(p->task_columns, p->n - column)};
}

static void body(void *user, uint64_t begin, uint64_t end, uint32_t worker) {
  (void)worker;
  mz_tasks *tasks = user;
  const mz_call *call = tasks->call;
  const mz_matmul *p = &call->plan->u.matmul;
  char *base[MZ_MAX_MAPPED], *at[MZ_MAX_MAPPED];
  mz_find_operands(call, base);
  const char *bias = p->bias.operand >= 0 ? call->at[p->bias.operand] : NULL;
  int64_t per_batch = p->row_tasks * p->column_tasks;
  for (int64_t slot = (int64_t)begin; slot < (int64_t)end; slot++) {
    scratch s = scratch_at(p, call->workspace + slot * p->slot_bytes);
    for (int64_t task; (task = mz_next_task(tasks, slot)) >= 0;) {
      mz_space_seek(&p->batches, task / per_batch, base, at);
      mz_area area = area_of(p, task % per_batch);
      if (area.rows > 0) run_area(p, &s, &area, at, bias);
    }
  }
}

static mezzo_status run(const mz_call *call) {
  const mz_matmul *p = &call->plan->u.matmul;
  return mz_run_tasks(call, p->batches.count * p->row_tasks * p->column_tasks, p->slots, body);
}

/* to[place of a pair][MZ_PANEL][2], in panels: two rows of B, or one and 0, side by side. */
static void pack_rows(const mz_matmul *p, uint16_t *to, const char *from) {
  uint16_t row[2][MZ_BLOCK];
  int64_t panel = panel_bytes(p) / 2;
  if (p->b_stride[1] == p->b_element) {
    mz_pack_pairs((float *)(void *)to, panel / 2, MZ_PANEL, from, p->b_stride[0], p->n, p->k);
    return;
  }
  for (int64_t i = 0; i < p->k; i += 2) {
    for (int64_t j = 0; j < p->n; j += MZ_BLOCK) {
      int64_t n = min64(MZ_BLOCK, p->n - j);
      const char *at = from + i * p->b_stride[0] + j * p->b_stride[1];
      memset(row, 0, sizeof row);
      p->load_b(row[0], at, p->b_stride[1], n);
      if (i + 1 < p->k) p->load_b(row[1], at + p->b_stride[0], p->b_stride[1], n);
      for (int64_t c = 0; c < n; c += MZ_PANEL) {
        uint16_t *pairs = to + (j + c) / MZ_PANEL * panel + i * MZ_PANEL;
        for (int l = 0; l < MZ_PANEL; l++) {
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
  int64_t panel = panel_bytes(p) / 2;
  for (int64_t j = 0; j < p->n; j++) {
    uint16_t *lane = to + j / MZ_PANEL * panel + j % MZ_PANEL * 2;
    for (int64_t i = 0; i < p->k; i += MZ_BLOCK) {
      int64_t n = min64(MZ_BLOCK, p->k - i);
      p->load_b(column, from + i * p->b_stride[0] + j * p->b_stride[1], p->b_stride[0], n);
      for (int64_t l = 0; l < n; l++) lane[(i + l) / 2 * 2 * MZ_PANEL + (i + l) % 2] = column[l];
    }
  }
}

static void pack(const mz_plan *plan, const mezzo_tensor *b, void *to) {
  const mz_matmul *p = &plan->u.matmul;
  const char *from = (const char *)b->data + b->byte_offset;
  memset(to, 0, (size_t)plan->packed_bytes);
  if (p->tiles->group == 1) {
    pack_float(p, to, from, p->n);
    return;
  }
  bool has_rows = magnitude(p->b_stride[1]) <= magnitude(p->b_stride[0]);
  (has_rows ? pack_rows : pack_columns)(p, to, from);
}

/* What each thread would prepare is cut, else the longer side: what is not cut is read, or prepared, by every thread. */
static bool cuts_rows(const mz_matmul *p, int64_t parts) {
  bool prepares_b = !p->packs_b && !p->b_in_place, can = p->m >= MZ_PANEL_ROWS * parts;
  if (prepares_b == p->stages_a) return can && p->m > p->n;
  return prepares_b ? can && p->n < LEAST_COLUMNS * parts : can;
}

static void plan_tasks(mz_plan *plan) {
  mz_matmul *p = &plan->u.matmul;
  int64_t batches = p->batches.count;
  double m = (double)p->m, elements = (double)p->n * (double)p->k, rate = (double)RATE * p->tiles->group;
  double alone = (double)batches * (2 * m * elements / rate + (double)p->b_element * elements / (double)STREAM);
  bool shares = plan->host->parallel_for != NULL && plan->threads > 1 && alone > (double)ALONE;
  int64_t threads = shares ? plan->threads : 1, parts = divide_up(threads, batches);
  bool by_rows = cuts_rows(p, parts), prepares_b = !p->packs_b && !p->b_in_place;
  p->task_rows = by_rows ? round_up(divide_up(p->m, parts), MZ_PANEL_ROWS) : p->m;
  p->task_columns = by_rows ? p->n : round_up(divide_up(p->n, parts), MZ_PANEL);
  p->rows_a_part = 1;
  if (by_rows && !prepares_b && p->task_rows >= 2 * BLOCK_ROWS) {
    p->rows_a_part = divide_up(p->task_rows, BLOCK_ROWS);
    p->task_rows = round_up(divide_up(p->task_rows, p->rows_a_part), MZ_PANEL_ROWS);
    if (!p->stages_a) p->task_columns = min64(p->n, BLOCK_COLUMNS);
  }
  p->row_tasks = round_up(divide_up(p->m, p->task_rows), p->rows_a_part);
  p->column_tasks = divide_up(p->n, p->task_columns);
  p->slots = min64(threads, batches * p->row_tasks * p->column_tasks);
}

static void plan_blocks(mz_matmul *p) {
  int64_t k_bytes = p->k * (int64_t)sizeof(float), panels = p->stages_a ? PANELS_OF_STAGED : PANELS;
  bool packs_now = !p->packs_b && !p->b_in_place;
  p->block_rows = min64(p->task_rows, BLOCK_ROWS);
  p->pack_columns = packs_now ? min64(p->task_columns, max64(panels / k_bytes / LEAST_COLUMNS, 1) * LEAST_COLUMNS) : p->task_columns;
  p->block_columns = min64(p->pack_columns, BLOCK_COLUMNS);
  p->b_bytes = p->packs_b ? 0 : panels_bytes(p, packs_now ? p->pack_columns : MZ_PANEL, MZ_PANEL);
  p->staged_rows = p->stages_a ? p->block_rows : p->task_rows;
  p->staged_by_places = p->m > 1 && p->a_stride[0] == (p->narrow == MZ_SUMS_F32 ? 4 : 2);
  p->staged_stride = round_up(k_bytes, 64) + 64;
  p->a_bytes = !p->stages_a          ? 0
               : p->staged_by_places ? panels_bytes(p, round_up(p->staged_rows, 2 * MZ_PANEL_ROWS), MZ_PANEL_ROWS)
                                     : p->staged_stride * p->staged_rows;
  p->a_bytes = round_up(p->a_bytes, 64);
  int64_t row_bytes = round_up(p->block_columns, MZ_PANEL) * (int64_t)sizeof(float);
  p->slot_bytes = row_bytes * (1 + (p->sums_in_result ? 0 : p->block_rows)) + p->b_bytes + p->a_bytes;
}

/* Which tiles, and how they read A and B. */
static bool choose_tiles(const mz_plan *plan, mz_matmul *p) {
  const mz_operand *a = &plan->operand[0];
  bool is_run = p->k == 1 || p->a_stride[1] == a->size;
  p->tiles = a->dtype == MZ_BF16 && plan->may_flush && p->packs_b && is_run ? mz_panel_tiles_bfloat16() : NULL;
  p->stages_a = p->b_in_place = false;
  p->chunk = p->k;
  if (p->tiles != NULL) {
    p->b_element = a->size;
    p->load_b = mz_load_raw(a->size);
    return true;
  }
  p->tiles = mz_panel_tiles_float();
  /* Few rows wait for B, which is shorter in 16 bits; one alone has a loop over many panels at once. */
  bool is_float = a->dtype == MZ_F32, has_better = p->packs_b && p->m < (is_float ? 2 : MZ_PANEL_ROWS / 2);
  if (p->tiles == NULL || p->element != sizeof(float) || has_better) return false;
  p->b_element = sizeof(float);
  p->narrow = a->dtype == MZ_F16 ? MZ_SUMS_F16 : a->dtype == MZ_BF16 ? MZ_SUMS_BF16 : MZ_SUMS_F32;
  p->stages_a = !is_float || (p->a_stride[1] != a->size && p->k > FEW_PLACES);
  p->b_in_place = !p->packs_b && is_float && p->b_stride[1] == p->b_element && (p->stages_a || p->m <= FEW_ROWS || p->k <= FEW_PLACES);
  p->chunk = divide_up(p->k, divide_up(p->k, CHUNK));
  return true;
}

mezzo_status mz_plan_panels(mz_request *r, bool *takes) {
  mz_plan *plan = r->plan;
  mz_matmul *p = &plan->u.matmul;
  const mz_operand *c = &plan->operand[plan->n_in];
  *takes = p->m > 0 && p->n > 0 && p->k > 0 && p->k <= LARGEST_K && p->batches.count > 0 && choose_tiles(plan, p);
  if (!*takes) return MEZZO_OK;
  mz_take_bias(r, p);
  p->has_relu = mz_take_relu(r, p);
  p->sums_kind = c->dtype == MZ_F16 ? MZ_SUMS_F16 : c->dtype == MZ_BF16 ? MZ_SUMS_BF16 : MZ_SUMS_F32;
  bool is_plain = p->alpha == 1 && p->beta == 0 && p->c_stride[1] == c->size;
  p->stores_sums = is_plain && p->n_steps == 0 && p->tiles->stores[p->sums_kind] && (p->chunk == p->k || c->dtype == MZ_F32);
  p->sums_in_result = p->stores_sums || (is_plain && c->dtype == MZ_F32);
  plan_tasks(plan);
  plan_blocks(p);
  int64_t packed = 0, total;
  bool fits = !__builtin_mul_overflow(panel_bytes(p), divide_up(p->n, MZ_PANEL), &packed) &&
              !__builtin_mul_overflow(p->slot_bytes, p->slots, &total);
  if (!fits)
    return mz_refuse(r->err, MEZZO_UNSUPPORTED, MEZZO_WHY_LIMIT, 1, "a packed form of %lld columns exceeds 2^63 bytes",
                     (long long)p->n);
  plan->workspace = (uint64_t)total;
  if (p->packs_b) {
    plan->pack = pack;
    plan->packed_bytes = (uint64_t)packed;
    plan->pack_key[0] = UINT64_C(0x6d657a7a6f2d7070); /* "mezzo-pp" */
    plan->pack_key[1] = MZ_PANEL << 8 | p->tiles->group;
  }
  plan->run = run;
  return MEZZO_OK;
}
