/* edge_kernels.h: a template, included once for each type of rows in memory and each kind of processor. The includer defines
 *   T          what is computed in           MEMORY  what lies in memory
 *   NAME(x)    the names to define           TARGET  attributes of the processor
 *   LOAD(v, x), STORE(y, v)                  PAIR elements of memory into two vectors, in whatever order, and back
 *   EXP(v, d)  a multiple of e^d for d <= 0 or NaN; the multiple is the same for all
 *   LOWEST, ONE                              -infinity and 1 as they lie in memory
 *   PLACE(l)   where in the two vectors element l of the pair lies */

#define PAIR (2 * WIDTH)

/* A row is whole pairs and, where they are not all of it, the pair that ends with it: of that the last n % PAIR elements count, since
 * pairs before have the others. In vectors of a row's length it lies behind the whole pairs. Of a row that is shorter than a pair it
 * is a copy, which has `value` in front. */
#define END(x, n, copied) ((n) < PAIR ? (copied) : (x) + (n) - PAIR)
#define COPY_TO_END(copied, x, n, value)                                         \
  if ((n) < PAIR) {                                                              \
    for (int l = 0; l < PAIR; l++) (copied)[l] = (MEMORY)(value);                \
    copy_few((copied) + PAIR - (n), x, (size_t)(n) * sizeof(MEMORY));            \
  }
#define COPY_FROM_END(y, copied, n) \
  if ((n) < PAIR) copy_few(y, (copied) + PAIR - (n), (size_t)(n) * sizeof(MEMORY))

/* Which elements of the pair at the end count. */
#define COUNTED(counted, n)                                                      \
  vector counted[2];                                                             \
  do {                                                                           \
    static const MEMORY ones[2 * PAIR] = {[PAIR ... 2 * PAIR - 1] = (MEMORY)ONE}; \
    LOAD(counted, ones + (n) % PAIR);                                            \
  } while (0)

/* total += the sum of what is in sum[2] already and of what the step adds to it for each whole pair. */
#define SUMMED(...)                                      \
  for (int64_t i = 0;;) {                                \
    int64_t stop = whole - i < LONG ? whole : i + LONG;  \
    for (; i < stop; i += PAIR) __VA_ARGS__              \
    sum[0] += sum[1];                                    \
    total += fold(&sum[0]);                              \
    if (i == whole) break;                               \
    sum[0] = sum[1] = (vector){0};                       \
  }

/* A NaN need not win here, as it comes back as its own exponential. */
TARGET static T NAME(largest)(const MEMORY *x, int64_t n) {
  int64_t whole = n - n % PAIR;
  vector v[2], largest[2] = {(vector){0} - (T)INFINITY, (vector){0} - (T)INFINITY};
  if (whole < n) {
    MEMORY copied[PAIR];
    COPY_TO_END(copied, x, n, LOWEST)
    LOAD(v, END(x, n, copied));
    for (int h = 0; h < 2; h++) largest[h] = v[h] > largest[h] ? v[h] : largest[h];
  }
  for (int64_t i = 0; i < whole; i += PAIR) {
    LOAD(v, x + i);
    for (int h = 0; h < 2; h++) largest[h] = v[h] > largest[h] ? v[h] : largest[h];
  }
  largest[0] = largest[1] > largest[0] ? largest[1] : largest[0];
  T lane[WIDTH];
  memcpy(lane, &largest[0], sizeof lane);
  for (int width = WIDTH / 2; width > 0; width /= 2)
    for (int l = 0; l < width; l++) lane[l] = lane[l + width] > lane[l] ? lane[l + width] : lane[l];
  return lane[0];
}

