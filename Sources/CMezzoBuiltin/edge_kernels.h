/* edge_kernels.h: a template, included once for each type of rows in memory and each kind of processor. The includer defines
 *   T          what is computed in           MEMORY  what lies in memory
 *   NAME(x)    the names to define           TARGET  attributes of the processor
 *   LOAD(v, x), STORE(y, v)                  PAIR elements of memory into two vectors, in whatever order, and back
 *   EXP(v, d)  a multiple of e^d for d <= 0 or NaN; the multiple is the same for all
 *   LOWEST, ONE                              -infinity and 1 as they lie in memory
 *   PLACE(l)   where in the two vectors element l of the pair lies */

#define PAIR (2 * WIDTH)

/* The elements from i on: those of the last, incomplete pair lie in `last`. */
#define PART(x, i, last) ((i) < whole ? (x) + (i) : (last))
#define FILL_LAST(last, x, value)                                      \
  if (whole < n) {                                                     \
    for (int l = 0; l < PAIR; l++) last[l] = (MEMORY)(value);          \
    memcpy(last, x + whole, (size_t)(n - whole) * sizeof *x);          \
  }
#define EMPTY_LAST(y, last) \
  if (whole < n) memcpy(y + whole, last, (size_t)(n - whole) * sizeof *y)

/* total += the sum of what the step adds to sum[2] for each pair. */
#define SUMMED(n, ...)                                                 \
  for (int64_t begin = 0; begin < (n); begin += LONG) {                \
    int64_t end = (n) - begin < LONG ? (n) : begin + LONG;             \
    vector sum[2] = {{0}, {0}};                                        \
    for (int64_t i = begin; i < end; i += PAIR) __VA_ARGS__            \
    sum[0] += sum[1];                                                  \
    total += fold(&sum[0]);                                            \
  }

/* A NaN need not win here, as it comes back as its own exponential. */
TARGET static T NAME(largest)(const MEMORY *x, int64_t n) {
  int64_t whole = n - n % PAIR;
  MEMORY last[PAIR];
  FILL_LAST(last, x, LOWEST)
  vector largest[2] = {(vector){0} - (T)INFINITY, (vector){0} - (T)INFINITY};
  for (int64_t i = 0; i < n; i += PAIR) {
    vector v[2];
    LOAD(v, PART(x, i, last));
    for (int h = 0; h < 2; h++) largest[h] = v[h] > largest[h] ? v[h] : largest[h];
  }
  largest[0] = largest[1] > largest[0] ? largest[1] : largest[0];
  T lane[WIDTH];
  memcpy(lane, &largest[0], sizeof lane);
  for (int width = WIDTH / 2; width > 0; width /= 2)
    for (int l = 0; l < width; l++) lane[l] = lane[l + width] > lane[l] ? lane[l + width] : lane[l];
  return lane[0];
}

TARGET static double NAME(exponentials)(T *to, const MEMORY *x, T max, int64_t n) {
  int64_t whole = n - n % PAIR;
  MEMORY last[PAIR];
  FILL_LAST(last, x, LOWEST)
  double total = 0;
  SUMMED(n, {
    vector v[2];
    LOAD(v, PART(x, i, last));
    for (int h = 0; h < 2; h++) {
      vector e;
      EXP(e, v[h] - max);
      AT(to, i + h * WIDTH) = e;
      sum[h] += e;
    }
  })
  return total;
}

TARGET static void NAME(softmax)(const mz_edge_rows *rows) {
  int64_t n = rows->n, whole = n - n % PAIR;
  T max[MZ_EDGE_ROWS];
  double total[MZ_EDGE_ROWS];
  for (int row = 0; row < rows->rows; row++) max[row] = NAME(largest)(rows->x[row], n);
  for (int row = 0; row < rows->rows; row++) total[row] = NAME(exponentials)(rows->buffer[row], rows->x[row], max[row], n);
  for (int row = 0; row < rows->rows; row++) {
    const T *e = rows->buffer[row], scale = (T)(1 / total[row]);
    MEMORY *y = rows->y[row], last[PAIR];
    for (int64_t i = 0; i < n; i += PAIR) {
      vector v[2] = {GIVEN(e, i) * scale, GIVEN(e, i + WIDTH) * scale};
      STORE(PART(y, i, last), v);
    }
    EMPTY_LAST(y, last);
  }
}

