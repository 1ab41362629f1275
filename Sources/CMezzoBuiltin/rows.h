/* rows.h: kernels that combine many elements into one, for reductions, softmax and losses.
 *
 * Long sums: 32 lanes of the domain's type over one block, blocks added up in double, so that the error grows with the block
 * and not with the length. */
#ifndef MZ_ROWS_H
#define MZ_ROWS_H
#include "convert.h"

/* Arrays are dense and of the domain's type. NaN wins every maximum. */
typedef struct {
  double (*sum)(const void *x, int64_t n);
  double (*max)(const void *x, double so_far, int64_t n);
  double (*sum_exp)(const void *x, double max, int64_t n);                        /* of e^(x - max) */
  void (*log_softmax)(void *y, const void *x, double max, double sum, int64_t n); /* x - max - log(sum) */
  /* Adds rows of n elements, each `stride` elements behind the last, to total, one after the other. */
  void (*add_columns)(void *total, const void *x, int64_t stride, int64_t rows, int64_t n);
  void (*max_columns)(void *total, const void *x, int64_t n);
  void (*flush_columns)(double *total, void *partial, int64_t n);                 /* total += partial, partial = 0 */
  int64_t (*first_max)(const void *x, int64_t n);                                 /* the first of equals, or the first NaN */
  bool (*finite)(const void *x, int64_t n);
} mz_row_kernels;

extern const mz_row_kernels mz_rows_float, mz_rows_double;

#endif
