/* norms.h: kernels of operations that take whole rows through a buffer: normalisations, softmax and their gradients. */
#ifndef MZ_NORMS_H
#define MZ_NORMS_H
#include "space.h"

/* Of a row of scores a stretch of n, whole vectors, of which the first `seen` count: they become e^(x*scale + bias - max) against the
 * largest of the row so far, others 0. max and sum are brought up to date; what was weighed before is to be multiplied by the
 * result. A row of -inf becomes 0. bias may be NULL. */
typedef double mz_weigh_scores(void *x, int64_t seen, int64_t n, double scale, const void *bias, double *max, double *sum);
/* Scores of such a stretch become the weights e^(x*scale + bias - lse), and the gradients by the weights those by the scores,
 * weight * (slope - along); what does not count becomes 0 in both, and all where lse is -inf. */
typedef void mz_slope_scores(void *x, void *slopes, int64_t seen, int64_t n, double scale, const void *bias, double lse, double along);

/* Arrays are dense and of the domain's type; sums are as long as a row, see rows.h. */
typedef struct {
  double (*add)(void *x, const void *r, int64_t n);                     /* x += r, or not without r; the sum of x */
  double (*center)(void *x, double mean, int64_t n);                    /* x -= mean; the sum of x*x */
  mz_weigh_scores *weigh;
  mz_slope_scores *slope;
  void (*scale)(void *y, const void *x, double scale, int64_t n);       /* x * scale */
  double (*dot)(const void *x, const void *y, int64_t n);
  void (*softmax_gradient)(void *dy, const void *y, double dot, int64_t n); /* y * (dy - dot) */
  /* x = x*scale; dgamma += dy*x, dbeta += dy, dy = dy*gamma; the sums of dy and of dy*x as they are then. */
  void (*gradient_sums)(void *dy, void *x, double scale, const void *gamma, void *dgamma, void *dbeta, double sums[2], int64_t n);
  void (*gradient)(void *dx, const void *dy, const void *x, double scale, double mean, double slope, int64_t n); /* scale*(dy - mean - x*slope) */
} mz_norm_kernels;

extern const mz_norm_kernels mz_norms_float, mz_norms_double;

#endif
