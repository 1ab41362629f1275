/* elementwise_kernels.h: a template, included once for float and once for double. The includer defines
 *   T        what is computed in
 *   MATH(f)  the name of a function of T
 *   GELU(form, kernel), GELU_GRADIENT(form, kernel)  what is to take the place of a kernel, or that
 *   KERNEL_OF, KERNEL_OF_STEP  names of the two functions to define */
#include <math.h>
#include "elementwise.h"
#include "target.h"

#define SIGNATURE void *const *out, const void *const *in, const double *scalar, int64_t n

#define UNARY(name, expression)                                \
  MZ_CLONES static void name(SIGNATURE) {                      \
    T *y = out[0];                                             \
    const T *a = in[0];                                        \
    (void)scalar;                                              \
    MZ_INDEPENDENT for (int64_t i = 0; i < n; i++) {           \
      T x = a[i];                                              \
      y[i] = expression;                                       \
    }                                                          \
  }

#define BINARY(name, R, expression)                            \
  MZ_CLONES static void name(SIGNATURE) {                      \
    R *z = out[0];                                             \
    const T *a = in[0], *b = in[1];                            \
    (void)scalar;                                              \
    MZ_INDEPENDENT for (int64_t i = 0; i < n; i++) {           \
      T x = a[i], y = b[i];                                    \
      z[i] = (R)(expression);                                  \
    }                                                          \
  }

BINARY(add, T, x + y)
BINARY(subtract, T, x - y)
BINARY(multiply, T, x *y)
BINARY(divide, T, x / y)
BINARY(maximum, T, x > y || x != x ? x : y)
BINARY(minimum, T, x < y || x != x ? x : y)
BINARY(equal, uint8_t, x == y)
BINARY(less, uint8_t, x < y)
BINARY(less_equal, uint8_t, x <= y)
BINARY(relu_gradient, T, y > 0 ? x : 0)

UNARY(negate, -x)
UNARY(absolute, MATH(fabs)(x))
UNARY(square_root, MATH(mz_sqrt)(x))
UNARY(relu, x > 0 || x != x ? x : 0)
UNARY(scale, x *(T)scalar[0])

UNARY(exponential, MATH(mz_exp)(x))
UNARY(logarithm, MATH(mz_log)(x))
UNARY(error_function, MATH(mz_erf)(x))
UNARY(hyperbolic_tangent, MATH(mz_tanh)(x))
UNARY(sigmoid, MATH(mz_sigmoid)(x))
UNARY(log_one_plus, MATH(mz_log1p)(x))
UNARY(exponential_less_one, MATH(mz_expm1)(x))
/* max(x, 0) + log(1 + e^-|x|), which neither overflows nor cancels. */
UNARY(softplus, (x > 0 || x != x ? x : 0) + MATH(mz_log1p)(MATH(mz_exp_nonpositive)(-MATH(fabs)(x))))
UNARY(silu, x *MATH(mz_sigmoid)(x))
UNARY(gelu_erf, (T)0.5 * x * MATH(mz_erfc)(x * (T)-0.70710678118654752440))
/* 1 + tanh(u) = 2 sigmoid(2u), which does not cancel for negative u. */
UNARY(gelu_tanh, x *MATH(mz_sigmoid)((T)1.59576912160573071176 * (x + (T)0.044715 * x * x * x)))

BINARY(gelu_gradient_erf, T, x *MATH(mz_gelu_slope)(y))

/* With s = sigmoid(u) for u = 2 sqrt(2/pi) (x + 0.044715 x^3), gelu is x s, and s' = s (1 - s) u'; s (1 - s) is taken from
 * e^-|u|, which does not cancel, and x is bounded so that infinities meet no 0. */
MZ_INLINE T gelu_tanh_slope(T x) {
  T bounded = x > 40 ? 40 : x < -40 ? -40 : x;
  T square = bounded * bounded, two = (T)1.59576912160573071176;
  T u = two * bounded * (1 + (T)0.044715 * square);
  T e = MATH(mz_exp_nonpositive)(-MATH(fabs)(u)), inverse = 1 / (1 + e);
  T slope = two * (1 + (T)(3 * 0.044715) * square);
  return (u < 0 ? e : 1) * inverse + bounded * slope * e * inverse * inverse;
}
BINARY(gelu_gradient_tanh, T, x *gelu_tanh_slope(y))

static mz_kernel *const table[] = {
    [MEZZO_OP_ADD] = add,
    [MEZZO_OP_SUBTRACT] = subtract,
    [MEZZO_OP_MULTIPLY] = multiply,
    [MEZZO_OP_DIVIDE] = divide,
    [MEZZO_OP_MAXIMUM] = maximum,
    [MEZZO_OP_MINIMUM] = minimum,
    [MEZZO_OP_EQUAL] = equal,
    [MEZZO_OP_LESS] = less,
    [MEZZO_OP_LESS_EQUAL] = less_equal,
    [MEZZO_OP_NEGATE] = negate,
    [MEZZO_OP_ABS] = absolute,
    [MEZZO_OP_EXP] = exponential,
    [MEZZO_OP_LOG] = logarithm,
    [MEZZO_OP_SQRT] = square_root,
    [MEZZO_OP_ERF] = error_function,
    [MEZZO_OP_TANH] = hyperbolic_tangent,
    [MEZZO_OP_SIGMOID] = sigmoid,
    [MEZZO_OP_RELU] = relu,
    [MEZZO_OP_RELU_GRADIENT] = relu_gradient,
    [MEZZO_OP_LOG1P] = log_one_plus,
    [MEZZO_OP_EXPM1] = exponential_less_one,
    [MEZZO_OP_SOFTPLUS] = softplus,
};

mz_kernel *KERNEL_OF(uint32_t op, int64_t form) {
  if (op == MEZZO_OP_GELU) return form == 1 ? GELU(1, gelu_tanh) : GELU(0, gelu_erf);
  if (op == MEZZO_OP_GELU_GRADIENT) return form == 1 ? GELU_GRADIENT(1, gelu_gradient_tanh) : GELU_GRADIENT(0, gelu_gradient_erf);
  return op < sizeof table / sizeof table[0] ? table[op] : NULL;
}

mz_kernel *KERNEL_OF_STEP(uint32_t epilogue) {
  switch (epilogue) {
    case MEZZO_EPI_BIAS:
    case MEZZO_EPI_ADD: return add;
    case MEZZO_EPI_MUL: return multiply;
    case MEZZO_EPI_RELU: return relu;
    case MEZZO_EPI_GELU_ERF: return GELU(0, gelu_erf);
    case MEZZO_EPI_GELU_TANH: return GELU(1, gelu_tanh);
    case MEZZO_EPI_SIGMOID: return sigmoid;
    case MEZZO_EPI_TANH: return hyperbolic_tangent;
    case MEZZO_EPI_SILU: return silu;
    case MEZZO_EPI_SCALE: return scale;
    default: return NULL;
  }
}
