#include "math_float.h"
#define T float
#define MATH(name) name##f
#define TABLE mz_norms_float
#include "norm_kernels.h"
