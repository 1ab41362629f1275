/* Only where the processor converts; elsewhere loops over whole rows do it better. */
#include <math.h>
#include "edges.h"
#include "target.h"
#define T float
#define MEMORY uint16_t
#include "exp_lanes.h"

#if defined(__x86_64__) || defined(__aarch64__)
typedef _Float16 halves __attribute__((ext_vector_type(2 * WIDTH)));
typedef float singles __attribute__((ext_vector_type(2 * WIDTH)));

#define LOAD(v, x)                                             \
  do {                                                         \
    halves pair_;                                              \
    memcpy(&pair_, x, sizeof pair_);                           \
    singles wide_ = __builtin_convertvector(pair_, singles);   \
    memcpy(v, &wide_, sizeof wide_);                           \
  } while (0)
#define STORE(y, v)                                            \
  do {                                                         \
    singles wide_;                                             \
    memcpy(&wide_, v, sizeof wide_);                           \
    halves pair_ = __builtin_convertvector(wide_, halves);     \
    memcpy(y, &pair_, sizeof pair_);                           \
  } while (0)
#define PLACE(l) (l)
#define EXP MZ_EXP_16
#define LOWEST 0xfc00
#define ONE 0x3c00
#define EDGES mz_edges_float16
#if defined(__x86_64__)
#define WITHOUT_BASE
#endif
#include "edge_targets.h"
#else
const mz_edges *mz_edges_float16(void) { return NULL; }
#endif
