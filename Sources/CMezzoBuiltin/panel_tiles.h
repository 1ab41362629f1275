#ifndef MZ_PANEL_TILES_H
#define MZ_PANEL_TILES_H
#include <stdbool.h>
#include <stdint.h>

enum {
  MZ_PANEL = 16,      /* columns of a panel of B */
  MZ_PANEL_ROWS = 8,  /* of the largest tile */
  MZ_PANELS = 6       /* that a tile takes at once, at most */
};

/* What is fetched for later tiles, `step` bytes at each place: from `at` to `end`, then runs of so many bytes, each `gap` behind the
 * one before. */
typedef struct {
  const char *at, *end;
  int64_t run, gap, step;
} mz_tile_ahead;

/* Rows of A that lie anywhere: place i of run g of row r is at row[r] + run[g] + i * step, in bytes. */
typedef struct {
  const char *row[MZ_PANEL_ROWS];
  const int64_t *run;
  int64_t runs, length /* places of each run */, step;
  mz_tile_ahead ahead;
} mz_tile_rows;

/* Place i of panel p, whose columns lie side by side, is at at + i * step + p * panel; runs follow each other. */
typedef struct {
  const char *at;
  int64_t step, panel;
} mz_tile_panels;

typedef enum { MZ_SUMS_F32, MZ_SUMS_F16, MZ_SUMS_BF16 } mz_float_kind;

/* Where the sums of a tile go: rows of float or, rounded, of 16 bits, stride bytes apart, of which only so many columns are
 * there. */
typedef struct {
  char *at;
  int64_t stride, columns;
  mz_float_kind kind;
  bool has_relu;
} mz_tile_sums;

/* sums[rows][panels * MZ_PANEL] = start, rows of float start_stride bytes apart, + A times B, in float. Every element is summed in the order of the runs
 * and of their places, so that it does not depend on the tile that it falls into. */
typedef void mz_multiply_panels(const mz_tile_rows *a, const mz_tile_panels *b, const char *start, int64_t start_stride,
                                const mz_tile_sums *sums);

typedef struct mz_panel_tiles {
  int group;                      /* elements of A that are one place: 2 of bfloat16, of which the last may be alone; else 1 */
  int panels[MZ_PANEL_ROWS + 1];  /* that a tile of so many rows takes at most */
  bool stores[MZ_SUMS_BF16 + 1];  /* which kinds of sums */
  mz_multiply_panels *tile[MZ_PANEL_ROWS + 1][MZ_PANELS + 1]; /* of rows and panels */
} mz_panel_tiles;

/* Panels of float, `panel` elements from one to the next, and `pitch` from a place in one to the next.
 * rows: [k][MZ_PANEL] of B, whose rows are stride bytes apart; 0 beyond the columns. columns: the same of a B whose columns are. */
typedef void mz_pack_panels(float *to, int64_t panel, int64_t pitch, const char *from, int64_t stride, int64_t lanes, int64_t k);
/* places: [k][MZ_PANEL_ROWS] of A, whose places are stride bytes apart; an even number of panels. */
typedef void mz_pack_places(float *to, int64_t panel, const char *from, int64_t stride, int64_t lanes, int64_t k);

typedef struct mz_panel_packing {
  mz_pack_panels *rows, *columns;
  mz_pack_places *places;
} mz_panel_packing;

/* Panels as those of rows, of pairs of bfloat16 from two rows; beside the last of an odd k, 0. */
mz_pack_panels mz_pack_pairs;

/* NULL where the processor has no instruction for it. */
const mz_panel_tiles *mz_panel_tiles_float(void);
const mz_panel_tiles *mz_panel_tiles_bfloat16(void);
const mz_panel_packing *mz_panel_packing_of(mz_float_kind kind);

#endif
