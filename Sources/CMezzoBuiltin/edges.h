/* edges.h: how a row comes from memory into a buffer of the domain's type and back, with what is done on the way. */
#ifndef MZ_EDGES_H
#define MZ_EDGES_H
#include "dtype.h"

/* Rows in memory are dense. A buffer may be the row itself where both are of one type. Sums are as in rows.h; NaN wins every
 * maximum. */
typedef struct {
  double (*load_max)(void *to, const void *x, int64_t n);               /* x; the largest of it */
  double (*load_sum)(void *to, const void *x, const void *r, int64_t n); /* x + r, or x without r; the sum of it */
  void (*store_scaled)(void *y, const void *x, double scale, int64_t n);
  void (*store_affine)(void *y, const void *x, double scale, const void *gamma, const void *beta, int64_t n); /* x*scale*gamma + beta */
} mz_edges;

extern const mz_edges mz_edges_float, mz_edges_double, mz_edges_bfloat16;

/* Of rows of this dtype in memory, or NULL: they pass through a buffer of their own. */
const mz_edges *mz_edges_of(mz_dtype dtype);

#endif
