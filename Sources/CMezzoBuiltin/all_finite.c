#include <stdatomic.h>
#include "operations.h"

enum {
  FINITE_GRAIN = 65536,
  FINITE_RUN = 16384 /* elements between looks at whether another thread has found one */
};

typedef struct {
  const mz_call *call;
  atomic_bool found; /* a NaN or an infinity: the answer does not depend on who finds it first */
} search;

static void body(void *user, uint64_t begin, uint64_t end, uint32_t worker) {
  (void)worker;
  search *s = user;
  const mz_rows *rows = &s->call->plan->u.rows;
  _Alignas(64) char staged[MZ_BLOCK * sizeof(double)];
  char *base = s->call->at[0], *at;
  int64_t stride = rows->inner.stride[0][rows->inner.rank - 1];
  for (int64_t index = (int64_t)begin; index < (int64_t)end && !atomic_load_explicit(&s->found, memory_order_relaxed);) {
    int64_t n = mz_space_seek(&rows->inner, index, &base, &at);
    if (n > (int64_t)end - index) n = (int64_t)end - index;
    int64_t most = rows->load == NULL ? FINITE_RUN : MZ_BLOCK;
    if (n > most) n = most;
    if (rows->load != NULL) rows->load(staged, at, stride, n);
    if (!rows->kernels->finite(rows->load != NULL ? staged : at, n)) atomic_store_explicit(&s->found, true, memory_order_relaxed);
    index += n;
  }
}

static mezzo_status run(const mz_call *call) {
  search s = {.call = call};
  atomic_init(&s.found, false);
  mezzo_status status = mz_parallel(call->plan, call->plan->u.rows.inner.count, FINITE_GRAIN, body, &s);
  if (status == MEZZO_OK) *(uint8_t *)(void *)call->at[call->plan->n_in] = !atomic_load(&s.found);
  return status;
}

mezzo_status mz_plan_all_finite(mz_request *r) {
  mz_plan *plan = r->plan;
  mz_rows *rows = &plan->u.rows;
  MZ_TRY(mz_expect_arity(r, 1, 1));
  MZ_TRY(mz_expect_dtype(r, 0, MZ_FLOATS));
  MZ_TRY(mz_expect_dtype(r, plan->n_in, MZ_SET(MZ_BOOL)));
  MZ_TRY(mz_expect_rank(r, plan->n_in, 0));
  const mz_operand *x = &plan->operand[0];
  mz_space_init(&rows->inner, 1);
  for (int axis = 0; axis < x->rank; axis++) mz_space_add(&rows->inner, x->shape[axis], &x->stride[axis]);
  mz_space_sort(&rows->inner);
  mz_space_coalesce(&rows->inner);
  mz_domain domain = mz_domain_of(x->dtype);
  bool in_memory = x->dtype == mz_domain_dtype(domain) && rows->inner.stride[0][rows->inner.rank - 1] == x->size;
  rows->load = in_memory ? NULL : mz_loader(domain, x->dtype);
  rows->kernels = domain == MZ_IN_DOUBLE ? &mz_rows_double : &mz_rows_float;
  plan->run = run;
  return MEZZO_OK;
}
