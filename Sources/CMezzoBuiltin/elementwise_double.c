#include "math_double.h"
#define T double
#define GELU(form, kernel) kernel
#define GELU_GRADIENT GELU
#define MATH(name) name
#define KERNEL_OF mz_kernel_of_double
#define KERNEL_OF_STEP mz_kernel_of_step_double
#include "elementwise_kernels.h"
