/* Convolutions, and gradients by their input, as products whose A is never there: a row of a tile begins where a window does, and
 * a run of it is what a row of the window sees. Taps outside are skipped, for which places are taken box by box, each with the
 * part of the kernel that it sees. Threads share out tiles, never sums. */
#include "counts.h"
#include "convolution_panels.h"
#include <string.h>
#include "boxes.h"
#include "panel_tiles.h"
#include "tasks.h"

enum {
  TILES = 32,          /* whose rows stay in the second cache while the panels pass */
  ROWS = TILES * MZ_PANEL_ROWS,
  EARLY = 4,           /* tiles before the one whose windows are fetched */
  FETCHED = 1 << 16,   /* bytes for a place, at most */
  RING = 2 * TILES,    /* tiles whose windows are known */
  BLOCK_COLUMNS = 480, /* of accumulators: whole tiles, and no more than a row is finished by at once */
  SHORT = 5,           /* places in a line below which tiles take several lines, and their rows are stored one by one */
  UNIT = 8,            /* of the batch: enough for the smallest boxes to fill a tile */
  COPY = 1 << 19,      /* bytes in float that stay in the second cache */
  BOXES = 4096,        /* at most */
  MOST_TAPS = 8,       /* that panels hold, times those of a window */
  MOST_RUNS = 1 << 16,
  MOST_COPIED = 1 << 24, /* bytes of an image in float: each thread has one */
  FAIR = 4,            /* images for each thread beyond which one more or less does not count */
  ALONE = 1000000,     /* operations below which threads cost more than they bring */
  RATE = 250           /* operations a nanosecond, of one thread */
};

static const double PACK = 0.4, COPYING = 0.1; /* nanoseconds an element */

/* In workspace that all share: what sums begin with, then the panels. */
static float *start_of(const mz_call *call) {
  const mz_matmul *p = &call->plan->u.convolution.product;
  return (float *)(void *)(call->workspace + p->slots * p->slot_bytes);
}

static int64_t panel_bytes(const mz_convolution *c) { return c->panel_taps * c->gather.run * MZ_PANEL * (int64_t)sizeof(float); }

static const char *panels_of(const mz_call *call) {
  const mz_convolution *c = &call->plan->u.convolution;
  if (call->plan->packed_bytes > 0) return call->at[c->other];
  return (const char *)(start_of(call) + round_up(c->product.n, MZ_PANEL));
}

/* The kernel's columns of a panel, for each box that sees other taps than those before. */
static void pack_panel(const mz_convolution *c, int64_t panel, const char *kernel, char *to) {
  const mz_gather *g = &c->gather;
  int64_t column = panel * MZ_PANEL, run_bytes = g->run * MZ_PANEL * (int64_t)sizeof(float);
  mz_box box;
  mz_first_box(g, &c->held, &box);
  do {
    for (int64_t tap = 0; tap < g->taps[0] * box.inner; tap++, to += run_bytes) {
      int64_t left = tap, at = 0, extent = 1;
      for (int axis = g->axes - 1; axis > 0; axis--) {
        at += (box.tap[axis] + left % box.taps[axis]) * extent;
        left /= box.taps[axis];
        extent *= g->taps[axis];
      }
      at += left * extent;
      /* What a gradient sees comes in the opposite order. */
      if (g->is_transposed) at = g->window - 1 - at;
      mz_packing packing = {kernel + at * c->other_tap + column * c->other_lane, c->other_lane, c->other_k, c->product.load};
      mz_pack(to, sizeof(float), MZ_PANEL, &packing, min64(MZ_PANEL, c->product.n - column), g->run);
    }
  } while (mz_next_box(g, &c->held, &box) && box.first[0] == 0);
}

static void pack_body(void *user, uint64_t begin, uint64_t end, uint32_t worker) {
  (void)worker;
  const mz_call *call = user;
  const mz_convolution *c = &call->plan->u.convolution;
  char *to = (char *)(uintptr_t)panels_of(call);
  for (int64_t panel = (int64_t)begin; panel < (int64_t)end; panel++)
    pack_panel(c, panel, call->at[c->other], to + panel * panel_bytes(c));
}

