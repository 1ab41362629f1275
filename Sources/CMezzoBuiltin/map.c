#include "counts.h"
#include "map.h"
#include <string.h>

/* Elements below which threads cost more than they bring. */
enum { MZ_MAP_GRAIN = 32768 };

mz_domain mz_domain_of(mz_dtype dtype) {
  if (dtype == MZ_F64) return MZ_IN_DOUBLE;
  return MZ_SET(dtype) & (MZ_FLOATS_TO_32 | MZ_FLOATS_8) ? MZ_IN_FLOAT : MZ_IN_INT64;
}

mz_passage mz_input(const mz_plan *plan, int operand, mz_domain domain) {
  mz_dtype dtype = plan->operand[operand].dtype;
  return (mz_passage){operand, mz_loader(domain, dtype), NULL, dtype == mz_domain_dtype(domain)};
}

mz_passage mz_result(const mz_plan *plan, int operand, mz_domain domain) {
  mz_dtype dtype = plan->operand[operand].dtype;
  return (mz_passage){operand, NULL, mz_storer(domain, dtype), dtype == mz_domain_dtype(domain)};
}

mz_passage mz_raw_input(const mz_plan *plan, int operand) {
  return (mz_passage){operand, mz_load_raw(plan->operand[operand].size), NULL, true};
}

mz_passage mz_raw_result(const mz_plan *plan, int operand) {
  return (mz_passage){operand, NULL, mz_store_raw(plan->operand[operand].size), true};
}

void mz_plan_map(mz_plan *plan, mz_kernel *kernel, int n_in, int n_out, const mz_passage *passages) {
  mz_map *map = &plan->u.map;
  map->kernel = kernel;
  map->n_in = n_in;
  map->n_out = n_out;
  mz_space_init(&map->space, n_in + n_out);
  const mz_operand *shape = &plan->operand[passages[n_in].operand];
  for (int axis = 0; axis < shape->rank; axis++) {
    int64_t strides[MZ_MAX_MAPPED];
    for (int i = 0; i < n_in + n_out; i++) strides[i] = plan->operand[passages[i].operand].stride[axis];
    mz_space_add(&map->space, shape->shape[axis], strides);
  }
  mz_space_sort(&map->space);
  mz_space_coalesce(&map->space);
  for (int i = 0; i < n_in + n_out; i++) {
    int64_t inner = map->space.stride[i][map->space.rank - 1];
    bool in_memory = passages[i].dense && inner == plan->operand[passages[i].operand].size;
    map->operand[i] = passages[i].operand;
    map->load[i] = in_memory && kernel != NULL ? NULL : passages[i].load;
    map->store[i] = in_memory ? NULL : passages[i].store;
    map->from_memory[i] = in_memory;
  }
  plan->run = mz_run_map;
}

/* A conversion skips the staging where one of its ends already is what passes between loader and storer. */
static void convert(const mz_map *map, char *const *at, int64_t n) {
  int64_t from = map->space.stride[0][map->space.rank - 1], to = map->space.stride[1][map->space.rank - 1];
  if (map->store[1] == NULL) {
    map->load[0](at[1], at[0], from, n);
    return;
  }
  if (map->from_memory[0]) {
    map->store[1](at[1], to, at[0], n);
    return;
  }
  _Alignas(64) char staged[MZ_BLOCK * sizeof(double)];
  for (int64_t done = 0; done < n; done += MZ_BLOCK) {
    int64_t block = min64(MZ_BLOCK, n - done);
    map->load[0](staged, at[0] + done * from, from, block);
    map->store[1](at[1] + done * to, to, staged, block);
  }
}

typedef struct {
  const mz_call *call;
  mz_kernel *kernel;
  const double *scalar;
} mapping;

static void compute(const mz_map *map, const mapping *with, char *const *at, int64_t n) {
  _Alignas(64) char staged[MZ_MAX_MAPPED][MZ_BLOCK * sizeof(double)];
  const void *in[MZ_MAX_MAPPED + 1] = {NULL};
  void *out[MZ_MAX_MAPPED + 1] = {NULL}; /* ends with NULL */
  int n_all = map->n_in + map->n_out, inner = map->space.rank - 1;
  bool stages = false;
  in[map->n_in] = map->table;
  for (int i = 0; i < n_all; i++) {
    if (map->from_memory[i]) continue;
    stages = true;
    if (i < map->n_in && map->space.stride[i][inner] == 0) map->load[i](staged[i], at[i], 0, min64(n, MZ_BLOCK));
  }
  int64_t step = stages ? MZ_BLOCK : n;
  for (int64_t done = 0; done < n; done += step) {
    int64_t block = min64(step, n - done);
    for (int i = 0; i < n_all; i++) {
      int64_t stride = map->space.stride[i][inner];
      char *here = at[i] + done * stride;
      bool is_input = i < map->n_in;
      if (is_input && !map->from_memory[i] && stride != 0) map->load[i](staged[i], here, stride, block);
      void *dense = map->from_memory[i] ? here : staged[i];
      if (is_input) in[i] = dense;
      else out[i - map->n_in] = dense;
    }
    with->kernel(out, in, with->scalar, block);
    for (int i = map->n_in; i < n_all; i++) {
      int64_t stride = map->space.stride[i][inner];
      if (map->store[i] != NULL) map->store[i](at[i] + done * stride, stride, staged[i], block);
    }
  }
}

static void body(void *user, uint64_t begin, uint64_t end, uint32_t worker) {
  (void)worker;
  const mapping *with = user;
  const mz_call *call = with->call;
  const mz_map *map = &call->plan->u.map;
  char *base[MZ_MAX_MAPPED], *at[MZ_MAX_MAPPED];
  for (int i = 0; i < map->n_in + map->n_out; i++) base[i] = call->at[map->operand[i]];
  mz_walk walk;
  int64_t left = (int64_t)(end - begin);
  for (int64_t n = mz_walk_begin(&walk, &map->space, (int64_t)begin, base, at);; n = mz_walk_next(&walk, &map->space, at)) {
    if (n > left) n = left;
    if (with->kernel == NULL) convert(map, at, n);
    else compute(map, with, at, n);
    left -= n;
    if (left == 0) break;
  }
}

mezzo_status mz_run_map_with(const mz_call *call, mz_kernel *kernel, const double *scalar) {
  mapping with = {call, kernel, scalar};
  return mz_parallel(call->plan, call->plan->u.map.space.count, MZ_MAP_GRAIN, body, &with);
}

mezzo_status mz_run_map(const mz_call *call) {
  return mz_run_map_with(call, call->plan->u.map.kernel, call->plan->u.map.scalar);
}
