/* The gradient of a convolution by its kernel, as a product whose A is never there: each tap and channel is a row that begins
 * somewhere in x, and rows of places are its runs; B is the gradient by the result as it lies. Fixed chunks of the batch are summed
 * apart and added up in order, so that the number of threads does not change a bit of the result. */
#include "counts.h"
#include "boxes.h"
#include "convolution_panels.h"
#include "panel_tiles.h"
#include <string.h>
#include "tasks.h"

enum {
  PLACES = 144,     /* about, that a tile sums at once: the panels it reads stay in the first cache */
  CHUNKS = 8,
  SUMS = 1 << 20,   /* bytes of sums that are added up, at most; of larger ones threads share rows */
  COPY = 1 << 18,   /* bytes of x in float that stay in the second cache */
  MOST_COPIED = 1 << 24, /* of an image: each thread has one */
  FAIR = 4,         /* chunks for each thread beyond which one more or less does not count */
  ROWS = 16,        /* that are added up at once */
  ALONE = 1000000   /* operations below which threads cost more than they bring */
};

static const float zeros[MZ_PANELS * MZ_PANEL]; /* what the first sums begin with, of any row */

static int64_t bytes_of(int64_t floats) { return floats * (int64_t)sizeof(float); }

/* Places are taken by lines, those of the last axis, several at once or cut. */
typedef struct {
  int64_t line, lines; /* places of a line; lines of an image */
  int64_t taken;       /* lines at once, if they are not cut */
  int64_t cuts, cut;   /* parts of a line, and their places */
} lines;

static lines lines_of(const mz_gather *g) {
  int last = g->axes - 1;
  lines l = {.line = g->place[last], .lines = 1};
  for (int axis = 0; axis < last; axis++) l.lines *= g->place[axis];
  l.cuts = divide_up(l.line, 2 * PLACES) > 1 ? divide_up(l.line, PLACES) : 1;
  l.cut = divide_up(l.line, l.cuts);
  l.taken = l.cuts > 1 ? 1 : max64(PLACES / l.line, 1);
  return l;
}

/* Floats of a row of B and of sums: whole panels. */
static int64_t width_of(const mz_convolution *c) { return round_up(c->product.n, MZ_PANEL); }

/* In workspace that all share: where the rows of A begin, then the sums of all chunks. */
static int64_t *rows_of(const mz_call *call) {
  const mz_matmul *p = &call->plan->u.convolution.product;
  return (int64_t *)(void *)(call->workspace + p->slots * p->slot_bytes);
}

static int64_t rows_bytes(const mz_matmul *p) { return round_up(p->m * (int64_t)sizeof(int64_t), 64); }

static float *sums_of(const mz_call *call, int64_t chunk) {
  const mz_convolution *c = &call->plan->u.convolution;
  if (chunk == 0 && c->product.is_direct) return (float *)(void *)call->at[c->into];
  return (float *)(void *)((char *)rows_of(call) + rows_bytes(&c->product) + (chunk - c->product.is_direct) * c->sums_bytes);
}

MZ_CLONES static void add(float *to, const float *from, int64_t n) {
  for (int64_t i = 0; i < n; i++) to[i] += from[i];
}

/* Places that are summed at once, and what is to be fetched meanwhile: the same of those behind them. */
typedef struct {
  const char *x, *b;
  int64_t runs, length;
  const char *fetch[2];
  int64_t bytes[2];
} piece;

typedef struct {
  int64_t *run;
  char *b, *copy;
} scratch;

