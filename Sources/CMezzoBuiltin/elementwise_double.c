#include "math_double.h"
#define T double
#define MATH(name) name
#define KERNEL_OF mz_kernel_of_double
#define KERNEL_OF_STEP mz_kernel_of_step_double
#include "elementwise_kernels.h"
