#include <string.h>
#include "matmul.h"

#define SPREAD(name, T)                                                               \
  static void name(T *to, int64_t width, const T *from, int64_t n) {                  \
    for (int64_t i = 0; i < n; i++) to[i * width] = from[i];                          \
  }
SPREAD(spread_float, float)
SPREAD(spread_double, double)

static void pack_along_k(char *to, int64_t element, int64_t width, const mz_packing *p, const char *from, int64_t lanes, int64_t k) {
  _Alignas(64) char staged[MZ_BLOCK * sizeof(double)];
  for (int64_t lane = 0; lane < lanes; lane++) {
    for (int64_t begin = 0; begin < k; begin += MZ_BLOCK) {
      int64_t n = k - begin < MZ_BLOCK ? k - begin : MZ_BLOCK;
      p->load(staged, from + lane * p->lane_stride + begin * p->k_stride, p->k_stride, n);
      void *place = to + (begin * width + lane) * element;
      if (element == sizeof(float)) spread_float(place, width, (const float *)(const void *)staged, n);
      else spread_double(place, width, (const double *)(const void *)staged, n);
    }
  }
}

static int64_t magnitude(int64_t x) { return x < 0 ? -x : x; }

void mz_pack(void *to_, int64_t element, int64_t width, const mz_packing *p, int64_t lanes, int64_t k) {
  char *to = to_;
  for (int64_t first = 0; first < lanes; first += width, to += width * k * element) {
    const char *from = p->from + first * p->lane_stride;
    int64_t here = lanes - first < width ? lanes - first : width;
    if (here < width) memset(to, 0, (size_t)(width * k * element));
    if (magnitude(p->k_stride) < magnitude(p->lane_stride)) {
      pack_along_k(to, element, width, p, from, here, k);
    } else {
      for (int64_t i = 0; i < k; i++) p->load(to + i * width * element, from + i * p->k_stride, p->lane_stride, here);
    }
  }
}
