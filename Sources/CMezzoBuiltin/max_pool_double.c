#define T double
#define SIGNED int64_t
#define TABLE mz_max_pool_double
#include "max_pool_kernels.h"