/* The rows of a block, by all columns. */
static void multiply(const mz_call *call, const piece *of, const scratch *own, int64_t begin, int64_t end, float *sums, bool adds) {
  const mz_convolution *c = &call->plan->u.convolution;
  const mz_matmul *p = &c->product;
  const mz_gather *g = &c->gather;
  const int64_t *row = rows_of(call);
  int64_t panels = divide_up(p->n, MZ_PANEL), tall = divide_up(end - begin, divide_up(end - begin, MZ_PANEL_ROWS));
  int64_t most = c->tiles->panels[tall], tiles = divide_up(end - begin, tall) * divide_up(panels, most), tile = 0;
  int64_t share = divide_up(of->bytes[0] + of->bytes[1], tiles);
  int64_t places = of->runs * of->length, fetched = divide_up(share, places), width = bytes_of(width_of(c));
  _Alignas(64) mz_tile_rows a = {.run = own->run, .runs = of->runs, .length = of->length,
                                 .step = g->step[g->axes - 1] * c->held.stride[g->axes - 1]};
  for (int64_t j = 0, wide; j < panels; j += wide) {
    wide = divide_up(panels - j, divide_up(panels - j, most));
    int64_t column = bytes_of(j * MZ_PANEL);
    mz_tile_panels b = {of->b + column, width, bytes_of(MZ_PANEL)};
    for (int64_t i = begin; i < end; i += tall, tile++) {
      tall = divide_up(end - i, divide_up(end - i, MZ_PANEL_ROWS));
      for (int64_t r = 0; r < tall; r++) a.row[r] = of->x + row[i + r];
      int64_t at = tile * share;
      const char *ahead = at < of->bytes[0] ? of->fetch[0] + at : of->fetch[1] + (at - of->bytes[0]);
      a.ahead = (mz_tile_ahead){.at = ahead, .end = ahead + places * fetched + 1, .step = fetched};
      mz_tile_sums to = {(char *)sums + i * width + column, width, wide * MZ_PANEL, .kind = MZ_SUMS_F32};
      c->tiles->tile[tall][wide](&a, &b, adds ? to.at : (const char *)zeros, adds ? width : 0, &to);
    }
  }
}

/* Where lines of places begin in x. */
static void find_runs(const mz_convolution *c, const lines *l, int64_t first, int64_t n, int64_t *run) {
  const mz_gather *g = &c->gather;
  for (int64_t i = 0; i < n; i++) {
    int64_t left = (first + i) % l->lines;
    run[i] = (first + i) / l->lines * c->held.image;
    for (int axis = g->axes - 2; axis >= 0; axis--) {
      run[i] += left % g->place[axis] * g->step[axis] * c->held.stride[axis];
      left /= g->place[axis];
    }
  }
}

/* Rows of B in float, of whole panels. */
static void copy_other(const mz_convolution *c, const char *from, int64_t places, char *to) {
  const mz_matmul *p = &c->product;
  int64_t width = bytes_of(width_of(c)), there = bytes_of(p->n);
  if (there == width) {
    p->load(to, from, c->other_lane, places * p->n);
    return;
  }
  for (int64_t i = 0; i < places; i++, to += width, from += c->other_k) {
    p->load(to, from, c->other_lane, p->n);
    memset(to + there, 0, (size_t)(width - there));
  }
}

/* Images that lie one behind the other as windows see them. */
static void sum_images(const mz_call *call, const char *x, const char *other, int64_t images, const scratch *own, int64_t block,
                       float *sums, bool adds) {
  const mz_convolution *c = &call->plan->u.convolution;
  const mz_matmul *p = &c->product;
  const mz_gather *g = &c->gather;
  lines l = lines_of(g);
  int64_t begin = block * p->block_rows, end = min64(begin + p->block_rows, p->m);
  int64_t last = l.lines * images, step = g->step[g->axes - 1] * c->held.stride[g->axes - 1];
  int64_t line_bytes = g->axes > 1 ? g->step[g->axes - 2] * c->held.stride[g->axes - 2] : 0;
  for (int64_t line = 0, taken; line < last; line += taken) {
    taken = min64(l.taken, last - line);
    find_runs(c, &l, line, taken, own->run);
    int64_t first_run = own->run[0];
    for (int64_t run = 1; run < taken; run++) own->run[run] -= first_run;
    own->run[0] = 0;
    for (int64_t at = 0; at < l.line; at += l.cut) {
      int64_t length = min64(l.cut, l.line - at), places = taken * length;
      const char *b = other + (line * l.line + at) * c->other_k, *next = b + places * c->other_k;
      piece of = {.x = x + first_run + at * step, .b = b, .runs = taken, .length = length};
      of.fetch[0] = next;
      of.bytes[0] = line + taken < last ? places * c->other_k : 0;
      of.fetch[1] = of.x + rows_of(call)[p->m - 1] + taken * line_bytes;
      of.bytes[1] = c->held.is_copy || of.bytes[0] == 0 ? 0 : taken * line_bytes;
      if (c->copies_other) {
        copy_other(c, b, places, own->b);
        of.b = own->b;
      }
      multiply(call, &of, own, begin, end, sums, adds);
      adds = true;
    }
  }
}

