/* Functions that do nothing, reached by a backend's table and by a manifest: what a call of them takes is what calling takes.
 *
 * Loaded in front of the C library it also counts allocations, to show that the run path makes none. */
#include "mezzo_backend.h"

#include <stddef.h>

#define EXPORTED __attribute__((visibility("default")))

/* As many arguments as a matrix product of a BLAS has. */
EXPORTED void mezzo_calls_nothing(int32_t order, int32_t ta, int32_t tb, int32_t m, int32_t n, int32_t k, float alpha,
                                  const void *a, int32_t lda, const void *b, int32_t ldb, float beta, void *c, int32_t ldc) {
  (void)order, (void)ta, (void)tb, (void)m, (void)n, (void)k, (void)alpha, (void)a, (void)lda, (void)b, (void)ldb, (void)beta;
  (void)c, (void)ldc;
}

static mezzo_status start(void *unused, mezzo_open_args *args) {
  (void)unused, (void)args;
  return MEZZO_OK;
}
static mezzo_status stop(void *self, mezzo_call *call) {
  (void)self, (void)call;
  return MEZZO_OK;
}
static mezzo_status plan(void *self, mezzo_plan_args *args) {
  (void)self, (void)args;
  return MEZZO_OK;
}
static mezzo_status execute(void *self, mezzo_exec_args *args) {
  (void)self, (void)args;
  return MEZZO_OK;
}
static mezzo_status release(void *self, mezzo_release_args *args) {
  (void)self, (void)args;
  return MEZZO_OK;
}

static const mezzo_rule rules[] = {{.struct_size = sizeof(mezzo_rule),
                                    .op = MEZZO_OP_MATMUL,
                                    .name = "nothing",
                                    .sig = "A:f32[m,k] B:f32[k,n] -> C:f32[m,n]",
                                    .numerics = {.accum = {MEZZO_FLOAT, 32, 1}},
                                    .flags = MEZZO_R_REENTRANT}};

static const mezzo_backend table = {.struct_size = sizeof(mezzo_backend),
                                    .abi_major = MEZZO_ABI_MAJOR,
                                    .id = "calls",
                                    .version = "1",
                                    .rules = rules,
                                    .n_rules = 1,
                                    .rule_stride = sizeof(mezzo_rule),
                                    .open = start,
                                    .close = stop,
                                    .plan = plan,
                                    .execute = execute,
                                    .release = release};

MEZZO_EXPORT const mezzo_backend *mezzo_backend_query(const mezzo_offer *offer) {
  (void)offer;
  return &table;
}

#if defined(__GLIBC__)
/* glibc's own names for its allocator, under which it is still there when the usual ones are taken. */
extern void *__libc_malloc(size_t), *__libc_calloc(size_t, size_t), *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);
static _Thread_local int64_t allocations __attribute__((tls_model("initial-exec")));

EXPORTED void *malloc(size_t bytes) {
  allocations++;
  return __libc_malloc(bytes);
}
EXPORTED void *calloc(size_t count, size_t bytes) {
  allocations++;
  return __libc_calloc(count, bytes);
}
EXPORTED void *realloc(void *old, size_t bytes) {
  allocations++;
  return __libc_realloc(old, bytes);
}
EXPORTED void *aligned_alloc(size_t alignment, size_t bytes) {
  allocations++;
  return __libc_memalign(alignment, bytes);
}
EXPORTED int posix_memalign(void **to, size_t alignment, size_t bytes) {
  allocations++;
  *to = __libc_memalign(alignment, bytes);
  return *to ? 0 : 12; /* ENOMEM */
}

/* Of this thread. */
EXPORTED int64_t mezzo_calls_allocations(void) { return allocations; }
#endif
