#include "elementwise.h"
#include "target.h"

/* Integers wrap, which unsigned arithmetic does without undefined behaviour. */
#define BINARY(name, R, expression)                                                                       \
  MZ_CLONES static void name(void *const *out, const void *const *in, const double *scalar, int64_t n) {  \
    R *z = out[0];                                                                                        \
    const int64_t *a = in[0], *b = in[1];                                                                 \
    (void)scalar;                                                                                         \
    MZ_INDEPENDENT for (int64_t i = 0; i < n; i++) {                                                      \
      int64_t x = a[i], y = b[i];                                                                         \
      z[i] = (R)(expression);                                                                             \
    }                                                                                                     \
  }

BINARY(add, int64_t, (uint64_t)x + (uint64_t)y)
BINARY(subtract, int64_t, (uint64_t)x - (uint64_t)y)
BINARY(multiply, int64_t, (uint64_t)x *(uint64_t)y)
BINARY(maximum, int64_t, x > y ? x : y)
BINARY(minimum, int64_t, x < y ? x : y)
BINARY(equal, uint8_t, x == y)
BINARY(less, uint8_t, x < y)
BINARY(less_equal, uint8_t, x <= y)
BINARY(logical_and, uint8_t, x != 0 && y != 0)

mz_kernel *mz_kernel_of_int64(uint32_t op) {
  switch (op) {
    case MEZZO_OP_ADD: return add;
    case MEZZO_OP_SUBTRACT: return subtract;
    case MEZZO_OP_MULTIPLY: return multiply;
    case MEZZO_OP_MAXIMUM: return maximum;
    case MEZZO_OP_MINIMUM: return minimum;
    case MEZZO_OP_EQUAL: return equal;
    case MEZZO_OP_LESS: return less;
    case MEZZO_OP_LESS_EQUAL: return less_equal;
    case MEZZO_OP_LOGICAL_AND: return logical_and;
    default: return NULL;
  }
}
