/* matmul_tile.h: a template of the innermost loop of products. The includer defines
 *   T       what is computed in          NAME    the function to define
 *   ROWS    rows of the tile             TARGET  attributes of the processor
 *   LANES   elements of a vector         VECTORS vectors in a row of the tile
 *
 * acc[ROWS][LANES * VECTORS] += sum over k of a[k][ROWS] (a column) times b[k][LANES * VECTORS] (a row). Every element is
 * summed in the order of k alone, so results do not depend on where in a tile they fall. The tile stays in registers. */
TARGET static void NAME(int64_t k, const void *a_, const void *b_, void *acc_) {
  typedef T vector __attribute__((vector_size(LANES * sizeof(T)), aligned(sizeof(T))));
  const T *a = a_, *b = b_;
  T *acc = acc_;
  vector c[ROWS][VECTORS];
#pragma unroll
  for (int r = 0; r < ROWS; r++)
#pragma unroll
    for (int v = 0; v < VECTORS; v++) c[r][v] = (vector){0};
  for (; k > 0; k--, a += ROWS, b += LANES * VECTORS) {
    vector row[VECTORS];
#pragma unroll
    for (int v = 0; v < VECTORS; v++) row[v] = *(const vector *)(const void *)(b + v * LANES);
#pragma unroll
    for (int r = 0; r < ROWS; r++)
#pragma unroll
      for (int v = 0; v < VECTORS; v++) c[r][v] += row[v] * a[r];
  }
#pragma unroll
  for (int r = 0; r < ROWS; r++)
#pragma unroll
    for (int v = 0; v < VECTORS; v++) *(vector *)(void *)(acc + (r * VECTORS + v) * LANES) += c[r][v];
}
#undef NAME
#undef TARGET
#undef ROWS
#undef LANES
#undef VECTORS
