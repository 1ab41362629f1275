/* lanes.h: what templates that take rows of T by vectors have in common. The includer defines T. */
#ifndef MZ_LANES_H
#define MZ_LANES_H
#include <string.h>
#include "convert.h"
#include "target.h"

enum {
  WIDTH = 64 / sizeof(T),
  STEP = 4 * WIDTH,    /* what is combined while it is in registers */
  LONG = 4 * MZ_BLOCK, /* elements that one lane-wise sum takes before it moves on to double */
};
typedef T vector __attribute__((ext_vector_type(WIDTH), aligned(sizeof(T))));

#define AT(pointer, i) (*(vector *)(void *)((pointer) + (i)))
#define GIVEN(pointer, i) (*(const vector *)(const void *)((pointer) + (i)))

/* NaN wins. */
#define LARGER(x, m) ((x) > (m) || (x) != (x) ? (x) : (m))

MZ_INLINE double fold(const vector *v) {
  T lane[WIDTH];
  memcpy(lane, v, sizeof lane);
  for (int width = WIDTH / 2; width > 0; width /= 2)
    for (int l = 0; l < width; l++) lane[l] += lane[l + width];
  return (double)lane[0];
}

#endif
