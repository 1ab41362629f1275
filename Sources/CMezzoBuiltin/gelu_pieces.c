#include "gelu_pieces.h"
#include <math.h>
#include "mezzo_backend.h"

double mz_gelu_share(double x, int64_t form) {
  double y;
  mz_kernel_of_double(MEZZO_OP_GELU, form)((void *const[]){&y, NULL}, (const void *const[]){&x}, NULL, 1);
  return x == 0 ? 0.5 : y / x;
}

double mz_gelu_exponent(double x, int64_t form) { return log2(mz_gelu_share(x, form)); }

double mz_slope_of_gelu(double x, int64_t form) {
  double y, one = 1;
  mz_kernel_of_double(MEZZO_OP_GELU_GRADIENT, form)((void *const[]){&y, NULL}, (const void *const[]){&one, &x}, NULL, 1);
  return y;
}

/* A piece more than need be leaves room for shift. */
mz_axis mz_axis_of(double least, double most, int pieces) {
  double width = (most - least) / (pieces - 1);
  return (mz_axis){(float)least, (float)most, (float)(1 / width), (float)ceil(-least / width - 0.5)};
}

/* Coefficients of a polynomial of u in (low, high): through f((u + from) / scale) at the Chebyshev nodes, by divided differences. */
static void fit(double *coefficient, int degree, double low, double high, double from, double scale, mz_fitted *f, int64_t form) {
  double node[MZ_MOST_DEGREE + 1], difference[MZ_MOST_DEGREE + 1];
  for (int i = 0; i <= degree; i++) {
    node[i] = (low + high) / 2 + (high - low) / 2 * cos(3.14159265358979323846 * (i + 0.5) / (degree + 1));
    difference[i] = f((node[i] + from) / scale, form);
    coefficient[i] = 0;
  }
  for (int order = 1; order <= degree; order++)
    for (int i = degree; i >= order; i--) difference[i] = (difference[i] - difference[i - 1]) / (node[i] - node[i - order]);
  for (int i = degree; i >= 0; i--) {
    for (int power = degree; power > 0; power--) coefficient[power] = coefficient[power - 1] - node[i] * coefficient[power];
    coefficient[0] = difference[i] - node[i] * coefficient[0];
  }
}

void mz_fit_pieces(float *rows, int degree, int pieces, const mz_axis *axis, bool of_rest, mz_fitted *f, int64_t form) {
  for (int k = 0; k < pieces; k++) {
    double coefficient[MZ_MOST_DEGREE + 1], middle = k - (double)axis->shift, scale = (double)axis->scale;
    if (of_rest) fit(coefficient, degree, -0.5, 0.5, middle, scale, f, form);
    else fit(coefficient, degree, (middle - 0.5) / scale, (middle + 0.5) / scale, 0, 1, f, form);
    for (int power = 0; power <= degree; power++) rows[power * pieces + k] = (float)coefficient[power];
  }
}
