#include "windows.h"
#include <string.h>

static mezzo_status read_axis_numbers(mz_request *r, const char *name, int axes, int64_t least, int64_t *to) {
  const int64_t *values;
  uint32_t count;
  MZ_TRY(mz_attr_ints(r, name, &values, &count));
  if (count != (uint32_t)axes)
    return mz_refuse(r->err, MEZZO_INVALID, MEZZO_WHY_ATTR, MZ_NO_OPERAND, "attribute '%s' has %u numbers; expected %d, one an axis", name,
                     count, axes);
  for (int i = 0; i < axes; i++) {
    if (values[i] < least || values[i] > INT32_MAX)
      return mz_refuse(r->err, MEZZO_INVALID, MEZZO_WHY_ATTR, MZ_NO_OPERAND, "attribute '%s' is %lld at axis %d; expected %lld...%d", name,
                       (long long)values[i], i, (long long)least, INT32_MAX);
    to[i] = values[i];
  }
  return MEZZO_OK;
}

mezzo_status mz_read_windows(mz_request *r, mz_gather *g, int axes, const int64_t *in, const int64_t *out, const int64_t *taps,
                             bool has_dilations) {
  int64_t high[MZ_MAX_RANK];
  g->axes = axes;
  MZ_TRY(read_axis_numbers(r, "strides", axes, 1, g->step));
  MZ_TRY(read_axis_numbers(r, "low", axes, 0, g->low));
  MZ_TRY(read_axis_numbers(r, "high", axes, 0, high));
  for (int i = 0; i < axes; i++) g->dilation[i] = 1;
  if (has_dilations) MZ_TRY(read_axis_numbers(r, "dilations", axes, 1, g->dilation));
  for (int i = 0; i < axes; i++) {
    g->taps[i] = taps[i];
    int64_t reach, room;
    bool fits = taps[i] > 0 && !__builtin_mul_overflow(taps[i] - 1, g->dilation[i], &reach) &&
                !__builtin_add_overflow(in[i], g->low[i] + high[i], &room) && room > reach &&
                out[i] == (room - reach - 1) / g->step[i] + 1;
    if (!fits)
      return mz_refuse(r->err, MEZZO_INVALID, MEZZO_WHY_SHAPE, MZ_NO_OPERAND,
                       "windows of axis %d (extent %lld, stride %lld, dilation %lld) over %lld places and %lld + %lld around them do "
                       "not make %lld",
                       i, (long long)taps[i], (long long)g->step[i], (long long)g->dilation[i], (long long)in[i], (long long)g->low[i],
                       (long long)high[i], (long long)out[i]);
  }
  return MEZZO_OK;
}

/* Where a tap of the window at `place` lies along an axis; -1: outside. */
static int64_t reach(const mz_gather *g, int axis, int64_t place, int64_t tap) {
  int64_t at;
  if (g->is_transposed) {
    at = place + g->low[axis] - tap * g->dilation[axis];
    if (at < 0 || at % g->step[axis] != 0) return -1;
    at /= g->step[axis];
  } else {
    at = place * g->step[axis] + tap * g->dilation[axis] - g->low[axis];
  }
  return at >= 0 && at < g->from[axis] ? at : -1;
}

static char *gather(const mz_gather *g, const char *from, const int64_t *place, int axis, int64_t offset, char *to) {
  int last = g->axes - 1;
  int64_t stride = g->channels * g->size;
  if (axis == last && g->is_run) {
    /* The taps of a whole window lie one behind the other. */
    int64_t at = offset * g->from[axis] + place[axis] * g->step[axis] - g->low[axis], first = place[axis] * g->step[axis] - g->low[axis];
    if (first >= 0 && first + g->taps[axis] <= g->from[axis]) {
      g->load(to, from + at * stride, g->size, g->taps[axis] * g->run);
      return to + g->taps[axis] * g->run * g->element;
    }
  }
  int64_t first = place[axis] + g->low[axis], taps = g->taps[axis];
  if (axis == last && g->is_transposed && g->step[axis] == 1 && g->dilation[axis] == 1 && first < g->from[axis] && first - taps >= -1) {
    /* All taps are there, one before the other. */
    const char *at = from + (offset * g->from[axis] + first) * stride;
    for (int64_t tap = 0; tap < taps; tap++, at -= stride, to += g->run * g->element) g->load(to, at, g->size, g->run);
    return to;
  }
  for (int64_t tap = 0; tap < taps; tap++) {
    int64_t at = reach(g, axis, place[axis], tap), bytes = g->inside[axis] * g->run * g->element;
    if (at < 0) {
      memset(to, 0, (size_t)bytes);
    } else if (axis == last) {
      g->load(to, from + (offset * g->from[axis] + at) * stride, g->size, g->run);
    } else {
      gather(g, from, place, axis + 1, offset * g->from[axis] + at, to);
    }
    to += bytes;
  }
  return to;
}

/* Takes the place apart, axis by axis, and tells which of the batch it is in. */
static int64_t take_apart(const mz_gather *g, int64_t index, int64_t *place) {
  for (int axis = g->axes - 1; axis >= 0; axis--) {
    place[axis] = index % g->place[axis];
    index /= g->place[axis];
  }
  return index;
}

void mz_gather_window(const mz_gather *g, const char *from, int64_t index, char *to) {
  int64_t place[MZ_MAX_RANK];
  int64_t batch = take_apart(g, index, place);
  gather(g, from, place, 0, batch, to);
}

static int64_t *find_places(const mz_gather *g, const int64_t *place, int axis, int64_t offset, int64_t *at) {
  for (int64_t tap = 0; tap < g->taps[axis]; tap++) {
    int64_t along = reach(g, axis, place[axis], tap);
    if (along < 0) continue;
    int64_t here = offset * g->from[axis] + along;
    if (axis == g->axes - 1) *at++ = here;
    else at = find_places(g, place, axis + 1, here, at);
  }
  return at;
}

int64_t mz_window_places(const mz_gather *g, int64_t index, int64_t *at) {
  int64_t place[MZ_MAX_RANK];
  int64_t batch = take_apart(g, index, place);
  return find_places(g, place, 0, batch, at) - at;
}
