#include "counts.h"
#include "space.h"

void mz_space_init(mz_space *space, int operands) {
  space->rank = 0;
  space->operands = operands;
  space->count = 1;
}

static void copy_axis(mz_space *space, int to, int from) {
  space->extent[to] = space->extent[from];
  for (int o = 0; o < space->operands; o++) space->stride[o][to] = space->stride[o][from];
}

void mz_space_add(mz_space *space, int64_t extent, const int64_t *strides) {
  int axis = space->rank++;
  space->extent[axis] = extent;
  space->count *= extent;
  for (int o = 0; o < space->operands; o++) space->stride[o][axis] = strides[o];
}

/* Whether axis b belongs inside axis a: the last operand decides, the ones before it break ties. */
static bool is_inner(const mz_space *space, int a, int b) {
  for (int o = space->operands - 1; o >= 0; o--) {
    int64_t sa = magnitude(space->stride[o][a]), sb = magnitude(space->stride[o][b]);
    if (sa != sb) return sb < sa;
  }
  return true;
}

static void swap_axes(mz_space *space, int a, int b) {
  int64_t extent = space->extent[a];
  space->extent[a] = space->extent[b];
  space->extent[b] = extent;
  for (int o = 0; o < space->operands; o++) {
    int64_t stride = space->stride[o][a];
    space->stride[o][a] = space->stride[o][b];
    space->stride[o][b] = stride;
  }
}

void mz_space_sort(mz_space *space) {
  for (int i = 1; i < space->rank; i++)
    for (int j = i; j > 0 && !is_inner(space, j - 1, j); j--) swap_axes(space, j - 1, j);
}

static bool joins(const mz_space *space, int outer, int inner) {
  for (int o = 0; o < space->operands; o++)
    if (space->stride[o][outer] != space->extent[inner] * space->stride[o][inner]) return false;
  return true;
}

void mz_space_coalesce(mz_space *space) {
  int rank = 0;
  for (int axis = 0; axis < space->rank; axis++) {
    if (space->extent[axis] == 1) continue;
    copy_axis(space, rank, axis);
    if (rank > 0 && joins(space, rank - 1, rank)) {
      int64_t extent = space->extent[rank - 1] * space->extent[rank];
      copy_axis(space, rank - 1, rank);
      space->extent[rank - 1] = extent;
    } else {
      rank++;
    }
  }
  if (rank == 0) {
    space->extent[0] = 1;
    for (int o = 0; o < space->operands; o++) space->stride[o][0] = 0;
    rank = 1;
  }
  space->rank = rank;
}

int64_t mz_walk_begin(mz_walk *walk, const mz_space *space, int64_t index, char *const *base, char **at) {
  int last = space->rank - 1;
  /* Most have one axis, and a division takes as long as a short row. */
  bool is_inside = index < space->extent[last];
  int64_t within = is_inside ? index : index % space->extent[last];
  index = is_inside ? 0 : index / space->extent[last];
  for (int o = 0; o < space->operands; o++) walk->run[o] = base[o];
  for (int axis = last - 1; axis >= 0; axis--) {
    walk->place[axis] = index % space->extent[axis];
    index /= space->extent[axis];
    for (int o = 0; o < space->operands; o++) walk->run[o] += walk->place[axis] * space->stride[o][axis];
  }
  for (int o = 0; o < space->operands; o++) at[o] = walk->run[o] + within * space->stride[o][last];
  return space->extent[last] - within;
}

int64_t mz_space_seek(const mz_space *space, int64_t index, char *const *base, char **at) {
  mz_walk walk;
  return mz_walk_begin(&walk, space, index, base, at);
}