static void body(void *user, uint64_t begin, uint64_t end, uint32_t worker) {
  (void)worker;
  mz_tasks *tasks = user;
  const mz_call *call = tasks->call;
  const mz_convolution *c = &call->plan->u.convolution;
  const mz_matmul *p = &c->product;
  const mz_gather *g = &c->gather;
  int64_t batch = call->plan->operand[c->from].shape[0], image = mz_image_bytes(g), other = p->k / batch * c->other_k;
  for (int64_t slot = (int64_t)begin; slot < (int64_t)end; slot++) {
    char *at = call->workspace + slot * p->slot_bytes, *b = at + mz_runs_bytes(c);
    scratch own = {(int64_t *)(void *)at, b, b + round_up(p->b_bytes, 64)};
    for (int64_t task; (task = mz_next_task(tasks, slot)) >= 0;) {
      int64_t chunk = task / c->blocks, first = chunk * c->chunk, last = min64(first + c->chunk, batch);
      for (int64_t i = first; i < last; i += c->held.unit) {
        int64_t images = min64(c->held.unit, last - i);
        const char *x = call->at[c->from] + i * image;
        if (c->held.is_copy) mz_copy_held(g, &c->held, x, images, own.copy);
        sum_images(call, c->held.is_copy ? own.copy : x, call->at[c->other] + i * other, images, &own, task % c->blocks,
                   sums_of(call, chunk), i > first);
      }
    }
  }
}

/* Adds up the chunks, from the first to the last, and stores the sums. */
static void sum_body(void *user, uint64_t begin, uint64_t end, uint32_t worker) {
  (void)worker;
  const mz_call *call = user;
  const mz_convolution *c = &call->plan->u.convolution;
  const mz_matmul *p = &c->product;
  for (int64_t row = (int64_t)begin * ROWS; row < min64((int64_t)end * ROWS, p->m); row++) {
    float *sums = sums_of(call, 0) + row * width_of(c);
    for (int64_t chunk = 1; chunk < c->chunks; chunk++) add(sums, sums_of(call, chunk) + row * width_of(c), p->n);
    if (!p->is_direct) p->store(call->at[c->into] + row * p->c_stride[0], p->c_stride[1], sums, p->n);
  }
}

static mezzo_status run(const mz_call *call) {
  const mz_convolution *c = &call->plan->u.convolution;
  const mz_matmul *p = &c->product;
  const mz_gather *g = &c->gather;
  int64_t *row = rows_of(call);
  for (int64_t tap = 0; tap < g->window; tap++) {
    int64_t left = tap, at = 0;
    for (int axis = g->axes - 1; axis >= 0; axis--) {
      at += left % g->taps[axis] * g->dilation[axis] * c->held.stride[axis];
      left /= g->taps[axis];
    }
    for (int64_t channel = 0; channel < g->run; channel++) *row++ = at + bytes_of(channel);
  }
  mezzo_status status = mz_run_tasks(call, c->chunks * c->blocks, p->slots, body);
  if (status != MEZZO_OK || (p->is_direct && c->chunks == 1)) return status;
  int64_t rows = divide_up(p->m, ROWS);
  return mz_parallel(call->plan, rows, p->slots > 1 ? divide_up(rows, p->slots) : rows, sum_body, (void *)(uintptr_t)call);
}

