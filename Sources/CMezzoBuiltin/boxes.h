/* boxes.h: places of windows, box by box, so that those of a box see the same taps, and how what they see is held. */
#ifndef MZ_BOXES_H
#define MZ_BOXES_H
#include "check.h"

enum { MZ_BOX_AXES = 3 };

typedef struct {
  int64_t first[MZ_BOX_AXES], count[MZ_BOX_AXES]; /* places */
  int64_t tap[MZ_BOX_AXES], taps[MZ_BOX_AXES];    /* that are inside; the others are skipped */
  int64_t inner;                                  /* taps for one of the first axis */
  int64_t ahead; /* taps of boxes before this one that see the same of the first axis, for all that it has */
} mz_box;

/* How windows see the operand that they are gathered from: axes marked in `padded` have their zeros in a copy, the others have
 * taps skipped. False where that is more than can be counted. */
bool mz_hold(const mz_gather *g, uint32_t padded, mz_held *held);

/* False behind the last box. */
void mz_first_box(const mz_gather *g, const mz_held *held, mz_box *box);
bool mz_next_box(const mz_gather *g, const mz_held *held, mz_box *box);

/* Writes images of the operand, in float. from: the first of them. */
void mz_copy_held(const mz_gather *g, const mz_held *held, const char *from, int64_t images, char *to);

#endif
