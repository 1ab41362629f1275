/* edge_targets.h: edge_kernels.h for each kind of processor. The includer defines what that takes but for NAME and TARGET;
 *   EDGES         the function to define, which picks
 *   WITHOUT_BASE  where there are to be none for a processor of which nothing is known */
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
