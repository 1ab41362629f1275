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

/* STEPS of i, of 2 * WIDTH and of WIDTH elements. */
#define BY_VECTORS(i, n, STEPS)                                       \
  int64_t i = 0;                                                      \
  for (; i + 2 * WIDTH <= n; i += 2 * WIDTH) STEPS(2 * WIDTH)         \
  for (; i < n; i += WIDTH) STEPS(WIDTH)

/* EACH of scores x * scale + bias, by so many at once. */
#define ALONE(COUNT) EACH(x[i + l] * scale, COUNT)
#define BIASED(COUNT) EACH(x[i + l] * scale + bias[i + l], COUNT)
#define BY_SCORES(n)           \
  if (bias == NULL) {          \
    BY_VECTORS(i, n, ALONE)    \
  } else {                     \
    BY_VECTORS(i, n, BIASED)   \
  }

/* NaN is passed over: it is found again in the sum. */
MZ_INLINE T largest_score(T *restrict x, T scale, const T *restrict bias, T so_far, int64_t n) {
  T lane[2 * WIDTH];
  for (int l = 0; l < 2 * WIDTH; l++) lane[l] = so_far;
#define EACH(score, COUNT)                                          \
  MZ_INDEPENDENT for (int l = 0; l < COUNT; l++) {                    \
    T s = score;                                                      \
    x[i + l] = s;                                                     \
    lane[l] = s > lane[l] ? s : lane[l];                              \
  }
  BY_SCORES(n)
#undef EACH
  for (int width = WIDTH; width > 0; width /= 2)
    for (int l = 0; l < width; l++) lane[l] = lane[l + width] > lane[l] ? lane[l + width] : lane[l];
  return lane[0];
}

MZ_INLINE double weights_of(T *x, T max, int64_t n) {
  T lane[2 * WIDTH] = {0};
#define EXPONENTIALS(COUNT)                                           \
  MZ_INDEPENDENT for (int l = 0; l < COUNT; l++) {                    \
    T e = MATH(mz_exp_nonpositive)(x[i + l] - max);                   \
    x[i + l] = e;                                                     \
    lane[l] += e;                                                     \
  }
  BY_VECTORS(i, n, EXPONENTIALS)
#undef EXPONENTIALS
  for (int width = WIDTH; width > 0; width /= 2)
    for (int l = 0; l < width; l++) lane[l] += lane[l + width];
  return (double)lane[0];
}

static void fill(T *x, int64_t from, int64_t to, T value) {
  for (int64_t i = from; i < to; i++) x[i] = value;
}

static bool any_nan(const T *x, int64_t n) {
  for (int64_t i = 0; i < n; i++)
    if (x[i] != x[i]) return true;
  return false;
}

MZ_CLONES static double weigh(void *x_, int64_t seen, int64_t n, double scale, const void *bias, double *max, double *sum) {
  T *x = x_;
  if (seen < n) fill(x, seen, n, scale < 0 ? (T)INFINITY : -(T)INFINITY);
  T before = (T)*max, largest = largest_score(x, (T)scale, bias, before, n);
  if (seen < n) fill(x, seen, n, -(T)INFINITY);
  if (largest == -(T)INFINITY) {
    bool is_nan = any_nan(x, seen);
    fill(x, 0, n, is_nan ? (T)NAN : 0);
    if (is_nan) *sum = (double)NAN;
    return 1;
  }
  double factor = largest != before && *sum != 0 ? exp((double)before - (double)largest) : 1;
  *max = (double)largest;
  *sum = *sum * factor + weights_of(x, largest, n);
  return factor;
}

MZ_CLONES static void slope(void *x_, void *slopes_, int64_t seen, int64_t n, double scale_, const void *bias_, double lse_,
                            double along_) {
  T *restrict x = x_, *restrict slopes = slopes_, scale = (T)scale_, lse = (T)lse_, along = (T)along_;
  const T *restrict bias = bias_;
  if (lse == -(T)INFINITY) seen = 0;
#define EACH(score, COUNT)                                          \
  MZ_INDEPENDENT for (int l = 0; l < COUNT; l++) {                    \
    T e = MATH(mz_exp_nonpositive)(score - lse);                      \
    x[i + l] = e;                                                     \
    slopes[i + l] = e * (slopes[i + l] - along);                      \
  }
  BY_SCORES(n)
#undef EACH
  fill(x, seen, n, 0);
  fill(slopes, seen, n, 0);
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
    .weigh = weigh,
    .slope = slope,
    .scale = scale,
    .dot = dot,
    .softmax_gradient = softmax_gradient,
    .gradient_sums = gradient_sums,
    .gradient = gradient,
};
