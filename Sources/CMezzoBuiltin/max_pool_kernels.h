/* max_pool_kernels.h: a template, included once for each type of elements. The includer defines
 *   T, SIGNED  what lies in memory, the integer of its size    TABLE  the name of the table to define
 * and for 16-bit floats, which are compared as bits,
 *   INFINITE   the bits of infinity                            FROM, TO  float and back */
#include <math.h>
#include <string.h>
#include "max_pool.h"
#include "target.h"

enum { WIDTH = 64 / sizeof(T), SIZE = sizeof(T) };
typedef T vector __attribute__((vector_size(64)));
typedef SIGNED mask __attribute__((vector_size(64)));

#define CHOSEN(m, a, b) (((m) & (mask)(a)) | (~(m) & (mask)(b)))

#ifdef INFINITE
/* Integers in the order of the numbers, NaN above all; back again it is the same. */
#define ORDERED(x) CHOSEN(((x) & 0x7fff) > INFINITE, (x) & 0x7fff, (mask)(x) ^ (((mask)(x) >> 15) & 0x7fff))
#define ELEMENTS(o) ((o) ^ (((o) >> 15) & 0x7fff))
#define LEAST (mask){0} + (SIGNED)(~INFINITE)
#define LARGER(a, b) CHOSEN((a) > (b), a, b)
#define TAKES_PART(x, y) (((x) == (y)) | ((((x) | (y)) & 0x7fff) == 0) | (((y) & 0x7fff) > INFINITE))
#define SHARED(dy, count) TO(FROM(dy) / (float)(count))
typedef mask order;
#else
#define ORDERED(x) (x)
#define ELEMENTS(o) (o)
#define LEAST (vector){0} - (T)INFINITY
#define LARGER(a, b) (vector)CHOSEN(((a) > (b)) | ((a) != (a)), a, b)
#define TAKES_PART(x, y) (((x) == (y)) | ((y) != (y)))
#define SHARED(dy, count) ((dy) / (T)(count))
typedef vector order;
#endif

/* `width` is WIDTH, or what is left of the channels. */
MZ_INLINE void load(vector *to, const void *from, int64_t width) { memcpy(to, from, (size_t)(width * SIZE)); }
MZ_INLINE void store(void *to, const void *from, int64_t width) { memcpy(to, from, (size_t)(width * SIZE)); }

MZ_INLINE void largest_of(char *y, const char *x, const int64_t *tap, int64_t taps, int64_t width) {
  order best = LEAST;
  vector from = {0};
  for (int64_t t = 0; t < taps; t++) {
    load(&from, x + tap[t], width);
    order o = ORDERED(from);
    best = LARGER(o, best);
  }
  best = ELEMENTS(best);
  store(y, &best, width);
}

MZ_CLONES static void largest(void *y, const char *x, const int64_t *tap, int64_t taps, int64_t n) {
  int64_t i = 0;
  for (; i + WIDTH <= n; i += WIDTH) largest_of((char *)y + i * SIZE, x + i * SIZE, tap, taps, WIDTH);
  if (i < n) largest_of((char *)y + i * SIZE, x + i * SIZE, tap, taps, n - i);
}

MZ_INLINE void give_to(char *dx, const char *dy_, const char *x, const char *y_, const int64_t *tap, int64_t taps, int64_t width) {
  vector from = {0}, dy = {0}, y = {0};
  load(&dy, dy_, width);
  load(&y, y_, width);
  mask ties = (mask){0} - 1;
  for (int64_t t = 0; t < taps; t++) {
    load(&from, x + tap[t], width);
    ties -= TAKES_PART(from, y);
  }
  SIGNED more[WIDTH], any = 0;
  memcpy(more, &ties, sizeof more);
  for (int l = 0; l < WIDTH; l++) any |= more[l];
  if (any != 0) {
    T part[WIDTH];
    memcpy(part, &dy, sizeof part);
    for (int l = 0; l < WIDTH; l++) part[l] = SHARED(part[l], more[l] + 1);
    memcpy(&dy, part, sizeof part);
  }
  for (int64_t t = 0; t < taps; t++) {
    load(&from, x + tap[t], width);
    mask given = TAKES_PART(from, y) & (mask)dy;
    store(dx + tap[t], &given, width);
  }
}

MZ_CLONES static void give(char *dx, const void *dy_, const char *x, const void *y_, const int64_t *tap, int64_t taps, int64_t n) {
  const char *dy = dy_, *y = y_;
  int64_t i = 0;
  for (; i + WIDTH <= n; i += WIDTH) give_to(dx + i * SIZE, dy + i * SIZE, x + i * SIZE, y + i * SIZE, tap, taps, WIDTH);
  if (i < n) give_to(dx + i * SIZE, dy + i * SIZE, x + i * SIZE, y + i * SIZE, tap, taps, n - i);
}

const mz_max_pool_kernels TABLE = {largest, give};
