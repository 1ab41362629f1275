#include <string.h>
#include "counts.h"
#include "matmul.h"

/* Lanes that are rearranged at once, in registers. */
enum { LANES = 8 };

#define SPREAD(suffix, T)                                                                                  \
  static void spread_##suffix(T *to, int64_t width, const T *from, int64_t n) {                            \
    for (int64_t i = 0; i < n; i++) to[i * width] = from[i];                                               \
  }                                                                                                        \
  /* The transpose of LANES rows, MZ_BLOCK apart: three times, each of the first half is interleaved with one of the second. */ \
  MZ_CLONES static void transpose_##suffix(T *to, int64_t width, const T *from, int64_t n) {               \
    typedef T row __attribute__((vector_size(LANES * sizeof(T)), aligned(sizeof(T))));                     \
    int64_t i = 0;                                                                                         \
    for (; i + LANES <= n; i += LANES) {                                                                   \
      row a[LANES], b[LANES];                                                                              \
      for (int r = 0; r < LANES; r++) a[r] = *(const row *)(const void *)(from + r * MZ_BLOCK + i);        \
      for (int round = 0; round < 3; round++) {                                                            \
        for (int r = 0; r < LANES / 2; r++) {                                                              \
          b[2 * r] = __builtin_shufflevector(a[r], a[r + LANES / 2], 0, 8, 1, 9, 2, 10, 3, 11);            \
          b[2 * r + 1] = __builtin_shufflevector(a[r], a[r + LANES / 2], 4, 12, 5, 13, 6, 14, 7, 15);      \
        }                                                                                                  \
        memcpy(a, b, sizeof a);                                                                            \
      }                                                                                                    \
      for (int r = 0; r < LANES; r++) *(row *)(void *)(to + (i + r) * width) = a[r];                       \
    }                                                                                                      \
    for (int r = 0; r < LANES; r++) spread_##suffix(to + i * width + r, width, from + r * MZ_BLOCK + i, n - i); \
  }
SPREAD(short, uint16_t)
SPREAD(float, float)
SPREAD(double, double)

static void place(void *to, int64_t element, int64_t width, const void *staged, int64_t lanes, int64_t n) {
  bool whole = lanes == LANES;
  if (element == sizeof(uint16_t)) (whole ? transpose_short : spread_short)(to, width, staged, n);
  else if (element == sizeof(float)) (whole ? transpose_float : spread_float)(to, width, staged, n);
  else (whole ? transpose_double : spread_double)(to, width, staged, n);
}

static void pack_along_k(char *to, int64_t element, int64_t width, const mz_packing *p, const char *from, int64_t lanes, int64_t k) {
  _Alignas(64) char staged[LANES * MZ_BLOCK * sizeof(double)];
  for (int64_t lane = 0, step; lane < lanes; lane += step) {
    step = lanes - lane < LANES ? 1 : LANES;
    for (int64_t begin = 0; begin < k; begin += MZ_BLOCK) {
      int64_t n = k - begin < MZ_BLOCK ? k - begin : MZ_BLOCK;
      for (int64_t l = 0; l < step; l++)
        p->load(staged + l * MZ_BLOCK * element, from + (lane + l) * p->lane_stride + begin * p->k_stride, p->k_stride, n);
      place(to + (begin * width + lane) * element, element, width, staged, step, n);
    }
  }
}

/* Widths that are usual are copied without a call. */
void mz_deal(char *to, int64_t panel, int64_t width, const char *row, int64_t bytes) {
#define DEAL(n)                                                                           \
  case n:                                                                                 \
    for (; bytes >= n; bytes -= n, row += n, to += panel) memcpy(to, row, n);             \
    break;
  switch (width) {
    DEAL(128)
    DEAL(64)
    DEAL(56)
    DEAL(32)
    DEAL(24)
    DEAL(16)
    DEAL(112)
    DEAL(48)
    default:
      for (; bytes >= width; bytes -= width, row += width, to += panel) memcpy(to, row, (size_t)width);
  }
#undef DEAL
  if (bytes > 0) memcpy(to, row, (size_t)bytes);
}

/* Rows of many lanes, each read once and in order. */
static void pack_along_lanes(char *to, int64_t element, int64_t width, const mz_packing *p, int64_t lanes, int64_t k) {
  _Alignas(64) char staged[MZ_BLOCK * sizeof(double)];
  int64_t most = MZ_BLOCK / width * width, panel = width * k * element;
  for (int64_t first = 0; first < lanes; first += most, to += most * k * element) {
    int64_t n = lanes - first < most ? lanes - first : most;
    if (n % width != 0) memset(to + n / width * panel, 0, (size_t)panel);
    for (int64_t i = 0; i < k; i++) {
      p->load(staged, p->from + first * p->lane_stride + i * p->k_stride, p->lane_stride, n);
      mz_deal(to + i * width * element, panel, width * element, staged, n * element);
    }
  }
}

void mz_pack(void *to_, int64_t element, int64_t width, const mz_packing *p, int64_t lanes, int64_t k) {
  char *to = to_;
  if (magnitude(p->k_stride) >= magnitude(p->lane_stride)) {
    pack_along_lanes(to, element, width, p, lanes, k);
    return;
  }
  for (int64_t first = 0; first < lanes; first += width, to += width * k * element) {
    int64_t here = lanes - first < width ? lanes - first : width;
    if (here < width) memset(to, 0, (size_t)(width * k * element));
    pack_along_k(to, element, width, p, p->from + first * p->lane_stride, here, k);
  }
}
