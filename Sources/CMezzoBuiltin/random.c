/* random_uniform: Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", 2011). */
#include "operations.h"

enum { RANDOM_GRAIN = 16384 };

typedef struct {
  uint32_t word[4];
} philox_block;

static philox_block philox(const uint32_t counter[4], uint32_t key0, uint32_t key1) {
  uint32_t c0 = counter[0], c1 = counter[1], c2 = counter[2], c3 = counter[3];
  for (int round = 0; round < 10; round++) {
    uint64_t p0 = (uint64_t)0xD2511F53u * c0, p1 = (uint64_t)0xCD9E8D57u * c2;
    uint32_t n0 = (uint32_t)(p1 >> 32) ^ c1 ^ key0, n2 = (uint32_t)(p0 >> 32) ^ c3 ^ key1;
    c1 = (uint32_t)p1;
    c3 = (uint32_t)p0;
    c0 = n0;
    c2 = n2;
    key0 += 0x9E3779B9u;
    key1 += 0xBB67AE85u;
  }
  return (philox_block){{c0, c1, c2, c3}};
}

static void body(void *user, uint64_t begin, uint64_t end, uint32_t worker) {
  (void)worker;
  const mz_call *call = user;
  const mz_plan *plan = call->plan;
  const mz_space *space = &plan->u.random.space;
  int64_t key_stride = plan->operand[0].stride[0];
  uint64_t seed = (uint64_t) * (const int64_t *)(const void *)call->at[0];
  uint64_t step = (uint64_t) * (const int64_t *)(const void *)(call->at[0] + key_stride);
  int64_t stride = space->stride[0][space->rank - 1];
  char *base = call->at[plan->n_in], *at;
  philox_block block = {{0}};
  bool have_block = false;
  for (uint64_t index = begin; index < end;) {
    int64_t n = mz_space_seek(space, (int64_t)index, &base, &at);
    if (n > (int64_t)(end - index)) n = (int64_t)(end - index);
    for (int64_t i = 0; i < n; i++, index++) {
      if (!have_block || index % 4 == 0) {
        uint64_t quad = index / 4;
        const uint32_t counter[4] = {(uint32_t)quad, (uint32_t)(quad >> 32), (uint32_t)step, plan->u.random.stream};
        block = philox(counter, (uint32_t)seed, (uint32_t)(seed >> 32));
        have_block = true;
      }
      *(float *)(void *)(at + i * stride) = (float)(block.word[index % 4] >> 8) * 0x1p-24f;
    }
  }
}

static mezzo_status run(const mz_call *call) {
  return mz_parallel(call->plan, call->plan->u.random.space.count, RANDOM_GRAIN, body, (void *)(uintptr_t)call);
}

mezzo_status mz_plan_random_uniform(mz_request *r) {
  mz_plan *plan = r->plan;
  int64_t stream;
  MZ_TRY(mz_expect_arity(r, 1, 1));
  MZ_TRY(mz_expect_dtype(r, 0, MZ_SET(MZ_I64)));
  MZ_TRY(mz_expect_shape(r, 0, 1, (const int64_t[]){2}));
  MZ_TRY(mz_expect_dtype(r, plan->n_in, MZ_SET(MZ_F32)));
  MZ_TRY(mz_attr_int(r, "stream", INT64_MIN, INT64_MAX, &stream));
  plan->u.random.stream = (uint32_t)(uint64_t)stream;
  const mz_operand *y = &plan->operand[plan->n_in];
  mz_space_init(&plan->u.random.space, 1);
  for (int axis = 0; axis < y->rank; axis++) mz_space_add(&plan->u.random.space, y->shape[axis], &y->stride[axis]);
  mz_space_coalesce(&plan->u.random.space);
  plan->run = run;
  return MEZZO_OK;
}
