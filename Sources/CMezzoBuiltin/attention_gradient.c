/* The gradient of attention: weights are made anew from the scores and lse, for a block of queries and a stretch of keys at a
 * time; what belongs to keys and values is summed over all queries before it is rounded. */
#include "attention.h"
#include <math.h>
#include <string.h>
#include "tasks.h"

enum { DO, Q, K, V, BIAS, O, LSE, DQ, DK, DV };
enum {
  BLOCK_TILES = 4, /* of queries, over which sums for the keys go at once */
  ALONE = 500000   /* operations below which threads cost more than they bring */
};

typedef struct {
  char *keys, *key_rows, *values; /* panels of k^T, k and v^T */
  char *q, *out;                  /* rows of q and do */
  char *q_panels, *out_panels;
  char *weights, *slopes, *row;   /* scores, and the gradients by them */
  char *weight_pairs, *slope_pairs; /* two rows of them in one */
  char *dq, *dk, *dv;             /* accumulators */
} scratch;

static int64_t stretches(int64_t depth) { return round_up(depth, MZ_TILE_STRETCH) / MZ_TILE_STRETCH; }

/* The parts of a slot, or, without memory, how many bytes they take. */
static int64_t lay_out(const mz_attention *p, char *from, scratch *s) {
  int64_t columns = p->tile->columns, at = 0, block = p->block, keys = round_up(p->keys, columns);
  int64_t dim = mz_units(p, p->dim), width = mz_units(p, p->width), depth = mz_units(p, p->keys), queries = mz_units(p, block);
  /* A tile reads beyond the last row of weights. */
  int64_t scores = (block + 1) * MZ_TILE_STRETCH, pairs = p->in_pairs ? (queries + 1) * MZ_TILE_STRETCH : 0;
  const int64_t elements[] = {keys * dim, p->padded_dim * depth, keys * width,
                              stretches(dim) * block * MZ_TILE_STRETCH, stretches(width) * block * MZ_TILE_STRETCH,
                              p->padded_dim * queries, p->padded_width * queries, scores, scores, MZ_TILE_STRETCH, pairs, pairs,
                              block * p->padded_dim, p->keys * p->padded_dim, p->keys * p->padded_width};
  char **parts[] = {&s->keys, &s->key_rows, &s->values, &s->q, &s->out, &s->q_panels, &s->out_panels,
                    &s->weights, &s->slopes, &s->row, &s->weight_pairs, &s->slope_pairs, &s->dq, &s->dk, &s->dv};
  for (int i = 0; i < 15; i++) {
    if (from != NULL) *parts[i] = from + at;
    at += round_up(elements[i] * p->element, 64);
  }
  return at;
}

/* acc[keys from first on][stride] += the transpose of scores times panels of the block's rows, so many units. */
static void collect(const mz_attention *p, char *acc, const char *scores, const char *panels, int64_t rows, int64_t first,
                    int64_t count, int64_t stride) {
  const mz_tile *tile = p->tile;
  _Alignas(64) char part[MZ_TILE_BYTES];
  for (int64_t j = 0; j < stride; j += tile->columns) {
    for (int64_t key = 0; key < count; key += tile->rows) {
      const char *a = scores + key * p->element, *b = panels + j * rows * p->element;
      char *to = acc + ((first + key) * stride + j) * p->element;
      if (count - key >= tile->rows) {
        tile->columns_of_a(rows, a, b, to, stride, true);
        continue;
      }
      /* What a tile takes beyond the last key is something else. */
      tile->columns_of_a(rows, a, b, part, tile->columns, false);
      for (int64_t r = 0; r < count - key; r++)
        p->kernels->add(to + r * stride * p->element, part + r * tile->columns * p->element, tile->columns);
    }
  }
}

