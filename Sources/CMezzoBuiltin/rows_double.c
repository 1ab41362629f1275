#include "math_double.h"
#define T double
#define MATH(name) name
#define TABLE mz_rows_double
#include "rows_kernels.h"
