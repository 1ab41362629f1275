#include "gelu_pieces.h"
#include "math_float.h"
#define T float
#define GELU mz_gelu_float
#define GELU_GRADIENT mz_gelu_gradient_float
#define MATH(name) name##f
#define KERNEL_OF mz_kernel_of_float
#define KERNEL_OF_STEP mz_kernel_of_step_float
#include "elementwise_kernels.h"
