#include <math.h>
#include "edges.h"
#include "math_double.h"
#define T double
#define MEMORY double
#include "lanes.h"

#define LOAD(v, x) memcpy(v, x, 2 * sizeof(vector))
#define STORE(y, v) memcpy(y, v, 2 * sizeof(vector))
#define PLACE(l) (l)
#define EXP(to, d)                                                       \
  do {                                                                   \
    vector d_ = (d);                                                     \
    for (int l = 0; l < WIDTH; l++) to[l] = mz_exp_nonpositive(d_[l]);   \
  } while (0)
#define LOWEST -INFINITY
#define ONE 1
#define EDGES mz_edges_double
#include "edge_targets.h"
