/* Attention by stretches of keys: scores become weights against the largest so far, sums and what they weigh are corrected when a
 * larger one comes, so that no matrix of scores is ever whole (Rabe and Staats, arXiv 2112.05682; Dao et al., arXiv 2205.14135). */
#include "attention.h"
#include <math.h>
#include <string.h>
#include "tasks.h"

enum { Q, K, V, BIAS, O, LSE };
enum {
  BLOCK_TILES = 2, /* of queries: their scores then fit into the first cache */
  ALONE = 500000   /* operations below which threads cost more than they bring */
};

typedef struct {
  char *keys, *values; /* panels */
  char *q, *scores, *row, *sums; /* sums[block][padded width] */
  double *max, *sum;
} scratch;

static int64_t stretches(int64_t depth) { return round_up(depth, MZ_TILE_STRETCH) / MZ_TILE_STRETCH; }

/* The parts of a slot, or, without memory, how many bytes they take. */
static int64_t lay_out(const mz_attention *p, char *from, scratch *s) {
  int64_t columns = p->tile->columns, at = 0;
  int64_t dim = mz_units(p, p->dim);
  const int64_t elements[] = {round_up(p->keys, columns) * dim, p->padded_width * mz_units(p, p->keys),
                              stretches(dim) * p->block * MZ_TILE_STRETCH, p->block * MZ_TILE_STRETCH, MZ_TILE_STRETCH,
                              p->block * p->padded_width};
  char **parts[] = {&s->keys, &s->values, &s->q, &s->scores, &s->row, &s->sums};
  for (int i = 0; i < 6; i++) {
    if (from != NULL) *parts[i] = from + at;
    at += round_up(elements[i] * p->element, 64);
  }
  if (from != NULL) {
    s->max = (double *)(void *)(from + at);
    s->sum = s->max + p->block;
  }
  return at + round_up(2 * p->block * (int64_t)sizeof(double), 64);
}

/* Scores become weights, relative to the largest of their row so far. */
static void weigh_rows(const mz_attention *p, const scratch *s, const char *bias, int64_t query, int64_t rows, int64_t first,
                       int64_t count) {
  int64_t n = round_up(count, 64 / p->element);
  const void *row = NULL;
  for (int64_t r = 0; r < rows; r++) {
    char *scores = s->scores + r * MZ_TILE_STRETCH * p->element, *sums = s->sums + r * p->padded_width * p->element;
    if (r == 0 || p->stride[BIAS][0] != 0) row = mz_bias_row(p, BIAS, bias, s->row, query + r, first, count);
    double factor = p->weigh(scores, mz_seen(p, query + r, first, count), n, p->scale, row, s->max + r, s->sum + r);
    if (factor != 1) p->kernels->scale(sums, sums, factor, p->padded_width);
  }
}

static void store_row(const mz_attention *p, const scratch *s, int64_t r, char *o, char *lse) {
  char *sums = s->sums + r * p->padded_width * p->element;
  double sum = s->sum[r];
  if (sum != 0) p->kernels->scale(sums, sums, 1 / sum, p->width);
  p->store[O](o, p->stride[O][1], sums, p->width);
  if (p->element == sizeof(double)) {
    double log_sum = s->max[r] + log(sum);
    p->store[LSE](lse, 0, &log_sum, 1);
  } else {
    float log_sum = (float)s->max[r] + logf((float)sum);
    p->store[LSE](lse, 0, &log_sum, 1);
  }
}

static void run_block(const mz_attention *p, const scratch *s, char *const *at, const char *bias, int64_t query, int64_t rows) {
  int64_t dim = mz_units(p, p->dim), depth = mz_units(p, p->keys);
  mz_load_block(p, Q, s->q, at[Q] + query * p->stride[Q][0], rows, dim);
  memset(s->sums, 0, (size_t)(p->block * p->padded_width * p->element));
  for (int64_t r = 0; r < rows; r++) {
    s->max[r] = -(double)INFINITY;
    s->sum[r] = 0;
  }
  int64_t keys = p->is_causal ? min64(p->keys, query + rows) : p->keys;
  for (int64_t first = 0; first < keys; first += MZ_TILE_STRETCH) {
    int64_t count = min64(MZ_TILE_STRETCH, keys - first);
    mz_make_scores(p, s->scores, s->q, s->keys, dim, rows, first, count);
    weigh_rows(p, s, bias, query, rows, first, count);
    mz_weigh(p, s->sums, s->scores, s->values, depth, rows, mz_units(p, first), mz_units(p, count), p->padded_width);
  }
  for (int64_t r = 0; r < rows; r++)
    store_row(p, s, r, at[O] + (query + r) * p->stride[O][0], at[LSE] + (query + r) * p->stride[LSE][0]);
}

