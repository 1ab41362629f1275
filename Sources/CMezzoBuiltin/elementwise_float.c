#include "math_float.h"
#define T float
#define MATH(name) name##f
#define KERNEL_OF mz_kernel_of_float
#define KERNEL_OF_STEP mz_kernel_of_step_float
#include "elementwise_kernels.h"
