#include <string.h>
#include "math_double.h"
#define T double
#define MATH(name) name
#define TABLE mz_norms_double
#include "norm_kernels.h"
