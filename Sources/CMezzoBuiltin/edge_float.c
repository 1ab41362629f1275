#define T float
#define MEMORY float
#define SAME(x) (x)
#define FROM SAME
#define TO SAME
#define TABLE mz_edges_float
#include "edge_kernels.h"