/* What the next task begins with. */
static void fetch(const mz_call *call, int64_t batch) {
  const mz_attention *p = &call->plan->u.attention;
  char *at[6];
  mz_space_seek(&p->batches, batch, (char *const *)call->at, at);
  mz_fetch_matrix(p, Q, at[Q], p->queries, p->dim);
  mz_fetch_matrix(p, K, at[K], p->keys, p->dim);
  mz_fetch_matrix(p, V, at[V], p->keys, p->width);
}

static void body(void *user, uint64_t begin, uint64_t end, uint32_t worker) {
  (void)worker;
  mz_tasks *tasks = user;
  const mz_call *call = tasks->call;
  const mz_attention *p = &call->plan->u.attention;
  bool has_bias = mz_has_bias(call, BIAS);
  for (int64_t slot = (int64_t)begin; slot < (int64_t)end; slot++) {
    scratch s;
    lay_out(p, call->workspace + slot * p->slot_bytes, &s);
    for (int64_t task; (task = mz_next_task(tasks, slot)) >= 0;) {
      char *at[6];
      mz_space_seek(&p->batches, task / p->parts, (char *const *)call->at, at);
      mz_pack_columns(p, K, s.keys, at[K], mz_units(p, p->dim), p->keys);
      mz_pack_rows(p, V, s.values, at[V], p->keys, p->width);
      if ((task + 1) % p->parts == 0 && (task + 1) / p->parts < p->batches.count) fetch(call, (task + 1) / p->parts);
      int64_t from = task % p->parts * p->part, to = min64(from + p->part, p->queries);
      for (int64_t query = from; query < to; query += p->block)
        run_block(p, &s, at, has_bias ? at[BIAS] : NULL, query, min64(p->block, to - query));
    }
  }
}

static mezzo_status run(const mz_call *call) {
  const mz_attention *p = &call->plan->u.attention;
  return mz_run_tasks(call, p->batches.count * p->parts, p->slots, body);
}

mezzo_status mz_plan_attention(mz_request *r) {
  mz_plan *plan = r->plan;
  mz_attention *p = &plan->u.attention;
  MZ_TRY(mz_expect_arity(r, 4, 2));
  MZ_TRY(mz_plan_scores(r, (int[]){Q, K, V, BIAS, O, LSE}));
  plan->run = run;
  mz_plan_pairs(plan, p, (int[]){Q, K, V}, 3);
  if (p->queries == 0 || p->batches.count == 0) return MEZZO_OK;
  p->block = min64(round_up(p->queries, p->tile->rows), BLOCK_TILES * p->tile->rows);
  double operations = 2.0 * (double)p->batches.count * (double)p->queries * (double)p->keys * (double)(p->dim + p->width);
  int64_t threads = plan->host->parallel_for != NULL && operations > ALONE ? plan->threads : 1;
  p->parts = p->batches.count >= threads ? 1 : min64(round_up(p->queries, p->block) / p->block, threads);
  p->part = round_up(round_up(p->queries, p->parts) / p->parts, p->block);
  p->slots = min64(threads < 1 ? 1 : threads, p->batches.count * p->parts);
  int64_t most = INT64_MAX / 256 / 1024, total;
  bool fits = p->keys < most && p->dim < most && p->width < most && p->keys * (p->dim / 8 + p->width / 8 + 64) < most * 64;
  scratch unused;
  if (fits) p->slot_bytes = lay_out(p, NULL, &unused);
  if (!fits || __builtin_mul_overflow(p->slot_bytes, p->slots, &total))
    return mz_refuse(r->err, MEZZO_UNSUPPORTED, MEZZO_WHY_LIMIT, K, "keys and values of %lld places exceed what fits memory",
                     (long long)p->keys);
  plan->workspace = (uint64_t)total;
  return MEZZO_OK;
}