/* Weights from scores, and the gradients by the scores from those by the weights. */
static void slope_rows(const mz_attention *p, const scratch *s, const char *bias, int64_t query, int64_t rows, int64_t first,
                       int64_t count, const double *lse, const double *along) {
  int64_t n = round_up(count, 64 / p->element);
  const void *row = NULL;
  for (int64_t r = 0; r < rows; r++) {
    char *weights = s->weights + r * MZ_TILE_STRETCH * p->element, *slopes = s->slopes + r * MZ_TILE_STRETCH * p->element;
    if (r == 0 || p->stride[BIAS][0] != 0) row = mz_bias_row(p, BIAS, bias, s->row, query + r, first, count);
    p->slope(weights, slopes, mz_seen(p, query + r, first, count), n, p->scale, row, lse[r], along[r]);
  }
}

static void join_rows(const char *rows, char *to, int64_t count, int64_t n) {
  static const uint16_t none[MZ_TILE_STRETCH];
  const uint16_t *row = (const uint16_t *)(const void *)rows;
  uint32_t *pairs = (uint32_t *)(void *)to;
  for (int64_t r = 0; r < count; r += 2, row += 4 * MZ_TILE_STRETCH, pairs += MZ_TILE_STRETCH)
    mz_join_pairs(pairs, row, r + 1 < count ? row + 2 * MZ_TILE_STRETCH : none, n);
}

/* sum(do * o) of a row. */
static double along(const mz_attention *p, const scratch *s, char *const *at, int64_t query, int64_t r) {
  _Alignas(64) char out[MZ_TILE_STRETCH * sizeof(double)];
  double sum = 0;
  for (int64_t k = 0; k < p->width; k += MZ_TILE_STRETCH) {
    int64_t n = min64(MZ_TILE_STRETCH, p->width - k);
    p->load[O](s->row, at[O] + (query + r) * p->stride[O][0] + k * p->stride[O][1], p->stride[O][1], n);
    p->load[DO](out, at[DO] + (query + r) * p->stride[DO][0] + k * p->stride[DO][1], p->stride[DO][1], n);
    sum += p->kernels->dot(out, s->row, n);
  }
  return sum;
}

static void run_block(const mz_attention *p, const scratch *s, char *const *at, const char *bias, int64_t query, int64_t rows) {
  double lse[64], products[64]; /* a block has at most BLOCK_TILES times 14 rows */
  const char *q = at[Q] + query * p->stride[Q][0], *out = at[DO] + query * p->stride[DO][0];
  int64_t dim = mz_units(p, p->dim), width = mz_units(p, p->width), depth = mz_units(p, p->keys), units = mz_units(p, rows);
  mz_load_block(p, Q, s->q, q, rows, dim);
  mz_load_block(p, DO, s->out, out, rows, width);
  mz_pack_rows(p, Q, s->q_panels, q, rows, p->dim);
  mz_pack_rows(p, DO, s->out_panels, out, rows, p->width);
  memset(s->dq, 0, (size_t)(p->block * p->padded_dim * p->element));
  for (int64_t r = 0; r < rows; r++) {
    p->load[LSE](s->row, at[LSE] + (query + r) * p->stride[LSE][0], 0, 1);
    lse[r] = mz_number(p, s->row);
    products[r] = along(p, s, at, query, r);
  }
  int64_t keys = p->is_causal ? min64(p->keys, query + rows) : p->keys;
  for (int64_t first = 0; first < keys; first += MZ_TILE_STRETCH) {
    int64_t count = min64(MZ_TILE_STRETCH, keys - first);
    mz_make_scores(p, s->weights, s->q, s->keys, dim, rows, first, count);
    mz_make_scores(p, s->slopes, s->out, s->values, width, rows, first, count);
    slope_rows(p, s, bias, query, rows, first, count, lse, products);
    mz_weigh(p, s->dq, s->slopes, s->key_rows, depth, rows, mz_units(p, first), mz_units(p, count), p->padded_dim);
    if (p->in_pairs) {
      join_rows(s->weights, s->weight_pairs, rows, count);
      join_rows(s->slopes, s->slope_pairs, rows, count);
    }
    collect(p, s->dk, p->in_pairs ? s->slope_pairs : s->slopes, s->q_panels, units, first, count, p->padded_dim);
    collect(p, s->dv, p->in_pairs ? s->weight_pairs : s->weights, s->out_panels, units, first, count, p->padded_width);
  }
  for (int64_t r = 0; r < rows; r++) {
    char *dq = s->dq + r * p->padded_dim * p->element;
    p->kernels->scale(dq, dq, p->scale, p->dim);
    p->store[DQ](at[DQ] + (query + r) * p->stride[DQ][0], p->stride[DQ][1], dq, p->dim);
  }
}