static void pack(const mz_plan *plan, const mezzo_tensor *b, void *to) {
  const mz_convolution *c = &plan->u.convolution;
  memset(to, 0, (size_t)plan->packed_bytes); /* taps that no window sees have panels too */
  for (int64_t panel = 0; panel < divide_up(c->product.n, MZ_PANEL); panel++)
    pack_panel(c, panel, (const char *)b->data + b->byte_offset, (char *)to + panel * panel_bytes(c));
}

/* What a slot has for itself: where the runs of a box begin, sums that are not stored by a tile, a copy of some images. */
typedef struct {
  int64_t *run;
  char *acc, *copy;
} scratch;

/* Part of the batch, as windows see it. */
typedef struct {
  const char *from;
  int64_t image, images;
  const char *next; /* what is to be fetched meanwhile; NULL: what windows see that none before has seen, their last taps */
  int64_t unseen;   /* bytes of it for each place */
} images;

/* Places of a box, in order: lines whose results lie at equal distances, cut into tiles of about the same size. */
typedef struct {
  int64_t line, lines, tiles; /* places of a line; tiles of one */
  int64_t rows, larger;       /* of a tile, and of how many of a line it is one more */
  bool is_even;
} lines;

static lines lines_of(const mz_gather *g, const mz_box *box, int64_t images) {
  lines l = {.line = 1, .lines = images, .is_even = true};
  int64_t extent = 1, stride = 0;
  bool goes_on = true;
  for (int axis = g->axes - 1; axis >= 0; axis--) l.lines *= box->count[axis];
  for (int axis = g->axes - 1; axis >= -1; axis--) {
    int64_t count = axis < 0 ? images : box->count[axis];
    if (count > 1 && goes_on) {
      goes_on = l.line == 1 || extent == stride * l.line;
      if (l.line == 1) stride = extent;
      if (goes_on) l.line *= count;
    }
    if (axis >= 0) extent *= g->place[axis];
  }
  if (l.line < SHORT && l.lines > l.line) {
    l.line = l.lines;
    l.is_even = false;
  }
  l.lines /= l.line;
  l.tiles = divide_up(l.line, MZ_PANEL_ROWS);
  l.rows = l.line / l.tiles;
  l.larger = l.line % l.tiles;
  return l;
}

/* Where the windows of a tile begin, and which places they belong to. Many are made before they are used: what has just been written
 * would be waited for behind the results of the tile before, which go to memory. */
typedef struct {
  _Alignas(64) mz_tile_rows rows;
  int64_t place[MZ_PANEL_ROWS], n;
  const char *unseen;
} windows;

/* The next place of a box. */
typedef struct {
  int64_t image, at[MZ_BOX_AXES], place, in_line /* tiles before this one */;
  const char *row;
} cursor;

static void find_row(const mz_convolution *c, const images *x, const mz_box *box, cursor *k) {
  const mz_gather *g = &c->gather;
  const mz_held *h = &c->held;
  k->place = x->image + k->image;
  k->row = x->from + k->image * h->image;
  for (int axis = 0; axis < g->axes; axis++) {
    int64_t here = box->first[axis] + k->at[axis];
    k->place = k->place * g->place[axis] + here;
    /* Where the box sees nothing, no place is one of the operand. */
    if (box->taps[axis] > 0) k->row += (here * g->step[axis] + box->tap[axis] * g->dilation[axis] - h->low[axis]) * h->stride[axis];
  }
}

static cursor seek(const mz_convolution *c, const images *x, const mz_box *box, const lines *l, int64_t tile) {
  cursor k = {.in_line = tile % l->tiles};
  int64_t left = tile / l->tiles * l->line + l->rows * k.in_line + min64(k.in_line, l->larger);
  for (int axis = c->gather.axes - 1; axis >= 0; axis--) {
    k.at[axis] = left % box->count[axis];
    left /= box->count[axis];
  }
  k.image = left;
  find_row(c, x, box, &k);
  return k;
}

static void next_row(const mz_convolution *c, const images *x, const mz_box *box, cursor *k) {
  int axis = c->gather.axes - 1;
  for (; axis >= 0 && k->at[axis] == box->count[axis]; axis--) {
    k->at[axis] = 0;
    if (axis > 0) k->at[axis - 1]++;
    else k->image++;
  }
  find_row(c, x, box, k);
}