/* `to` may be x, so the end comes first: its elements are those of other pairs too. */
TARGET static double NAME(exponentials)(T *to, const MEMORY *x, T max, int64_t n) {
  int64_t whole = n - n % PAIR;
  double total = 0;
  vector v[2], e, sum[2] = {{0}, {0}};
  if (whole < n) {
    MEMORY copied[PAIR];
    COPY_TO_END(copied, x, n, LOWEST)
    COUNTED(counted, n);
    LOAD(v, END(x, n, copied));
    for (int h = 0; h < 2; h++) {
      EXP(e, v[h] - max);
      AT(to, whole + h * WIDTH) = e;
      sum[h] = counted[h] != 0 ? e : 0;
    }
  }
  SUMMED({
    LOAD(v, x + i);
    for (int h = 0; h < 2; h++) {
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
    MEMORY *y = rows->y[row], copied[PAIR];
    vector v[2];
    for (int64_t i = 0; i < whole; i += PAIR) {
      for (int h = 0; h < 2; h++) v[h] = GIVEN(e, i + h * WIDTH) * scale;
      STORE(y + i, v);
    }
    if (whole == n) continue;
    for (int h = 0; h < 2; h++) v[h] = GIVEN(e, whole + h * WIDTH) * scale;
    STORE(END(y, n, copied), v);
    COPY_FROM_END(y, copied, n);
  }
}

/* `to` may be x. */
TARGET static double NAME(add)(T *to, const MEMORY *x, const MEMORY *r, int64_t n) {
  int64_t whole = n - n % PAIR;
  double total = 0;
  vector v[2], w[2] = {{0}, {0}}, sum[2] = {{0}, {0}};
  if (whole < n) {
    MEMORY copied[PAIR];
    COUNTED(counted, n);
    COPY_TO_END(copied, x, n, 0)
    LOAD(v, END(x, n, copied));
    if (r != NULL) {
      COPY_TO_END(copied, r, n, 0)
      LOAD(w, END(r, n, copied));
    }
    for (int h = 0; h < 2; h++) {
      vector s = r == NULL ? v[h] : v[h] + w[h];
      AT(to, whole + h * WIDTH) = s;
      sum[h] = counted[h] != 0 ? s : 0;
    }
  }
  if (r == NULL) {
    SUMMED({
      LOAD(v, x + i);
      for (int h = 0; h < 2; h++) sum[h] += AT(to, i + h * WIDTH) = v[h];
    })
    return total;
  }
  SUMMED({
    LOAD(v, x + i);
    LOAD(w, r + i);
    for (int h = 0; h < 2; h++) sum[h] += AT(to, i + h * WIDTH) = v[h] + w[h];
  })
  return total;
}

TARGET static double NAME(squares)(const T *x, T mean, int64_t n) {
  int64_t whole = n - n % PAIR;
  double total = 0;
  vector d, sum[2] = {{0}, {0}};
  if (whole < n) {
    COUNTED(counted, n);
    for (int h = 0; h < 2; h++) {
      d = GIVEN(x, whole + h * WIDTH) - mean;
      sum[h] = counted[h] != 0 ? d * d : 0;
    }
  }
  SUMMED({
    for (int h = 0; h < 2; h++) {
      d = GIVEN(x, i + h * WIDTH) - mean;
      sum[h] += d * d;
    }
  })
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
    MEMORY *y = rows->y[row], copied[PAIR];
    for (int64_t i = 0; i < n; i += PAIR) {
      vector v[2];
      for (int h = 0; h < 2; h++)
        v[h] = (GIVEN(x, i + h * WIDTH) - mean[row]) * scale[row] * GIVEN(gamma, i + h * WIDTH) + GIVEN(beta, i + h * WIDTH);
      STORE(i < whole ? y + i : END(y, n, copied), v);
    }
    COPY_FROM_END(y, copied, n);
  }
}

/* NaNs lose their payload, so that rounding a result to fewer bits cannot carry out of it. */
static void NAME(arrange)(void *to_, const void *from_, int64_t n) {
  T *to = to_;
  const T *from = from_;
  for (int64_t i = 0; i < n; i += PAIR) {
    int64_t first = i + PAIR <= n ? i : n - PAIR;
    for (int l = 0; l < PAIR; l++) {
      T value = first + l < 0 ? 0 : from[first + l];
      to[i + PLACE(l)] = value != value ? (T)NAN : value;
    }
  }
}

static const mz_edges NAME(edges) = {NAME(softmax), NAME(layer_norm), NAME(arrange)};
#undef PAIR
#undef END
#undef COPY_TO_END
#undef COPY_FROM_END
#undef COUNTED
#undef SUMMED
#undef NAME
#undef TARGET
