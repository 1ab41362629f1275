/* matmul_tile.h: a template of the innermost loops of products. The includer defines
 *   T       what is computed in          NAME(x) the names of the functions to define
 *   ROWS    rows of the largest tile     TARGET  attributes of the processor
 *   HALF    rows of a smaller one        FEW     rows of the smallest
 *   LANES   elements of a vector         VECTORS vectors in a row of the tile
 *   NARROW  whether B may also lie in 16 bits
 *
 * acc[rows][LANES * VECTORS] = or += sum over k of a column of A times a row b[k][LANES * VECTORS]. Every element is summed in the
 * order of k alone, so results do not depend on the tile or where in it they fall. The tile stays in registers. */

#define WIDTH (LANES * VECTORS)
#define VECTOR T __attribute__((vector_size(LANES * sizeof(T)), aligned(sizeof(T))))
#define SHORTS uint16_t __attribute__((vector_size(LANES * 2), aligned(2)))
#define WORDS uint32_t __attribute__((vector_size(LANES * 4)))
#define HALVES _Float16 __attribute__((vector_size(LANES * 2), aligned(2)))

#define FROM_SAME(p) (*(const vector *)(const void *)(p))
#define FROM_BF16(p) ((vector)(__builtin_convertvector(*(const shorts *)(const void *)(p), words) << 16))
#define FROM_F16(p) __builtin_convertvector(*(const halves *)(const void *)(p), vector)

/* Element (r, i) of A lies at r * A_ROW + i * A_STEP. */
#define TILE(name, COUNT, A_ROW, A_STEP, B, FROM)                                                       \
  TARGET static void NAME(name)(int64_t k, const void *a_, const void *b_, void *acc_, int64_t stride, bool adds) { \
    typedef VECTOR vector;                                                                              \
    TYPES                                                                                               \
    const T *a = a_;                                                                                    \
    const B *b = b_;                                                                                    \
    T *acc = acc_;                                                                                      \
    vector c[COUNT][VECTORS];                                                                           \
    _Pragma("unroll") for (int r = 0; r < COUNT; r++)                                                   \
      _Pragma("unroll") for (int v = 0; v < VECTORS; v++) c[r][v] = (vector){0};                        \
    for (; k > 0; k--, a += A_STEP, b += WIDTH) {                                                       \
      vector row[VECTORS];                                                                              \
      _Pragma("unroll") for (int v = 0; v < VECTORS; v++) row[v] = FROM(b + v * LANES);                 \
      _Pragma("unroll") for (int r = 0; r < COUNT; r++)                                                 \
        _Pragma("unroll") for (int v = 0; v < VECTORS; v++) c[r][v] += row[v] * a[r * (A_ROW)];         \
    }                                                                                                   \
    if (adds) {                                                                                         \
      _Pragma("unroll") for (int r = 0; r < COUNT; r++)                                                 \
        _Pragma("unroll") for (int v = 0; v < VECTORS; v++)                                             \
          *(vector *)(void *)(acc + r * stride + v * LANES) += c[r][v];                                 \
    } else {                                                                                            \
      _Pragma("unroll") for (int r = 0; r < COUNT; r++)                                                 \
        _Pragma("unroll") for (int v = 0; v < VECTORS; v++)                                             \
          *(vector *)(void *)(acc + r * stride + v * LANES) = c[r][v];                                  \
    }                                                                                                   \
  }

/* One row of A by several panels of B, stride elements apart: one panel would not keep the multipliers busy. */
#define LONG_ROW(name, COUNT, B, FROM)                                                                        \
  TARGET static void NAME(name)(int64_t k, const void *a_, const void *b_, void *acc_, int64_t stride, bool adds) { \
    typedef VECTOR vector;                                                                              \
    TYPES                                                                                               \
    const T *a = a_;                                                                                    \
    const B *b = b_;                                                                                    \
    T *acc = acc_;                                                                                      \
    vector c[COUNT][VECTORS];                                                                  \
    _Pragma("unroll") for (int j = 0; j < COUNT; j++)                                          \
      _Pragma("unroll") for (int v = 0; v < VECTORS; v++) c[j][v] = (vector){0};                        \
    for (; k > 0; k--, a++, b += WIDTH)                                                                 \
      _Pragma("unroll") for (int j = 0; j < COUNT; j++)                                        \
        _Pragma("unroll") for (int v = 0; v < VECTORS; v++) c[j][v] += FROM(b + j * stride + v * LANES) * *a; \
    _Pragma("unroll") for (int j = 0; j < COUNT; j++)                                          \
      _Pragma("unroll") for (int v = 0; v < VECTORS; v++)                                               \
        *(vector *)(void *)(acc + (j * VECTORS + v) * LANES) =                                          \
            adds ? *(vector *)(void *)(acc + (j * VECTORS + v) * LANES) + c[j][v] : c[j][v];            \
  }

#define BY_ROWS(B, suffix, FROM)                                     \
  TILE(many##suffix, ROWS, MZ_TILE_STRETCH, 1, B, FROM)              \
  TILE(half##suffix, HALF, MZ_TILE_STRETCH, 1, B, FROM)              \
  TILE(few##suffix, FEW, MZ_TILE_STRETCH, 1, B, FROM)                \
  TILE(one##suffix, 1, MZ_TILE_STRETCH, 1, B, FROM)                  \
  LONG_ROW(pair##suffix, 2, B, FROM)                                 \
  LONG_ROW(long##suffix, MZ_TILE_PANELS, B, FROM)

#define SET(suffix)                                                                                     \
  {NAME(many##suffix), NAME(half##suffix), NAME(few##suffix), NAME(one##suffix), NAME(pair##suffix), NAME(long##suffix)}

#define TYPES
TILE(lanes, ROWS, 1, ROWS, T, FROM_SAME)
TILE(columns, ROWS, 1, MZ_TILE_STRETCH, T, FROM_SAME)
BY_ROWS(T, _same, FROM_SAME)
#undef TYPES
#if NARROW
#define TYPES typedef SHORTS shorts; typedef WORDS words;
BY_ROWS(uint16_t, _bf16, FROM_BF16)
#undef TYPES
#define TYPES typedef HALVES halves;
BY_ROWS(uint16_t, _f16, FROM_F16)
#undef TYPES
#endif

static const mz_tile NAME(tile) = {
    .rows = ROWS,
    .half = HALF,
    .few = FEW,
    .columns = WIDTH,
    .lanes = NAME(lanes),
    .columns_of_a = NAME(columns),
#if NARROW
    .by_rows = {SET(_same), SET(_bf16), SET(_f16)},
#else
    .by_rows = {SET(_same)},
#endif
};

#undef WIDTH
#undef VECTOR
#undef SHORTS
#undef WORDS
#undef HALVES
#undef FROM_SAME
#undef FROM_BF16
#undef FROM_F16
#undef TILE
#undef LONG_ROW
#undef BY_ROWS
#undef SET
#undef NAME
#undef TARGET
#undef ROWS
#undef HALF
#undef FEW
#undef LANES
#undef VECTORS
#undef NARROW
