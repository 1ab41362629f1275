#define T float
#define SIGNED int32_t
#define TABLE mz_max_pool_float
#include "max_pool_kernels.h"