/* Axes along which windows reach beyond x. */
static uint32_t padded_axes(const mz_gather *g) {
  uint32_t axes = 0;
  for (int axis = 0; axis < g->axes; axis++) {
    int64_t end = (g->place[axis] - 1) * g->step[axis] + (g->taps[axis] - 1) * g->dilation[axis] + 1 - g->low[axis];
    if (g->low[axis] > 0 || end > g->from[axis]) axes |= 1u << axis;
  }
  return axes;
}

/* False where the workspace is too large. */
static bool count_bytes(mz_convolution *c, int64_t *total) {
  mz_matmul *p = &c->product;
  lines l = lines_of(&c->gather);
  int64_t copy = 0, sums;
  if (p->n > INT64_MAX / 1024 / (2 * PLACES) || p->m > INT64_MAX / 64) return false;
  if (c->held.is_copy && (!multiply_fits(c->held.image, c->held.unit, &copy) || copy > MOST_COPIED)) return false;
  c->most_runs = l.taken;
  p->b_bytes = c->copies_other ? bytes_of(l.taken * l.cut * width_of(c)) : 0;
  p->slot_bytes = mz_runs_bytes(c) + round_up(p->b_bytes, 64) + round_up(copy, 64);
  return multiply_fits(c->sums_bytes, c->chunks - p->is_direct, &sums) && multiply_fits(p->slot_bytes, p->slots, total) &&
         !__builtin_add_overflow(*total, sums, total) && !__builtin_add_overflow(*total, rows_bytes(p), total);
}

mezzo_status mz_plan_kernel_panels(mz_request *r, bool *takes) {
  mz_plan *plan = r->plan;
  mz_convolution *c = &plan->u.convolution;
  mz_matmul *p = &c->product;
  mz_gather *g = &c->gather;
  int64_t batch = plan->operand[c->from].shape[0], sums;
  uint32_t padded = padded_axes(g);
  c->tiles = mz_panel_tiles_float();
  *takes = c->tiles != NULL && c->groups == 1 && p->element == sizeof(float) && g->axes <= MZ_BOX_AXES && p->k > 0 &&
           plan->operand[c->into].count > 0 && mz_hold(g, padded, &c->held) && p->n < INT64_MAX / 64 &&
           multiply_fits(bytes_of(width_of(c)), p->m, &sums);
  if (!*takes) return MEZZO_OK;
  bool is_float = plan->operand[c->from].dtype == MZ_F32;
  c->held.is_copy = !is_float || padded != 0;
  c->copies_other = !is_float || p->n % MZ_PANEL != 0;
  c->sums_bytes = round_up(sums, 64);
  c->chunk = divide_up(batch, min64(batch, max64(min64(SUMS / c->sums_bytes, CHUNKS), 1)));
  c->chunks = divide_up(batch, c->chunk);
  c->held.unit = c->held.is_copy ? max64(min64(c->chunk, COPY / max64(c->held.image, 1)), 1) : c->chunk;
  double operations = 2.0 * (double)p->m * (double)p->n * (double)p->k;
  bool shares = plan->host->parallel_for != NULL && plan->threads > 1 && operations > (double)ALONE;
  int64_t threads = shares ? plan->threads : 1;
  c->parts = c->chunks % threads == 0 || c->chunks >= FAIR * threads ? 1 : threads;
  p->block_rows = round_up(divide_up(p->m, c->parts), MZ_PANEL_ROWS);
  c->blocks = divide_up(p->m, p->block_rows);
  p->slots = min64(threads, c->chunks * c->blocks);
  p->is_direct = plan->operand[c->into].dtype == MZ_F32 && p->n % MZ_PANEL == 0;
  int64_t total;
  *takes = count_bytes(c, &total);
  if (!*takes) return MEZZO_OK;
  plan->workspace = (uint64_t)total;
  plan->run = run;
  return MEZZO_OK;
}