static void find_windows(const mz_convolution *c, const images *x, const mz_box *box, const lines *l, cursor *k, windows *to) {
  int last = c->gather.axes - 1;
  int64_t step = c->gather.step[last] * c->held.stride[last];
  to->n = l->rows + (k->in_line < l->larger);
  if (++k->in_line == l->tiles) k->in_line = 0;
  for (int64_t i = 0, more; i < to->n; i += more) {
    if (k->at[last] == box->count[last]) next_row(c, x, box, k);
    more = min64(to->n - i, box->count[last] - k->at[last]);
    for (int64_t j = 0; j < more; j++) {
      to->rows.row[i + j] = k->row + j * step;
      to->place[i + j] = k->place + j;
    }
    k->row += more * step;
    k->place += more;
    k->at[last] += more;
  }
}

/* A tile's row takes each tap as a run, or all of the last axis, if they lie side by side. */
static void find_runs(const mz_convolution *c, const mz_box *box, mz_tile_rows *a, int64_t *run) {
  const mz_gather *g = &c->gather;
  bool is_side_by_side = g->dilation[g->axes - 1] == 1;
  int axes = g->axes - is_side_by_side;
  a->run = run;
  a->step = sizeof(float);
  a->length = g->run * (is_side_by_side ? box->taps[axes] : 1);
  a->runs = a->length > 0;
  for (int axis = 0; axis < axes; axis++) a->runs *= box->taps[axis];
  for (int64_t i = 0; i < a->runs; i++) {
    int64_t left = i;
    run[i] = 0;
    for (int axis = axes - 1; axis >= 0; axis--) {
      run[i] += left % box->taps[axis] * g->dilation[axis] * c->held.stride[axis];
      left /= box->taps[axis];
    }
  }
}

/* Tiles of a box that the panels pass, and the windows of those that are known. */
typedef struct {
  windows *ring;
  int64_t begin, end, known;
  const char *panels;
  int64_t most;   /* panels that a tile takes */
  int64_t unseen; /* bytes to be fetched for each */
  bool stores;
} block;

/* at: as mz_finish_row wants it. */
static void run_block(const mz_call *call, const block *of, char *acc, char *const *at) {
  const mz_convolution *c = &call->plan->u.convolution;
  const mz_matmul *p = &c->product;
  mz_multiply_panels *const (*tile)[MZ_PANELS + 1] = c->tiles->tile;
  int64_t row_bytes = p->c_stride[0], panel_stride = panel_bytes(c);
  const mz_tile_rows *any = &of->ring[of->begin % RING].rows;
  int64_t places = max64(any->runs * any->length, 1);
  for (int64_t column = 0; column < p->n; column += p->block_columns) {
    int64_t columns = min64(p->block_columns, p->n - column), acc_stride = round_up(columns, MZ_PANEL) * (int64_t)sizeof(float);
    for (int64_t j = 0, wide, last = divide_up(columns, MZ_PANEL); j < last; j += wide) {
      wide = divide_up(last - j, divide_up(last - j, of->most));
      int64_t first = column + j * MZ_PANEL, part = min64(wide * MZ_PANEL, columns - j * MZ_PANEL);
      /* While some columns are multiplied, a part of what later tiles see is fetched. */
      int64_t fetched = of->unseen * first / p->n, step = divide_up(divide_up(of->unseen * part, p->n), places);
      const char *start = (const char *)(start_of(call) + first);
      char *to = of->stores ? at[2] + first * p->c_stride[1] : acc + j * MZ_PANEL * (int64_t)sizeof(float);
      mz_tile_panels b = {of->panels + first / MZ_PANEL * panel_stride, MZ_PANEL * sizeof(float), panel_stride};
      mz_tile_sums sums = {to, acc_stride, columns - j * MZ_PANEL, .has_relu = c->has_relu};
      sums.kind = of->stores ? c->sums_kind : MZ_SUMS_F32;
      for (int64_t t = of->begin; t < of->end; t++) {
        windows *w = &of->ring[t % RING];
        const char *ahead = of->ring[min64(t + EARLY, of->known - 1) % RING].unseen + fetched;
        w->rows.ahead = (mz_tile_ahead){.at = ahead, .end = ahead + places * step + 1, .step = step};
        if (of->stores) {
          sums.at = to + w->place[0] * row_bytes;
          sums.stride = (w->place[w->n > 1] - w->place[0]) * row_bytes;
        }
        tile[w->n][wide](&w->rows, &b, start, 0, &sums);
        if (!of->stores) sums.at += w->n * acc_stride;
      }
    }
    char *row = acc;
    for (int64_t t = of->begin; t < of->end && !of->stores; t++) {
      const windows *w = &of->ring[t % RING];
      for (int64_t i = 0; i < w->n; i++, row += acc_stride) mz_finish_row(p, at, row, w->place[i], column, 0, columns);
    }
  }
}

