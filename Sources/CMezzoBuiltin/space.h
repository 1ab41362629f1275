/* space.h: iteration over operands of one shape, whatever their strides. */
#ifndef MZ_SPACE_H
#define MZ_SPACE_H
#include <stdbool.h>
#include <stdint.h>

enum {
  MZ_MAX_RANK = 8,
  MZ_MAX_MAPPED = 10,   /* operands that one loop walks together */
  MZ_MAX_OPERANDS = 12, /* of one operation, epilogue included */
  MZ_MAX_SCALARS = 8
};

/* Axes of extent 1 are gone, axes that are contiguous for every operand are one. rank is at least 1; the last axis is the
 * inner one. Strides count bytes. */
typedef struct {
  int rank, operands;
  int64_t count;
  int64_t extent[MZ_MAX_RANK];
  int64_t stride[MZ_MAX_MAPPED][MZ_MAX_RANK];
} mz_space;

/* An empty product: one element. */
void mz_space_init(mz_space *space, int operands);
/* Adds an axis inside those that are there; strides holds one number an operand. */
void mz_space_add(mz_space *space, int64_t extent, const int64_t *strides);
/* Reorders the axes so that the last operand is walked in the order of its memory; only where the order does not matter. */
void mz_space_sort(mz_space *space);
/* Drops and joins axes. Row-major order is kept. */
void mz_space_coalesce(mz_space *space);

/* Moves at[] from element 0 to element `index` in row-major order and tells how many elements are left in that inner run. */
int64_t mz_space_seek(const mz_space *space, int64_t index, char *const *base, char **at);

/* A walk from one inner run to the next, which needs no divisions: with short runs they are most of the work. */
typedef struct {
  int64_t place[MZ_MAX_RANK];
  char *run[MZ_MAX_MAPPED]; /* where the inner run begins */
} mz_walk;

/* As mz_space_seek. */
int64_t mz_walk_begin(mz_walk *walk, const mz_space *space, int64_t index, char *const *base, char **at);

/* Moves at[] to the first element of the next run and tells how many there are; only where there is one. */
static inline int64_t mz_walk_next(mz_walk *walk, const mz_space *space, char **at) {
  int axis = space->rank - 2;
  for (; axis >= 0; axis--) {
    for (int o = 0; o < space->operands; o++) walk->run[o] += space->stride[o][axis];
    if (++walk->place[axis] < space->extent[axis]) break;
    walk->place[axis] = 0;
    for (int o = 0; o < space->operands; o++) walk->run[o] -= space->extent[axis] * space->stride[o][axis];
  }
  for (int o = 0; o < space->operands; o++) at[o] = walk->run[o];
  return space->extent[space->rank - 1];
}

#endif
