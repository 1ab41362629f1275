#define T double
#define MEMORY double
#define SAME(x) (x)
#define FROM SAME
#define TO SAME
#define TABLE mz_edges_double
#include "edge_kernels.h"