/* A share of the tiles of a box. */
static void run_box(const mz_call *call, images *x, const mz_box *box, int64_t share, const scratch *own, char *const *at) {
  const mz_convolution *c = &call->plan->u.convolution;
  lines l = lines_of(&c->gather, box, x->images);
  int64_t tiles = l.lines * l.tiles, begin = tiles * share / c->parts, end = tiles * (share + 1) / c->parts;
  if (begin == end) return;
  int64_t ahead = box->ahead + box->tap[0] * box->inner;
  windows ring[RING];
  mz_tile_rows runs = {.run = own->run};
  find_runs(c, box, &runs, own->run);
  int64_t last_tap = runs.runs == 0 ? 0 : runs.run[runs.runs - 1] + runs.length * runs.step - c->held.stride[c->gather.axes - 1];
  block of = {.ring = ring, .known = begin, .most = c->tiles->panels[l.rows + (l.larger > 0)], .unseen = MZ_PANEL_ROWS * x->unseen};
  of.panels = panels_of(call) + ahead * c->gather.run * MZ_PANEL * (int64_t)sizeof(float);
  of.stores = c->product.stores_sums && l.is_even;
  cursor k = seek(c, x, box, &l, begin);
  for (of.begin = begin; of.begin < end; of.begin = of.end) {
    of.end = min64(of.begin + TILES, end);
    for (; of.known < min64(of.end + EARLY, end); of.known++) {
      windows *w = &ring[of.known % RING];
      w->rows = runs;
      find_windows(c, x, box, &l, &k, w);
      w->unseen = x->next == NULL ? w->rows.row[0] + last_tap : x->next;
      if (x->next != NULL) x->next += w->n * x->unseen;
    }
    run_block(call, &of, own->acc, at);
  }
}

/* A slot's share of the tiles of each box. */
static void run_images(const mz_call *call, images *x, int64_t share, const scratch *own, char *const *at) {
  const mz_convolution *c = &call->plan->u.convolution;
  mz_box box;
  mz_first_box(&c->gather, &c->held, &box);
  do {
    run_box(call, x, &box, share, own, at);
    /* What does not come out even is not always the same one's. */
    share = (share + 1) % c->parts;
  } while (mz_next_box(&c->gather, &c->held, &box));
}

/* Some images of the batch, which are worked on at once, or a share of the tiles of each. */
static void run_unit(const mz_call *call, int64_t first, int64_t share, const scratch *own, char *const *at) {
  const mz_convolution *c = &call->plan->u.convolution;
  const mz_gather *g = &c->gather;
  int64_t batch = call->plan->operand[c->into].shape[0], image = mz_image_bytes(g), count = min64(c->held.unit, batch - first);
  images x = {.from = call->at[c->from] + first * image, .image = first, .images = count};
  x.unseen = min64(g->step[g->axes - 1] * c->held.stride[g->axes - 1], FETCHED);
  if (c->held.is_copy) {
    mz_copy_held(g, &c->held, x.from, count, own->copy);
    x.next = x.from + count * image;
    int64_t places = count * (c->product.m / batch) / c->parts + 1;
    x.unseen = min64(divide_up(min64(c->held.unit, batch - first - count) * image, places), FETCHED);
    x.from = own->copy;
  }
  run_images(call, &x, share, own, at);
}

static void body(void *user, uint64_t begin, uint64_t end, uint32_t worker) {
  (void)worker;
  mz_tasks *tasks = user;
  const mz_call *call = tasks->call;
  const mz_convolution *c = &call->plan->u.convolution;
  const mz_matmul *p = &c->product;
  char *at[MZ_MAX_MAPPED] = {NULL, NULL, call->at[c->into]};
  for (int i = 0; i < p->n_steps; i++)
    if (p->step[i].operand >= 0) at[3 + p->step[i].place] = call->at[p->step[i].operand];
  int64_t batch = call->plan->operand[c->into].shape[0];
  for (int64_t slot = (int64_t)begin; slot < (int64_t)end; slot++) {
    char *from = call->workspace + slot * p->slot_bytes;
    scratch own = {(int64_t *)(void *)from, from + mz_runs_bytes(c), from + mz_runs_bytes(c) + p->a_bytes};
    for (int64_t task; (task = mz_next_task(tasks, slot)) >= 0;) {
      if (c->parts == 1) run_unit(call, task * c->held.unit, 0, &own, at);
      for (int64_t i = 0; c->parts > 1 && i < batch; i += c->held.unit) run_unit(call, i, task, &own, at);
    }
  }
}

