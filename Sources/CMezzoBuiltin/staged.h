/* staged.h: operations that take a row at a time whole through a buffer of the domain's type. */
#ifndef MZ_STAGED_H
#define MZ_STAGED_H
#include "operations.h"

/* A thread's share of the rows, and its part of the workspace. */
typedef struct {
  const mz_staged *plan;
  const mz_call *call;
  int64_t slot, begin, end;
  int n_loaded; /* of the inputs */
  char *buffer[MZ_STAGED_BUFFERS]; /* a row each, in the domain's type */
  char *at[3];                     /* of each operand the row that was found last */
  int64_t row, in_run;             /* which that is, and how many behind it lie at equal distances */
  const mz_edges *edges;
  bool in_memory; /* what edges take */
} mz_share;

/* Fills plan->u.staged for rows along `axis` of operands of one shape, of which n_in are inputs and the last is the result,
 * and plan->workspace for n_buffers rows a thread. */
mezzo_status mz_plan_staged(mz_request *r, int axis, int n_in, const int *operands, int n_buffers);

/* Runs body for the share of each slot, on the host's threads. */
mezzo_status mz_run_staged(const mz_call *call, mezzo_body body);
/* The share of a slot, inside of body. */
mz_share mz_share_of(const mz_call *call, uint64_t slot);

/* Finds the row of each operand, and loads those of the inputs into the first buffers. */
void mz_stage_row(mz_share *share, int64_t row);
/* Where the kernel's result goes: the result itself if no conversion is needed, else the first buffer. */
void *mz_stage_result(const mz_share *share);
void mz_unstage_row(const mz_share *share, const void *result);

/* Sets the edges that take the rows of the inputs to be loaded and of the result, from memory or from buffers. */
void mz_choose_edges(mz_share *share);
/* The rows from `row` on that edges take together; loads them if need be, into as many buffers for each input. */
void mz_find_rows(mz_share *share, int64_t row, mz_edge_rows *rows);
/* Stores what edges left in buffers. */
void mz_unstage_rows(mz_share *share, int64_t row, const mz_edge_rows *rows);

#endif
