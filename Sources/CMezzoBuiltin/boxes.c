#include "counts.h"
#include "boxes.h"
#include <string.h>

/* For b > 0. */
static int64_t divide_down(int64_t a, int64_t b) { return a / b - (a % b < 0); }

static int64_t divide_up_signed(int64_t a, int64_t b) { return -divide_down(-a, b); }

bool mz_hold(const mz_gather *g, uint32_t padded, mz_held *h) {
  int64_t bytes = g->channels * (int64_t)sizeof(float);
  for (int axis = g->axes - 1; axis >= 0; axis--) {
    int64_t reach = (g->taps[axis] - 1) * g->dilation[axis], low = g->is_transposed ? reach - g->low[axis] : g->low[axis];
    int64_t last = (g->place[axis] - 1) * g->step[axis] + reach - low;
    bool pads = (padded >> axis & 1) != 0;
    h->ahead[axis] = pads ? max64(low, 0) : 0;
    h->low[axis] = low - h->ahead[axis];
    h->held[axis] = h->ahead[axis] + (pads ? max64(g->from[axis], last + 1) : g->from[axis]);
    h->stride[axis] = bytes;
    int64_t apart;
    if (__builtin_mul_overflow(bytes, g->step[axis], &apart) || apart > INT64_MAX / 1024) return false;
    if (__builtin_mul_overflow(bytes, h->held[axis], &bytes)) return false;
  }
  h->image = bytes;
  return true;
}

/* The places from `first` on that see as many taps as it. */
static void see(const mz_gather *g, const mz_held *h, mz_box *box, int axis, int64_t first) {
  int64_t step = g->step[axis], dilation = g->dilation[axis], taps = g->taps[axis], low = h->low[axis];
  int64_t reach = h->held[axis] - 1 + low;
  int64_t begin = max64(divide_up_signed(low - first * step, dilation), 0);
  int64_t end = min64(divide_down(reach - first * step, dilation) + 1, taps);
  int64_t next = first + 1;
  if (begin < end) {
    next = min64(g->place[axis], divide_down(reach - (end - 1) * dilation, step) + 1);
    if (begin > 0) next = min64(next, divide_up_signed(low - (begin - 1) * dilation, step));
  }
  box->first[axis] = first;
  box->count[axis] = next - first;
  box->tap[axis] = begin < end ? begin : 0;
  box->taps[axis] = begin < end ? end - begin : 0;
}

static void count_inner(const mz_gather *g, mz_box *box) {
  box->inner = 1;
  for (int axis = 1; axis < g->axes; axis++) box->inner *= box->taps[axis];
}

void mz_first_box(const mz_gather *g, const mz_held *h, mz_box *box) {
  memset(box, 0, sizeof *box);
  for (int axis = 0; axis < g->axes; axis++) see(g, h, box, axis, 0);
  count_inner(g, box);
}

bool mz_next_box(const mz_gather *g, const mz_held *h, mz_box *box) {
  int axis = g->axes - 1;
  box->ahead += g->taps[0] * box->inner;
  for (; axis >= 0 && box->first[axis] + box->count[axis] >= g->place[axis]; axis--) see(g, h, box, axis, 0);
  if (axis < 0) return false;
  see(g, h, box, axis, box->first[axis] + box->count[axis]);
  if (axis == 0) box->ahead = 0;
  count_inner(g, box);
  return true;
}

/* A row of places, or zeros where there is none. */
static void copy_row(const mz_gather *g, const mz_held *h, const char *row, char *to) {
  int last = g->axes - 1;
  int64_t place = h->stride[last], before = row == NULL ? h->held[last] : h->ahead[last], there = row == NULL ? 0 : g->from[last];
  memset(to, 0, (size_t)(before * place));
  if (there > 0) g->load(to + before * place, row, g->size, there * g->channels);
  memset(to + (before + there) * place, 0, (size_t)((h->held[last] - before - there) * place));
}

void mz_copy_held(const mz_gather *g, const mz_held *h, const char *from, int64_t images, char *to) {
  int last = g->axes - 1;
  int64_t rows = images, row_bytes = g->from[last] * g->channels * g->size;
  for (int axis = 0; axis < last; axis++) rows *= h->held[axis];
  for (int64_t row = 0; row < rows; row++, to += h->held[last] * h->stride[last]) {
    int64_t left = row, at = 0, extent = 1;
    bool is_inside = true;
    for (int axis = last - 1; axis >= 0; axis--) {
      int64_t along = left % h->held[axis] - h->ahead[axis];
      left /= h->held[axis];
      is_inside = is_inside && along >= 0 && along < g->from[axis];
      at += along * extent;
      extent *= g->from[axis];
    }
    copy_row(g, h, is_inside ? from + (left * extent + at) * row_bytes : NULL, to);
  }
}