static mezzo_status run(const mz_call *call) {
  const mz_convolution *c = &call->plan->u.convolution;
  const mz_matmul *p = &c->product;
  int64_t panels = divide_up(p->n, MZ_PANEL);
  float *start = start_of(call);
  memset(start, 0, (size_t)(panels * MZ_PANEL) * sizeof *start);
  if (p->bias.operand >= 0) p->bias.load(start, call->at[p->bias.operand], p->bias.column_stride, p->n);
  if (call->plan->packed_bytes == 0) {
    mezzo_status status = mz_parallel(call->plan, panels, p->slots > 1 ? 1 : panels, pack_body, (void *)(uintptr_t)call);
    if (status != MEZZO_OK) return status;
  }
  int64_t units = divide_up(call->plan->operand[c->into].shape[0], c->held.unit);
  return mz_run_tasks(call, c->parts > 1 ? c->parts : units, p->slots, body);
}

/* Boxes cost panels of their own and small tiles, a copy with zeros costs products with these. */
static double cost_of(const mz_convolution *c, const mz_held *held, double batch) {
  const mz_gather *g = &c->gather;
  double nanoseconds = 0, columns = (double)round_up(c->product.n, MZ_PANEL) * (double)g->run;
  mz_box box;
  mz_first_box(g, held, &box);
  do {
    double taps = (double)box.inner * (double)box.taps[0], places = batch;
    for (int axis = 0; axis < g->axes; axis++) places *= (double)box.count[axis];
    if (box.first[0] == 0) nanoseconds += PACK * columns * (double)(g->taps[0] * box.inner);
    nanoseconds += 2 * taps * columns * (places + (double)MZ_PANEL_ROWS / 2) / (double)RATE;
  } while (mz_next_box(g, held, &box));
  return nanoseconds + (held->is_copy ? COPYING * batch * (double)held->image / sizeof(float) : 0);
}

/* How many taps panels hold; 0: there are too many boxes. */
static int64_t count_taps(const mz_gather *g, const mz_held *held) {
  mz_box box;
  int64_t taps = 0, boxes = 0;
  mz_first_box(g, held, &box);
  do {
    if (++boxes > BOXES) return 0;
    if (box.first[0] == 0) taps = box.ahead + g->taps[0] * box.inner;
  } while (mz_next_box(g, held, &box));
  return taps <= MOST_TAPS * g->window ? max64(taps, 1) : 0;
}

static bool hold(const mz_plan *plan, mz_convolution *c) {
  const mz_gather *g = &c->gather;
  double batch = (double)plan->operand[c->into].shape[0];
  mz_held plain = {.is_copy = plan->operand[c->from].dtype != MZ_F32}, padded = {.is_copy = true};
  int64_t taps = mz_hold(g, 0, &plain) ? count_taps(g, &plain) : 0;
  int64_t padded_taps = mz_hold(g, ~1u, &padded) ? count_taps(g, &padded) : 0;
  if (taps == 0 && padded_taps == 0) return false;
  bool pads = taps == 0 || (padded_taps > 0 && cost_of(c, &padded, batch) < cost_of(c, &plain, batch));
  c->held = pads ? padded : plain;
  c->panel_taps = pads ? padded_taps : taps;
  c->held.unit = c->held.is_copy ? max64(min64(UNIT, COPY / max64(c->held.image, 1)), 1) : UNIT;
  return true;
}

