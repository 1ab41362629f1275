/* windows.h: windows that move over the places of a tensor [batch, i..., channels], gathered element by element of the
 * accumulator. */
#ifndef MZ_WINDOWS_H
#define MZ_WINDOWS_H
#include "check.h"

/* Reads attributes strides, low, high, dilations (if has_dilations) and checks that windows of `taps` over `in` make `out`. */
mezzo_status mz_read_windows(mz_request *r, mz_gather *g, int axes, const int64_t *in, const int64_t *out, const int64_t *taps,
                             bool has_dilations);

/* Writes what one window of a group holds, [taps..., run], 0 outside, in the accumulator. place: counted over batch and
 * g->place; from: the first element of the group. */
void mz_gather_window(const mz_gather *g, const char *from, int64_t place, char *to);

/* Writes where the taps of the window at `place` lie, counted over batch and g->from, from the first to the last; tells how many
 * of them are inside. */
int64_t mz_window_places(const mz_gather *g, int64_t place, int64_t *at);

#endif