TARGET static double NAME(add)(T *to, const MEMORY *x, const MEMORY *r, int64_t n) {
  int64_t whole = n - n % PAIR;
  MEMORY last[PAIR], last_r[PAIR];
  FILL_LAST(last, x, 0)
  double total = 0;
  if (r == NULL) {
    SUMMED(n, {
      vector v[2];
      LOAD(v, PART(x, i, last));
      for (int h = 0; h < 2; h++) sum[h] += AT(to, i + h * WIDTH) = v[h];
    })
    return total;
  }
  FILL_LAST(last_r, r, 0)
  SUMMED(n, {
    vector v[2], w[2];
    LOAD(v, PART(x, i, last));
    LOAD(w, PART(r, i, last_r));
    for (int h = 0; h < 2; h++) sum[h] += AT(to, i + h * WIDTH) = v[h] + w[h];
  })
  return total;
}

TARGET static double NAME(squares)(const T *x, T mean, int64_t n) {
  int64_t whole = n - n % PAIR;
  double total = 0;
  SUMMED(whole, {
    for (int h = 0; h < 2; h++) {
      vector d = GIVEN(x, i + h * WIDTH) - mean;
      sum[h] += d * d;
    }
  })
  if (whole < n) {
    MEMORY present[PAIR] = {0};
    for (int l = 0; l < n - whole; l++) present[l] = (MEMORY)ONE;
    vector v[2], sum = {0};
    LOAD(v, present);
    for (int h = 0; h < 2; h++) {
      vector d = (GIVEN(x, whole + h * WIDTH) - mean) * v[h];
      sum += d * d;
    }
    total += fold(&sum);
  }
  return total;
}

TARGET static void NAME(layer_norm)(const mz_edge_rows *rows, const mz_affine *by) {
  int64_t n = rows->n, whole = n - n % PAIR;
  const T *gamma = by->gamma, *beta = by->beta;
  T mean[MZ_EDGE_ROWS], scale[MZ_EDGE_ROWS];
  for (int row = 0; row < rows->rows; row++) {
    double sum = NAME(add)(rows->buffer[row], rows->x[row], rows->r[row], n);
    mean[row] = by->centered ? (T)(sum / (double)n) : 0;
  }
  for (int row = 0; row < rows->rows; row++)
    scale[row] = (T)(1 / sqrt(NAME(squares)(rows->buffer[row], mean[row], n) / (double)n + by->epsilon));
  for (int row = 0; row < rows->rows; row++) {
    const T *x = rows->buffer[row];
    MEMORY *y = rows->y[row], last[PAIR];
    for (int64_t i = 0; i < n; i += PAIR) {
      vector v[2];
      for (int h = 0; h < 2; h++)
        v[h] = (GIVEN(x, i + h * WIDTH) - mean[row]) * scale[row] * GIVEN(gamma, i + h * WIDTH) + GIVEN(beta, i + h * WIDTH);
      STORE(PART(y, i, last), v);
    }
    EMPTY_LAST(y, last);
  }
}

/* NaNs lose their payload, so that rounding a result to fewer bits cannot carry out of it. */
static void NAME(arrange)(void *to_, const void *from_, int64_t n) {
  T *to = to_;
  const T *from = from_;
  memset(to, 0, (size_t)((n + PAIR - 1) / PAIR * PAIR) * sizeof *to);
  for (int64_t i = 0; i < n; i++) to[i / PAIR * PAIR + PLACE(i % PAIR)] = from[i] != from[i] ? (T)NAN : from[i];
}

static const mz_edges NAME(edges) = {NAME(softmax), NAME(layer_norm), NAME(arrange)};
#undef PAIR
#undef PART
#undef FILL_LAST
#undef EMPTY_LAST
#undef SUMMED
#undef NAME
#undef TARGET