/* Of all that the packed form depends on. */
static uint64_t key_of(const mz_convolution *c) {
  const mz_gather *g = &c->gather;
  uint64_t key = UINT64_C(0xcbf29ce484222325);
#define MIX(x) key = (key ^ (uint64_t)(x)) * UINT64_C(0x100000001b3)
  MIX(g->axes), MIX(g->is_transposed), MIX(g->run), MIX(c->product.n), MIX(g->size);
  mz_box box;
  mz_first_box(g, &c->held, &box);
  do {
    if (box.inner == 0) continue;
    MIX(g->taps[0]);
    for (int axis = 1; axis < g->axes; axis++) MIX(g->taps[axis]), MIX(box.tap[axis]), MIX(box.taps[axis]);
  } while (mz_next_box(g, &c->held, &box) && box.first[0] == 0);
#undef MIX
  return key;
}

static bool has_unit_steps(const mz_gather *g) {
  for (int axis = 0; axis < g->axes; axis++)
    if (g->step[axis] != 1) return false;
  return true;
}

/* Of the workspace and of the panels; false where they are too large. */
static bool count_bytes(mz_plan *plan, mz_convolution *c, int64_t *packed, int64_t *total) {
  mz_matmul *p = &c->product;
  int64_t panel, copy = 0, columns;
  if (c->held.is_copy && !multiply_fits(c->held.image, min64(c->held.unit, plan->operand[c->into].shape[0]), &copy)) return false;
  if (copy > MOST_COPIED || p->n > INT64_MAX / 64) return false;
  columns = round_up(p->n, MZ_PANEL);
  p->a_bytes = min64(ROWS, p->m) * round_up(p->block_columns, MZ_PANEL) * (int64_t)sizeof(float);
  p->slot_bytes = mz_runs_bytes(c) + p->a_bytes + round_up(copy, 64);
  return multiply_fits(c->panel_taps, c->gather.run, &panel) && multiply_fits(panel, columns * (int64_t)sizeof(float), packed) &&
         multiply_fits(p->slot_bytes, p->slots, total) && !__builtin_add_overflow(*total, columns * (int64_t)sizeof(float), total);
}

mezzo_status mz_plan_window_panels(mz_request *r, bool *takes) {
  mz_plan *plan = r->plan;
  mz_convolution *c = &plan->u.convolution;
  mz_matmul *p = &c->product;
  const mz_gather *g = &c->gather;
  c->tiles = mz_panel_tiles_float();
  bool is_regular = !g->is_transposed || has_unit_steps(g);
  *takes = c->tiles != NULL && c->groups == 1 && p->element == sizeof(float) && g->axes <= MZ_BOX_AXES && is_regular && p->k > 0 &&
           g->window <= MOST_RUNS && plan->operand[c->into].count > 0 && plan->operand[c->from].count > 0 && hold(plan, c);
  if (!*takes) return MEZZO_OK;
  double operations = 2.0 * (double)p->m * (double)p->n * (double)p->k;
  bool shares = plan->host->parallel_for != NULL && plan->threads > 1 && operations > (double)ALONE;
  int64_t batch = plan->operand[c->into].shape[0], packed, total;
  p->slots = shares ? min64(plan->threads, divide_up(p->m, MZ_PANEL_ROWS)) : 1;
  c->parts = c->held.is_copy && (batch % p->slots == 0 || batch >= FAIR * p->slots) ? 1 : p->slots;
  /* As many for each slot. */
  if (c->parts == 1) c->held.unit = divide_up(batch, round_up(divide_up(batch, c->held.unit), p->slots));
  c->most_runs = g->window;
  p->block_columns = min64(p->n, BLOCK_COLUMNS);
  if (!count_bytes(plan, c, &packed, &total)) {
    *takes = false;
    return MEZZO_OK;
  }
  if (plan->may_pack && mz_is_constant(r, c->other)) {
    plan->pack = pack;
    plan->packed_bytes = (uint64_t)packed;
    plan->pack_key[0] = UINT64_C(0x6d657a7a6f2d7770); /* "mezzo-wp" */
    plan->pack_key[1] = key_of(c);
  } else if (__builtin_add_overflow(total, packed, &total)) {
    *takes = false;
    return MEZZO_OK;
  }
  mz_take_bias(r, p);
  c->has_relu = mz_take_relu(r, p);
  mz_dtype to = plan->operand[c->into].dtype;
  c->sums_kind = to == MZ_F16 ? MZ_SUMS_F16 : to == MZ_BF16 ? MZ_SUMS_BF16 : MZ_SUMS_F32;
  p->stores_sums = p->n_steps == 0 && c->tiles->stores[c->sums_kind];
  plan->workspace = (uint64_t)total;
  plan->run = run;
  return MEZZO_OK;
}
