#include <math.h>
#include "edges.h"
#include "target.h"
#define T float
#define MEMORY float
#include "exp_lanes.h"

#define LOAD(v, x) memcpy(v, x, 2 * sizeof(vector))
#define STORE(y, v) memcpy(y, v, 2 * sizeof(vector))
#define PLACE(l) (l)
#define EXP MZ_EXP
#define LOWEST -INFINITY
#define ONE 1
#define EDGES mz_edges_float
#include "edge_targets.h"
