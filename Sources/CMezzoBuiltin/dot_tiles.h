#ifndef MZ_DOT_TILES_H
#define MZ_DOT_TILES_H
#include <stdbool.h>
#include <stdint.h>

enum {
  MZ_DOT_COLUMNS = 16, /* of a panel of B */
  MZ_DOT_ROWS = 8,     /* of the largest tile */
  MZ_DOT_PANELS = 6    /* that a tile takes at once, at most */
};

/* Where the sums of a tile go: rows of float or, rounded, of bfloat16, stride bytes apart, of which only so many columns are
 * there. */
typedef struct {
  char *at;
  int64_t stride, columns;
  bool is_narrow;
} mz_dot_sums;

/* sums[rows][panels * MZ_DOT_COLUMNS] = start + A times B, whose elements are bfloat16; sums are in float. start: one row, for all. A
 * row of A is a run of k elements, a_stride bytes from the next; B lies in panels [(k + 1) / 2][MZ_DOT_COLUMNS][2], whose last
 * places are 0 for an odd k. Every element is summed in the order of k, by pairs. */
typedef void mz_multiply_dots(int64_t k, const char *a, int64_t a_stride, const char *b, const float *start, const mz_dot_sums *sums);

typedef struct mz_dot_tiles {
  int panels[MZ_DOT_ROWS + 1];                                         /* that a tile of so many rows takes at most */
  mz_multiply_dots *tile[MZ_DOT_ROWS + 1][MZ_DOT_PANELS + 1]; /* of rows and panels */
} mz_dot_tiles;

/* NULL where the processor has no instruction for it. */
const mz_dot_tiles *mz_dot_tiles_bfloat16(void);

#endif
