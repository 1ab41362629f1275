#include "math_float.h"
#define T float
#define MATH(name) name##f
#define TABLE mz_rows_float
#include "rows_kernels.h"
