/* Convolutions of few channels: too short for panels, a window is multiplied where its lines lie. A line is what the windows of
 * one row of places see of a row of x, converted, with the zeros around it. */
#include "counts.h"
#include "convolution_direct.h"
#include <string.h>
#include "windows.h"

enum {
  CHANNELS = 4,
  MOST = 1024,            /* elements of a window, which are summed one after the other */
  LANES = 16,
  FILTERS = 2 * LANES,    /* of a strip, whose sums stay in registers */
  PLACES = 6,             /* of a strip */
  ALONE = 1000000         /* operations below which threads cost more than they bring */
};

typedef float vector __attribute__((vector_size(64)));
typedef int32_t mask __attribute__((vector_size(64)));

/* Of the window's innermost axis. */
typedef struct {
  int64_t places, step; /* elements of a line from one place to the next */
  int64_t run;          /* elements of a line that a window takes */
  int64_t line, lines;  /* elements of a line; lines that a window takes */
} lines;

static lines lines_of(const mz_gather *g) {
  int last = g->axes - 1;
  lines l = {.places = g->place[last], .step = g->step[last] * g->channels, .run = g->taps[last] * g->channels};
  l.line = (l.places - 1) * l.step + l.run;
  l.lines = g->window / g->taps[last];
  return l;
}

/* to[place][stride] = start + the windows times the kernel, of up to FILTERS filters. `places` is a constant. */
MZ_INLINE void strip(int places, const lines *l, float *to, int64_t stride, int64_t width, const float *x, const float *kernel,
                     const float *start, bool has_relu) {
  vector sum[PLACES][2], k[2];
  memcpy(k, start, sizeof k);
  for (int p = 0; p < places; p++) sum[p][0] = k[0], sum[p][1] = k[1];
  for (int64_t line = 0; line < l->lines; line++, x += l->line) {
    for (int64_t i = 0; i < l->run; i++, kernel += FILTERS) {
      memcpy(k, kernel, sizeof k);
      for (int p = 0; p < places; p++) {
        float element = x[p * l->step + i];
        sum[p][0] += element * k[0];
        sum[p][1] += element * k[1];
      }
    }
  }
  for (int p = 0; p < places; p++, to += stride) {
    /* A copy, so that the sums need no address. */
    vector done[2] = {sum[p][0], sum[p][1]};
    for (int v = 0; v < 2 && has_relu; v++) done[v] = (vector)((mask)done[v] & ((done[v] > 0) | (done[v] != done[v])));
    if (width == FILTERS) memcpy(to, done, sizeof done);
    else memcpy(to, done, (size_t)width * sizeof(float));
  }
}

MZ_CLONES static void multiply_lines(const lines *l, float *to, int64_t stride, int64_t width, const float *x, const float *kernel,
                                     const float *start, bool has_relu) {
  int64_t place = 0;
  for (; place + PLACES <= l->places; place += PLACES)
    strip(PLACES, l, to + place * stride, stride, width, x + place * l->step, kernel, start, has_relu);
  to += place * stride;
  x += place * l->step;
  switch (l->places - place) {
    case 5: strip(5, l, to, stride, width, x, kernel, start, has_relu); break;
    case 4: strip(4, l, to, stride, width, x, kernel, start, has_relu); break;
    case 3: strip(3, l, to, stride, width, x, kernel, start, has_relu); break;
    case 2: strip(2, l, to, stride, width, x, kernel, start, has_relu); break;
    case 1: strip(1, l, to, stride, width, x, kernel, start, has_relu); break;
    default: break;
  }
}

/* row: NULL where there is none. */
static void stage_line(const mz_gather *g, const lines *l, const char *row, float *to) {
  int last = g->axes - 1;
  int64_t left = min64(g->low[last] * g->channels, l->line), held = min64(g->from[last] * g->channels, l->line - left);
  if (row == NULL) held = 0;
  memset(to, 0, (size_t)left * sizeof(float));
  if (held > 0) g->load(to + left, row, g->size, held);
  memset(to + left + held, 0, (size_t)(l->line - left - held) * sizeof(float));
}

/* What the windows of a row of places see: [lines][line]. */
static void stage_lines(const mz_gather *g, const lines *l, const char *x, int64_t row, float *to) {
  int64_t place[MZ_MAX_RANK];
  for (int axis = g->axes - 2; axis >= 0; axis--) {
    place[axis] = row % g->place[axis];
    row /= g->place[axis];
  }
  for (int64_t line = 0; line < l->lines; line++, to += l->line) {
    int64_t at = row, tap[MZ_MAX_RANK], left = line;
    bool is_inside = true;
    for (int axis = g->axes - 2; axis >= 0; axis--) {
      tap[axis] = left % g->taps[axis];
      left /= g->taps[axis];
    }
    for (int axis = 0; axis < g->axes - 1; axis++) {
      int64_t along = place[axis] * g->step[axis] + tap[axis] * g->dilation[axis] - g->low[axis];
      is_inside = is_inside && along >= 0 && along < g->from[axis];
      at = at * g->from[axis] + along;
    }
    stage_line(g, l, is_inside ? x + at * g->from[g->axes - 1] * g->channels * g->size : NULL, to);
  }
}

static float *shared(const mz_call *call) {
  const mz_matmul *p = &call->plan->u.convolution.product;
  return (float *)(void *)(call->workspace + p->slots * p->slot_bytes);
}

