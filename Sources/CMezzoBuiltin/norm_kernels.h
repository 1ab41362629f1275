/* norm_kernels.h: a template, included once for float and once for double. The includer defines
 *   T        what is computed in
 *   MATH(f)  the name of a function of T
 *   TABLE    the name of the table to define */
#include "lanes.h"
#include "norms.h"


/* total[t] += the sum of terms; VECTORS of i for whole vectors, SCALARS of i for the rest. */
#define SUMMED(VECTORS, SCALARS)                                              \
  for (int64_t begin = 0; begin < n; begin += LONG) {                         \
    int64_t end = n - begin < LONG ? n : begin + LONG, i = begin;             \
    vector even = {0}, odd = {0};                                             \
    for (; i + 2 * WIDTH <= end; i += 2 * WIDTH) {                            \
      even += VECTORS(i);                                                     \
      odd += VECTORS(i + WIDTH);                                              \
    }                                                                         \
    for (; i + WIDTH <= end; i += WIDTH) even += VECTORS(i);                  \
    even += odd;                                                              \
    total += fold(&even);                                                     \
    T rest = 0;                                                               \
    for (; i < end; i++) rest += SCALARS(i);                                  \
    total += (double)rest;                                                    \
  }

MZ_CLONES static double add(void *x_, const void *r_, int64_t n) {
  T *restrict x = x_;
  const T *restrict r = r_;
  double total = 0;
  if (r == NULL) {
#define SCALARS(i) x[i]
#define VECTORS(i) AT(x, i)
    SUMMED(VECTORS, SCALARS)
#undef SCALARS
#undef VECTORS
  } else {
#define SCALARS(i) (x[i] += r[i])
#define VECTORS(i) (AT(x, i) += GIVEN(r, i))
    SUMMED(VECTORS, SCALARS)
#undef SCALARS
#undef VECTORS
  }
  return total;
}

MZ_CLONES static double center(void *x_, double mean_, int64_t n) {
  T *x = x_, mean = (T)mean_;
  double total = 0;
#define SCALARS(i) ((x[i] -= mean), x[i] * x[i])
#define VECTORS(i) ((AT(x, i) -= mean), AT(x, i) * AT(x, i))
  SUMMED(VECTORS, SCALARS)
#undef SCALARS
#undef VECTORS
  return total;
}

MZ_CLONES static double dot(const void *x_, const void *y_, int64_t n) {
  const T *x = x_, *y = y_;
  double total = 0;
#define SCALARS(i) (x[i] * y[i])
#define VECTORS(i) (GIVEN(x, i) * GIVEN(y, i))
  SUMMED(VECTORS, SCALARS)
#undef SCALARS
#undef VECTORS
  return total;
}

MZ_INLINE double exponentials_of(T *x, T max, int64_t n) {
  double total = 0;
  for (int64_t begin = 0; begin < n; begin += LONG) {
    int64_t end = n - begin < LONG ? n : begin + LONG, i = begin;
    vector even = {0}, odd = {0};
    for (; i + STEP <= end; i += STEP) {
      MZ_INDEPENDENT for (int l = 0; l < STEP; l++) x[i + l] = MATH(mz_exp_nonpositive)(x[i + l] - max);
      even += AT(x, i) + AT(x, i + 2 * WIDTH);
      odd += AT(x, i + WIDTH) + AT(x, i + 3 * WIDTH);
    }
    even += odd;
    total += fold(&even);
    T rest = 0;
    for (; i < end; i++) rest += x[i] = MATH(mz_exp_nonpositive)(x[i] - max);
    total += (double)rest;
  }
  return total;
}

MZ_CLONES static double exponentials(void *x, double max, int64_t n) { return exponentials_of(x, (T)max, n); }

MZ_INLINE double largest_of(const T *x, double so_far, int64_t n) {
  T lane[2 * WIDTH];
  for (int l = 0; l < 2 * WIDTH; l++) lane[l] = (T)so_far;
  int64_t i = 0;
  for (; i + 2 * WIDTH <= n; i += 2 * WIDTH)
    for (int l = 0; l < 2 * WIDTH; l++) lane[l] = LARGER(x[i + l], lane[l]);
  for (int l = 0; i < n; i++, l++) lane[l] = LARGER(x[i], lane[l]);
  for (int width = WIDTH; width > 0; width /= 2)
    for (int l = 0; l < width; l++) lane[l] = LARGER(lane[l + width], lane[l]);
  return (double)lane[0];
}

MZ_CLONES static void weigh(void *scores, int64_t stride, int64_t rows, int64_t n, double *max, double *sum, double *factor) {
  for (int64_t r = 0; r < rows; r++) {
    T *x = (T *)scores + r * stride;
    double before = max[r], largest = largest_of(x, before, n);
    factor[r] = 1;
    if (largest == -(double)INFINITY) {
      memset(x, 0, (size_t)n * sizeof *x);
      continue;
    }
    if (largest != before && sum[r] != 0) {
      factor[r] = exp(before - largest);
      sum[r] *= factor[r];
    }
    max[r] = largest;
    sum[r] += exponentials_of(x, (T)largest, n);
  }
}

MZ_CLONES static void scale(void *y_, const void *x_, double scale_, int64_t n) {
  T *y = y_, scale = (T)scale_;
  const T *x = x_;
  MZ_INDEPENDENT for (int64_t i = 0; i < n; i++) y[i] = x[i] * scale;
}

MZ_CLONES static void softmax_gradient(void *dy_, const void *y_, double dot_, int64_t n) {
  T *dy = dy_, dot = (T)dot_;
  const T *y = y_;
  MZ_INDEPENDENT for (int64_t i = 0; i < n; i++) dy[i] = y[i] * (dy[i] - dot);
}

MZ_CLONES static void gradient_sums(void *dy_, void *x_, double scale_, const void *gamma_, void *dgamma_, void *dbeta_,
                                    double sums[2], int64_t n) {
  T *restrict dy = dy_, *restrict x = x_, *restrict dgamma = dgamma_, *restrict dbeta = dbeta_, scale = (T)scale_;
  const T *restrict gamma = gamma_;
  for (int64_t i = 0; i < n; i++) {
    T normal = x[i] * scale, given = dy[i];
    x[i] = normal;
    dgamma[i] += given * normal;
    dbeta[i] += given;
    dy[i] = given * gamma[i];
  }
  double total = 0;
#define SCALARS(i) dy[i]
#define VECTORS(i) AT(dy, i)
  SUMMED(VECTORS, SCALARS)
#undef SCALARS
#undef VECTORS
  sums[0] = total;
  sums[1] = dot(dy, x, n);
}

MZ_CLONES static void gradient(void *dx_, const void *dy_, const void *x_, double scale_, double mean_, double slope_, int64_t n) {
  T *dx = dx_, scale = (T)scale_, mean = (T)mean_, slope = (T)slope_;
  const T *dy = dy_, *x = x_;
  MZ_INDEPENDENT for (int64_t i = 0; i < n; i++) dx[i] = scale * (dy[i] - mean - x[i] * slope);
}

const mz_norm_kernels TABLE = {
    .add = add,
    .center = center,
    .exponentials = exponentials,
    .weigh = weigh,
    .scale = scale,
    .dot = dot,
    .softmax_gradient = softmax_gradient,
    .gradient_sums = gradient_sums,
    .gradient = gradient,
};
