/* layer_norm with a residual, and its gradient, a row at a time. */
#include <math.h>
#include <string.h>
#include "staged.h"

enum { FLUSH_ROWS = 64 /* rows that one element of dgamma takes in the domain's type before it moves on to double */ };

enum { GAMMA = 2, DGAMMA, DBETA, TOTALS /* and as many more as doubles need */ };

static void load_vector(const mz_share *share, int operand, void *to) {
  const mz_operand *o = &share->call->plan->operand[operand];
  mz_loader(mz_domain_of(share->call->plan->operand[0].dtype), o->dtype)(to, share->call->at[operand], o->stride[0],
                                                                         share->plan->count);
}

/* Subtracts the mean from the row of s in `buffer` and tells by what the rest is to be multiplied. */
static double normalize(const mz_staged *staged, void *s, double sum) {
  double n = (double)staged->count;
  double square = staged->kernels->center(s, staged->centered ? sum / n : 0, staged->count);
  return 1 / sqrt(square / n + staged->epsilon);
}

/* Whether the residual is one number for all elements, and that 0: then there is none. */
static bool has_residual(const mz_share *share) {
  const mz_operand *residual = &share->call->plan->operand[1];
  for (int axis = 0; axis < residual->rank; axis++)
    if (residual->stride[axis] != 0 && residual->shape[axis] > 1) return true;
  double value;
  mz_load_double[residual->dtype](&value, share->call->at[1], 0, 1);
  return value != 0;
}

static void forward(void *user, uint64_t begin, uint64_t end, uint32_t worker) {
  (void)worker;
  for (uint64_t slot = begin; slot < end; slot++) {
    mz_share share = mz_share_of(user, slot);
    const mz_staged *staged = share.plan;
    if (share.begin == share.end || staged->count == 0) continue;
    if (!has_residual(&share)) share.n_loaded = 1;
    mz_choose_edges(&share);
    int together = mz_rows_together(staged->count);
    /* Behind the rows of both inputs. */
    char *const *vectors = share.buffer + 2 * together;
    mz_affine by = {vectors[0], vectors[1], staged->epsilon, staged->centered};
    for (int v = 0; v < 2; v++) {
      load_vector(&share, 2 + v, share.buffer[0]);
      share.edges->arrange(vectors[v], share.buffer[0], staged->count);
    }
    for (int64_t row = share.begin; row < share.end; row += together) {
      mz_edge_rows rows;
      mz_find_rows(&share, row, &rows);
      share.edges->layer_norm(&rows, &by);
      mz_unstage_rows(&share, row, &rows);
    }
  }
}

static void flush(const mz_staged *staged, double *totals, void *partial) {
  staged->rows_kernels->flush_columns(totals, partial, staged->count);
}

static void backward(void *user, uint64_t begin, uint64_t end, uint32_t worker) {
  (void)worker;
  for (uint64_t slot = begin; slot < end; slot++) {
    mz_share share = mz_share_of(user, slot);
    const mz_staged *staged = share.plan;
    int64_t n = staged->count;
    double *totals = (double *)(void *)share.buffer[TOTALS];
    memset(share.buffer[DGAMMA], 0, (size_t)(2 * staged->row_bytes));
    memset(totals, 0, (size_t)(2 * n) * sizeof *totals);
    load_vector(&share, 2, share.buffer[GAMMA]);
    for (int64_t row = share.begin; row < share.end; row++) {
      mz_stage_row(&share, row);
      void *dy = share.buffer[0], *s = share.buffer[1], *result = mz_stage_result(&share);
      double scale = normalize(staged, s, staged->kernels->add(s, NULL, n)), sums[2];
      staged->kernels->gradient_sums(dy, s, scale, share.buffer[GAMMA], share.buffer[DGAMMA], share.buffer[DBETA], sums, n);
      staged->kernels->gradient(result, dy, s, scale, staged->centered ? sums[0] / (double)n : 0, sums[1] / (double)n, n);
      mz_unstage_row(&share, result);
      if (row % FLUSH_ROWS != FLUSH_ROWS - 1) continue;
      flush(staged, totals, share.buffer[DGAMMA]);
      flush(staged, totals + n, share.buffer[DBETA]);
    }
    flush(staged, totals, share.buffer[DGAMMA]);
    flush(staged, totals + n, share.buffer[DBETA]);
  }
}

