/* norms.h: kernels of operations that take whole rows through a buffer: normalisations, softmax and their gradients. */
#ifndef MZ_NORMS_H
#define MZ_NORMS_H
#include "space.h"

/* Arrays are dense and of the domain's type; sums are as long as a row, see rows.h. */
typedef struct {
  double (*add)(void *x, const void *r, int64_t n);                     /* x += r, or not without r; the sum of x */
  double (*center)(void *x, double mean, int64_t n);                    /* x -= mean; the sum of x*x */
  double (*exponentials)(void *x, double max, int64_t n);               /* x = e^(x - max); their sum */
  /* Of rows `stride` elements apart, of which a part was seen before: scores become e^(x - max) against the largest so far, max and
   * sum are brought up to date, and what was weighed before is to be multiplied by factor. A row of -inf becomes 0. */
  void (*weigh)(void *scores, int64_t stride, int64_t rows, int64_t n, double *max, double *sum, double *factor);
  void (*scale)(void *y, const void *x, double scale, int64_t n);       /* x * scale */
  double (*dot)(const void *x, const void *y, int64_t n);
  void (*softmax_gradient)(void *dy, const void *y, double dot, int64_t n); /* y * (dy - dot) */
  /* x = x*scale; dgamma += dy*x, dbeta += dy, dy = dy*gamma; the sums of dy and of dy*x as they are then. */
  void (*gradient_sums)(void *dy, void *x, double scale, const void *gamma, void *dgamma, void *dbeta, double sums[2], int64_t n);
  void (*gradient)(void *dx, const void *dy, const void *x, double scale, double mean, double slope, int64_t n); /* scale*(dy - mean - x*slope) */
} mz_norm_kernels;

extern const mz_norm_kernels mz_norms_float, mz_norms_double;

#endif
