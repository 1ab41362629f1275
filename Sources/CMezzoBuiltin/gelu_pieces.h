/* gelu_pieces.h: GELU as x times a share s(x) of it, where s or a function of it is a polynomial over each piece of an axis, so that
 * coefficients come out of registers by the number of the piece. */
#ifndef MZ_GELU_PIECES_H
#define MZ_GELU_PIECES_H
#include <stdbool.h>
#include "elementwise.h"

enum { MZ_GELU_FORMS = 2, MZ_MOST_PIECES = 32, MZ_MOST_DEGREE = 7 };

/* From least to most: piece k of x is the integer next to x * scale + shift, and the polynomial is one of what is left, or of x. shift
 * is an integer, so that it can be added together with the number that rounds. */
typedef struct {
  float least, most, scale, shift;
} mz_axis;

mz_axis mz_axis_of(double least, double most, int pieces);

typedef double mz_fitted(double x, int64_t form);
/* s, the power of 2 that it is, and gelu's slope; form: as in mz_kernel_of_float. */
double mz_gelu_share(double x, int64_t form), mz_gelu_exponent(double x, int64_t form), mz_slope_of_gelu(double x, int64_t form);

/* Fits f over each piece; row i holds the coefficients of t^i, a column a piece. */
void mz_fit_pieces(float *rows, int degree, int pieces, const mz_axis *axis, bool of_rest, mz_fitted *f, int64_t form);

/* A kernel from bits to bits, which takes `pieces` as its second input; NULL where the processor has nothing for it. */
mz_kernel *mz_gelu_bfloat16(int64_t form, const void **pieces);
/* Of a GELU whose results are rounded to bfloat16 at once, what is faster than `plain` on this processor, or that. */
mz_kernel *mz_gelu_for_bfloat16(int64_t form, mz_kernel *plain);
/* The same, which also rounds them and stores them side by side, or NULL. */
mz_store *mz_gelu_store_bfloat16(int64_t form);
/* Of GELU and of its gradient, what is faster than `plain` on this processor, or that. */
mz_kernel *mz_gelu_float(int64_t form, mz_kernel *plain);
mz_kernel *mz_gelu_gradient_float(int64_t form, mz_kernel *plain);

#endif