static mezzo_status run(const mz_call *call) { return mz_run_staged(call, forward); }

/* The slots' sums, added up and stored. */
static mezzo_status run_gradient(const mz_call *call) {
  MZ_TRY(mz_run_staged(call, backward));
  const mz_plan *plan = call->plan;
  const mz_staged *staged = &plan->u.staged;
  for (int which = 0; which < 2; which++) {
    const mz_operand *result = &plan->operand[plan->n_in + 1 + which];
    for (int64_t begin = 0; begin < staged->count; begin += MZ_BLOCK) {
      int64_t n = staged->count - begin < MZ_BLOCK ? staged->count - begin : MZ_BLOCK;
      double total[MZ_BLOCK] = {0};
      for (int64_t slot = 0; slot < staged->slots; slot++) {
        mz_share share = mz_share_of(call, (uint64_t)slot);
        const double *of_slot = (const double *)(const void *)share.buffer[TOTALS] + which * staged->count + begin;
        for (int64_t i = 0; i < n; i++) total[i] += of_slot[i];
      }
      mz_store_double[result->dtype](call->at[plan->n_in + 1 + which] + begin * result->stride[0], result->stride[0], total, n);
    }
  }
  return MEZZO_OK;
}

/* What both have: the operands' dtypes, the vectors of a row's length, and the attributes. */
static mezzo_status plan_norm(mz_request *r, int gamma, int n_vectors, const int *vectors) {
  mz_plan *plan = r->plan;
  mz_staged *staged = &plan->u.staged;
  const mz_operand *x = &plan->operand[0];
  int64_t centered;
  MZ_TRY(mz_expect_dtype(r, 0, MZ_FLOATS));
  if (x->rank == 0)
    return mz_refuse(r->err, MEZZO_INVALID, MEZZO_WHY_SHAPE, 0, "operand 0 has rank 0; expected an axis to work on");
  MZ_TRY(mz_expect_same(r, 1, 0, true));
  MZ_TRY(mz_expect_same(r, plan->n_in, 0, true));
  MZ_TRY(mz_expect_dtype(r, gamma, x->dtype == MZ_F64 ? MZ_SET(MZ_F64) : MZ_FLOATS_TO_32));
  for (int i = 0; i < n_vectors; i++) {
    MZ_TRY(mz_expect_dtype(r, vectors[i], MZ_SET(plan->operand[gamma].dtype)));
    MZ_TRY(mz_expect_shape(r, vectors[i], 1, &x->shape[x->rank - 1]));
  }
  MZ_TRY(mz_expect_accumulator(r, mz_domain_dtype(mz_domain_of(x->dtype))));
  MZ_TRY(mz_attr_float(r, "epsilon", &staged->epsilon));
  MZ_TRY(mz_attr_int(r, "centered", 0, 1, &centered));
  staged->centered = centered == 1;
  return MEZZO_OK;
}

mezzo_status mz_plan_layer_norm(mz_request *r) {
  mz_plan *plan = r->plan;
  MZ_TRY(mz_expect_arity(r, 4, 1));
  MZ_TRY(plan_norm(r, 2, 2, (int[]){2, 3}));
  plan->run = run;
  int axis = plan->operand[0].rank - 1, rows = 2 * mz_rows_together(plan->operand[0].shape[axis]);
  return mz_plan_staged(r, axis, 2, (int[]){0, 1, plan->n_in}, rows + 2);
}

mezzo_status mz_plan_layer_norm_gradient(mz_request *r) {
  mz_plan *plan = r->plan;
  MZ_TRY(mz_expect_arity(r, 3, 3));
  MZ_TRY(plan_norm(r, 2, 3, (int[]){2, plan->n_in + 1, plan->n_in + 2}));
  plan->run = run_gradient;
  plan->u.staged.rows_kernels = plan->operand[0].dtype == MZ_F64 ? &mz_rows_double : &mz_rows_float;
  /* Two rows of doubles behind the others. */
  int totals = 2 * (int)sizeof(double) / (int)mz_dtype_size(mz_domain_dtype(mz_domain_of(plan->operand[0].dtype)));
  return mz_plan_staged(r, plan->operand[0].rank - 1, 2, (int[]){0, 1, plan->n_in}, TOTALS + totals);
}
