#include "matmul.h"

#define BLEND(name, T)                                                                              \
  static void name(const mz_matmul *p, const char *result, T *acc, int64_t n) {                     \
    T old[MZ_BLOCK], alpha = (T)p->alpha, beta = (T)p->beta;                                        \
    if (p->load_c == NULL) {                                                                        \
      for (int64_t i = 0; i < n; i++) acc[i] *= alpha;                                              \
    } else {                                                                                        \
      p->load_c(old, result, p->c_stride[1], n);                                                    \
      for (int64_t i = 0; i < n; i++) acc[i] = alpha * acc[i] + beta * old[i];                      \
    }                                                                                               \
  }
BLEND(blend_float, float)
BLEND(blend_double, double)

void mz_blend(const mz_matmul *p, const char *result, void *acc, int64_t n) {
  if (p->alpha == 1 && p->load_c == NULL) return;
  if (p->element == sizeof(float)) blend_float(p, result, acc, n);
  else blend_double(p, result, acc, n);
}