static void body(void *user, uint64_t begin, uint64_t end, uint32_t worker) {
  (void)worker;
  const mz_call *call = user;
  const mz_convolution *c = &call->plan->u.convolution;
  const mz_matmul *p = &c->product;
  lines l = lines_of(&c->gather);
  int64_t rows = c->gather.places / l.places, n = p->n, padded = round_up(n, FILTERS), size = call->plan->operand[c->into].size;
  const float *start = shared(call), *kernel = start + padded;
  char *at[MZ_MAX_MAPPED] = {NULL, NULL, call->at[c->into]};
  for (int i = 0; i < p->n_steps; i++)
    if (p->step[i].operand >= 0) at[3 + p->step[i].place] = call->at[p->step[i].operand];
  for (int64_t slot = (int64_t)begin; slot < (int64_t)end; slot++) {
    float *x = (float *)(void *)(call->workspace + slot * p->slot_bytes), *sums = x + round_up(l.lines * l.line, LANES);
    for (int64_t row = rows * slot / p->slots; row < rows * (slot + 1) / p->slots; row++) {
      char *result = call->at[c->into] + row * l.places * n * size;
      float *to = p->is_direct ? (float *)(void *)result : sums;
      stage_lines(&c->gather, &l, call->at[c->from], row, x);
      for (int64_t column = 0; column < n; column += FILTERS)
        multiply_lines(&l, to + column, n, min64(FILTERS, n - column), x, kernel + column * p->k, start + column, c->has_relu);
      if (p->is_direct) continue;
      if (c->is_short)
        p->store(result, size, sums, l.places * n);
      else
        for (int64_t i = 0; i < l.places; i++)
          for (int64_t j = 0; j < n; j += MZ_BLOCK)
            mz_finish_row(p, at, (char *)(sums + i * n + j), row * l.places + i, j, 0, min64(MZ_BLOCK, n - j));
    }
  }
}

/* The bias, or zeros, and the kernel as [FILTERS of the filters][k][FILTERS]. */
static void pack(const mz_call *call) {
  const mz_convolution *c = &call->plan->u.convolution;
  const mz_matmul *p = &c->product;
  int64_t padded = round_up(p->n, FILTERS), size = call->plan->operand[c->other].size;
  float *start = shared(call), *kernel = start + padded;
  memset(start, 0, (size_t)(padded * (p->k + 1)) * sizeof(float));
  if (c->has_bias) p->step[0].load(start, call->at[p->step[0].operand], p->step[0].column_stride, p->n);
  for (int64_t column = 0; column < p->n; column += FILTERS)
    for (int64_t k = 0; k < p->k; k++, kernel += FILTERS)
      p->load(kernel, call->at[c->other] + (k * p->n + column) * size, size, min64(FILTERS, p->n - column));
}

static mezzo_status run(const mz_call *call) {
  pack(call);
  return mz_parallel(call->plan, call->plan->u.convolution.product.slots, 1, body, (void *)(uintptr_t)call);
}

bool mz_takes_lines(const mz_plan *plan) {
  const mz_convolution *c = &plan->u.convolution;
  return c->groups == 1 && c->gather.is_run && c->gather.channels <= CHANNELS && c->product.k > 0 && c->product.k <= MOST &&
         c->product.element == sizeof(float) && plan->operand[c->into].count > 0;
}

mezzo_status mz_plan_lines(mz_request *r) {
  mz_plan *plan = r->plan;
  mz_convolution *c = &plan->u.convolution;
  mz_matmul *p = &c->product;
  lines l = lines_of(&c->gather);
  c->has_bias = p->n_steps > 0 && p->step[0].operand >= 0;
  c->has_relu = p->n_steps == c->has_bias + 1 && p->step[c->has_bias].kernel == mz_kernel_of_step_float(MEZZO_EPI_RELU);
  c->is_short = p->n_steps == c->has_bias + c->has_relu;
  if (!c->is_short) c->has_bias = c->has_relu = false;
  p->is_direct = c->is_short && plan->operand[c->into].dtype == MZ_F32;
  bool shares = plan->host->parallel_for != NULL && plan->threads > 1 && 2.0 * (double)p->m * (double)p->n * (double)p->k > ALONE;
  p->slots = min64(shares ? plan->threads : 1, c->gather.places / l.places);
  int64_t padded, sums, staged, shared_bytes, total;
  bool too_large = p->n > INT64_MAX / (4 * MOST) - FILTERS;
  padded = too_large ? 0 : round_up(p->n, FILTERS);
  too_large |= __builtin_mul_overflow(l.places, padded, &sums) || __builtin_mul_overflow(l.line, l.lines, &staged) ||
               sums > INT64_MAX / 16 || staged > INT64_MAX / 16;
  if (!too_large) {
    p->slot_bytes = (round_up(staged, LANES) + round_up(sums, LANES)) * (int64_t)sizeof(float);
    shared_bytes = padded * (p->k + 1) * (int64_t)sizeof(float);
    too_large = __builtin_mul_overflow(p->slot_bytes, p->slots, &total) || __builtin_add_overflow(total, shared_bytes, &total);
  }
  if (too_large)
    return mz_refuse(r->err, MEZZO_UNSUPPORTED, MEZZO_WHY_LIMIT, 0, "a workspace for windows of %lld elements exceeds 2^63 bytes",
                     (long long)p->k);
  plan->workspace = (uint64_t)total;
  plan->run = run;
  return MEZZO_OK;
}
