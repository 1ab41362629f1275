/* edge_targets.h: edge_kernels.h for each kind of processor. The includer defines what that takes but for NAME and TARGET;
 *   EDGES         the function to define, which picks
 *   WITHOUT_BASE  where there are to be none for a processor of which nothing is known */

/* Less than 128 bytes: the C library's copy is a call. */
MZ_INLINE void copy_few(void *to_, const void *from_, size_t bytes) {
  char *to = to_;
  const char *from = from_;
#define COPY(SIZE)                \
  if ((bytes & (SIZE)) != 0) {    \
    memcpy(to, from, SIZE);       \
    to += (SIZE);                 \
    from += (SIZE);               \
  }
  COPY(64) COPY(32) COPY(16) COPY(8) COPY(4) COPY(2)
#undef COPY
}

#if !defined(WITHOUT_BASE)
#define TARGET
#define NAME(x) base_##x
#include "edge_kernels.h"
#endif
#if defined(__x86_64__)
#define TARGET __attribute__((target("arch=x86-64-v3")))
#define NAME(x) v3_##x
#include "edge_kernels.h"
#define TARGET __attribute__((target("arch=x86-64-v4"), min_vector_width(512)))
#define NAME(x) v4_##x
#include "edge_kernels.h"
#endif

const mz_edges *EDGES(void) {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("x86-64-v4")) return &v4_edges;
  if (__builtin_cpu_supports("x86-64-v3")) return &v3_edges;
#endif
#if defined(WITHOUT_BASE)
  return NULL;
#else
  return &base_edges;
#endif
}
