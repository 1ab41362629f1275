/* A 32-bit word holds two elements: the vectors of a pair hold those in the low and those in the high halves, which spares moving
 * them about. NaNs have none but upper bits, as those of all that comes in. */
#include <math.h>
#include "edges.h"
#include "target.h"
#define T float
#define MEMORY uint16_t
#include "exp_lanes.h"

#define LOAD(v, x)                                          \
  do {                                                      \
    words pair_;                                            \
    memcpy(&pair_, x, sizeof pair_);                        \
    v[0] = (vector)(pair_ << 16);                           \
    v[1] = (vector)(pair_ & 0xffff0000u);                   \
  } while (0)
#define ROUNDED(v) ((words)(v) + 0x7fffu + ((words)(v) >> 16 & 1u))
#define STORE(y, v)                                                                   \
  do {                                                                                \
    words pair_ = ROUNDED(v[0]) >> 16 | (ROUNDED(v[1]) & 0xffff0000u);                \
    memcpy(y, &pair_, sizeof pair_);                                                  \
  } while (0)
#define PLACE(l) ((l) % 2 * WIDTH + (l) / 2)
#define EXP MZ_EXP_16
#define LOWEST 0xff80
#define ONE 0x3f80
#define EDGES mz_edges_bfloat16
#include "edge_targets.h"
