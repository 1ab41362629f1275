/* rows_kernels.h: a template, included once for float and once for double. The includer defines
 *   T        what is computed in
 *   MATH(f)  the name of a function of T
 *   TABLE    the name of the table to define */
#include <math.h>
#include "rows.h"
#include "target.h"

enum { LANES = 32 };

MZ_CLONES static double sum(const void *x_, int64_t n) {
  const T *x = x_;
  double total = 0;
  for (int64_t begin = 0; begin < n; begin += MZ_BLOCK) {
    int64_t end = n - begin < MZ_BLOCK ? n : begin + MZ_BLOCK, i = begin;
    T lane[LANES] = {0};
    for (; i + LANES <= end; i += LANES)
      for (int l = 0; l < LANES; l++) lane[l] += x[i + l];
    for (int l = 0; i < end; i++, l++) lane[l] += x[i];
    for (int width = LANES / 2; width > 0; width /= 2)
      for (int l = 0; l < width; l++) lane[l] += lane[l + width];
    total += (double)lane[0];
  }
  return total;
}

#define LARGER(x, m) ((x) > (m) || (x) != (x) ? (x) : (m))

MZ_CLONES static double max(const void *x_, double so_far, int64_t n) {
  const T *x = x_;
  T lane[LANES];
  for (int l = 0; l < LANES; l++) lane[l] = (T)so_far;
  int64_t i = 0;
  for (; i + LANES <= n; i += LANES)
    for (int l = 0; l < LANES; l++) lane[l] = LARGER(x[i + l], lane[l]);
  for (int l = 0; i < n; i++, l++) lane[l] = LARGER(x[i], lane[l]);
  for (int width = LANES / 2; width > 0; width /= 2)
    for (int l = 0; l < width; l++) lane[l] = LARGER(lane[l + width], lane[l]);
  return (double)lane[0];
}

MZ_CLONES static double sum_exp(const void *x_, double max, int64_t n) {
  const T *x = x_;
  T e[MZ_BLOCK], m = (T)max;
  double total = 0;
  for (int64_t begin = 0; begin < n; begin += MZ_BLOCK) {
    int64_t block = n - begin < MZ_BLOCK ? n - begin : MZ_BLOCK;
    MZ_INDEPENDENT for (int64_t i = 0; i < block; i++) e[i] = MATH(mz_exp_nonpositive)(x[begin + i] - m);
    total += sum(e, block);
  }
  return total;
}

MZ_CLONES static void log_softmax(void *y_, const void *x_, double max, double sum, int64_t n) {
  T *y = y_;
  const T *x = x_;
  T m = (T)max, shift = (T)log(sum);
  MZ_INDEPENDENT for (int64_t i = 0; i < n; i++) y[i] = x[i] - m - shift;
}

MZ_CLONES static void add_columns(void *total_, const void *x_, int64_t stride, int64_t rows, int64_t n) {
  T *total = total_;
  int64_t i = 0;
  /* A strip of columns stays in registers. */
  for (; i + LANES <= n; i += LANES) {
    const T *x = (const T *)x_ + i;
    T lane[LANES];
    for (int l = 0; l < LANES; l++) lane[l] = total[i + l];
    for (int64_t r = 0; r < rows; r++, x += stride)
      for (int l = 0; l < LANES; l++) lane[l] += x[l];
    for (int l = 0; l < LANES; l++) total[i + l] = lane[l];
  }
  for (int64_t r = 0; r < rows; r++) {
    const T *x = (const T *)x_ + r * stride;
    MZ_INDEPENDENT for (int64_t j = i; j < n; j++) total[j] += x[j];
  }
}

MZ_CLONES static void max_columns(void *total_, const void *x_, int64_t n) {
  T *total = total_;
  const T *x = x_;
  MZ_INDEPENDENT for (int64_t i = 0; i < n; i++) total[i] = LARGER(x[i], total[i]);
}

static void flush_columns(double *total, void *partial_, int64_t n) {
  T *partial = partial_;
  for (int64_t i = 0; i < n; i++) {
    total[i] += (double)partial[i];
    partial[i] = 0;
  }
}

static int64_t first_max(const void *x_, int64_t n) {
  const T *x = x_;
  int64_t best = 0;
  for (int64_t i = 0; i < n; i++) {
    if (x[i] != x[i]) return i;
    if (x[i] > x[best]) best = i;
  }
  return best;
}

MZ_CLONES static bool finite_all(const void *x_, int64_t n) {
  const T *x = x_;
  int bad = 0;
  for (int64_t i = 0; i < n; i++) bad |= !(x[i] - x[i] == 0);
  return bad == 0;
}

const mz_row_kernels TABLE = {
    .sum = sum,
    .max = max,
    .sum_exp = sum_exp,
    .log_softmax = log_softmax,
    .add_columns = add_columns,
    .max_columns = max_columns,
    .flush_columns = flush_columns,
    .first_max = first_max,
    .finite = finite_all,
};