/* What the next task begins with. */
static void fetch(const mz_call *call, int64_t batch) {
  const mz_attention *p = &call->plan->u.attention;
  char *at[10];
  mz_space_seek(&p->batches, batch, (char *const *)call->at, at);
  mz_fetch_matrix(p, Q, at[Q], p->queries, p->dim);
  mz_fetch_matrix(p, K, at[K], p->keys, p->dim);
  mz_fetch_matrix(p, V, at[V], p->keys, p->width);
  mz_fetch_matrix(p, O, at[O], p->queries, p->width);
  mz_fetch_matrix(p, DO, at[DO], p->queries, p->width);
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
      char *at[10];
      mz_space_seek(&p->batches, task, (char *const *)call->at, at);
      mz_pack_columns(p, K, s.keys, at[K], mz_units(p, p->dim), p->keys);
      mz_pack_rows(p, K, s.key_rows, at[K], p->keys, p->dim);
      mz_pack_columns(p, V, s.values, at[V], mz_units(p, p->width), p->keys);
      if (task + 1 < p->batches.count) fetch(call, task + 1);
      memset(s.dk, 0, (size_t)(p->keys * p->padded_dim * p->element));
      memset(s.dv, 0, (size_t)(p->keys * p->padded_width * p->element));
      for (int64_t query = 0; query < p->queries; query += p->block)
        run_block(p, &s, at, has_bias ? at[BIAS] : NULL, query, min64(p->block, p->queries - query));
      for (int64_t key = 0; key < p->keys; key++) {
        char *dk = s.dk + key * p->padded_dim * p->element;
        p->kernels->scale(dk, dk, p->scale, p->dim);
        p->store[DK](at[DK] + key * p->stride[DK][0], p->stride[DK][1], dk, p->dim);
        p->store[DV](at[DV] + key * p->stride[DV][0], p->stride[DV][1], s.dv + key * p->padded_width * p->element, p->width);
      }
    }
  }
}

static mezzo_status run(const mz_call *call) {
  const mz_attention *p = &call->plan->u.attention;
  return mz_run_tasks(call, p->batches.count, p->slots, body);
}

mezzo_status mz_plan_attention_gradient(mz_request *r) {
  mz_plan *plan = r->plan;
  mz_attention *p = &plan->u.attention;
  MZ_TRY(mz_expect_arity(r, 7, 3));
  MZ_TRY(mz_plan_scores(r, (int[]){Q, K, V, BIAS, O, LSE}));
  MZ_TRY(mz_expect_same(r, DO, O, true));
  for (int i = 0; i < 3; i++) MZ_TRY(mz_expect_same(r, DQ + i, Q + i, true));
  plan->run = run;
  mz_plan_pairs(plan, p, (int[]){Q, K, V, DO}, 4);
  if (p->batches.count == 0) return MEZZO_OK;
  p->block = min64(round_up(p->queries > 0 ? p->queries : 1, p->tile->rows), BLOCK_TILES * p->tile->rows);
  double operations = 5.0 * (double)p->batches.count * (double)p->queries * (double)p->keys * (double)(p->dim + p->width);
  int64_t threads = plan->host->parallel_for != NULL && operations > ALONE ? plan->threads : 1;
  p->slots = min64(threads < 1 ? 1 : threads, p->batches.count);
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
