/* edges.h: normalisations of rows that lie dense in memory, from where they are read to where the results are written. */
#ifndef MZ_EDGES_H
#define MZ_EDGES_H
#include "dtype.h"

enum {
  MZ_EDGE_ROWS = 4,    /* taken together at most, so that nothing waits for the end of a sum: one's is added up while others' run */
  MZ_EDGE_BYTES = 128, /* a buffer is a multiple of */
};

/* Row i is x[i], or in layer normalisation x[i] + r[i] unless r[i] is NULL; its result goes to y[i]. Buffers are of the domain's type
 * and hold whole MZ_EDGE_BYTES. x, y and buffer may be one. */
typedef struct {
  int rows;
  int64_t n;
  const void *x[MZ_EDGE_ROWS], *r[MZ_EDGE_ROWS];
  void *y[MZ_EDGE_ROWS], *buffer[MZ_EDGE_ROWS];
} mz_edge_rows;

/* What layer normalisation takes beside the rows. Vectors are of the domain's type and as arrange leaves them. */
typedef struct {
  const void *gamma, *beta;
  double epsilon;
  bool centered;
} mz_affine;

/* How many rows of n elements are taken together: a few short ones end before the first is added up, long ones fill the first cache. */
static inline int mz_rows_together(int64_t n) { return n <= 256 ? MZ_EDGE_ROWS : 2; }

/* Sums are as in rows.h. */
typedef struct {
  void (*softmax)(const mz_edge_rows *rows);
  void (*layer_norm)(const mz_edge_rows *rows, const mz_affine *by);
  /* A dense vector of the domain's type in the order in which elements of a row lie in vectors; to is of whole MZ_EDGE_BYTES. */
  void (*arrange)(void *to, const void *from, int64_t n);
} mz_edges;

/* Of rows of this dtype in memory, or NULL: they are to pass through buffers of the domain's type. */
const mz_edges *mz_edges_of(mz_dtype dtype);

const mz_edges *mz_edges_float(void), *mz_edges_double(void), *mz_edges_bfloat16(void), *mz_edges_float16(void);

#endif
