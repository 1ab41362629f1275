/* edge_kernels.h: a template, included once for each type of rows in memory. The includer defines
 *   T         what is computed in          MEMORY  what lies in memory
 *   FROM, TO  from one to the other        TABLE   the name of the table to define */
#include <math.h>
#include "edges.h"
#include "lanes.h"

MZ_CLONES static double load_max(void *to_, const void *x_, int64_t n) {
  T *to = to_, lane[STEP];
  const MEMORY *x = x_;
  for (int l = 0; l < STEP; l++) lane[l] = -(T)INFINITY;
  int64_t i = 0;
  for (; i + STEP <= n; i += STEP)
    MZ_INDEPENDENT for (int l = 0; l < STEP; l++) {
      T value = FROM(x[i + l]);
      to[i + l] = value;
      lane[l] = LARGER(value, lane[l]);
    }
  for (int l = 0; i < n; i++, l++) {
    T value = FROM(x[i]);
    to[i] = value;
    lane[l] = LARGER(value, lane[l]);
  }
  for (int width = STEP / 2; width > 0; width /= 2)
    for (int l = 0; l < width; l++) lane[l] = LARGER(lane[l + width], lane[l]);
  return (double)lane[0];
}

#define SUMMED(VALUE)                                                                   \
  for (int64_t begin = 0; begin < n; begin += LONG) {                                   \
    int64_t end = n - begin < LONG ? n : begin + LONG, i = begin;                       \
    vector even = {0}, odd = {0};                                                       \
    for (; i + STEP <= end; i += STEP) {                                                \
      MZ_INDEPENDENT for (int l = 0; l < STEP; l++) to[i + l] = VALUE(i + l);           \
      even += AT(to, i) + AT(to, i + 2 * WIDTH);                                        \
      odd += AT(to, i + WIDTH) + AT(to, i + 3 * WIDTH);                                 \
    }                                                                                   \
    even += odd;                                                                        \
    total += fold(&even);                                                               \
    T rest = 0;                                                                         \
    for (; i < end; i++) rest += to[i] = VALUE(i);                                      \
    total += (double)rest;                                                              \
  }

MZ_CLONES static double load_sum(void *to_, const void *x_, const void *r_, int64_t n) {
  T *to = to_;
  const MEMORY *x = x_, *r = r_;
  double total = 0;
#define ALONE(i) FROM(x[i])
#define BOTH(i) (FROM(x[i]) + FROM(r[i]))
  if (r == NULL) {
    SUMMED(ALONE)
  } else {
    SUMMED(BOTH)
  }
#undef ALONE
#undef BOTH
  return total;
}

MZ_CLONES static void store_scaled(void *y_, const void *x_, double scale_, int64_t n) {
  MEMORY *y = y_;
  const T *x = x_, scale = (T)scale_;
  MZ_INDEPENDENT for (int64_t i = 0; i < n; i++) y[i] = TO(x[i] * scale);
}

MZ_CLONES static void store_affine(void *y_, const void *x_, double scale_, const void *gamma_, const void *beta_, int64_t n) {
  MEMORY *y = y_;
  const T *x = x_, *gamma = gamma_, *beta = beta_, scale = (T)scale_;
  MZ_INDEPENDENT for (int64_t i = 0; i < n; i++) y[i] = TO(x[i] * scale * gamma[i] + beta[i]);
}

const mz_edges TABLE = {load_max, load_sum, store_scaled, store_affine};
