#ifndef MZ_MATMUL_H
#define MZ_MATMUL_H
#include "matmul_tiles.h"
#include "operations.h"

/* alpha * acc + beta * (the old content of the result), for n accumulators of one row. */
void mz_blend(const mz_matmul *matmul, const char *result, void *acc, int64_t n);

/* Fills the product's steps with as many leading steps of the epilogue as it can do, those with an operand of the result's
 * shape only if takes_whole. */
mezzo_status mz_plan_epilogue(mz_request *r, mz_matmul *matmul, bool in_double, bool takes_whole);
/* Takes the bias that the steps begin with, if they do, out of them: what the sums begin with. */
void mz_take_bias(const mz_request *r, mz_matmul *matmul);
/* Takes the ReLU that is left at the beginning of the steps, if there is one, out of them, and tells whether it did. */
bool mz_take_relu(const mz_request *r, mz_matmul *matmul);
/* Applies them to n accumulators of one row; operands: first elements of the steps' operands, for this batch. */
void mz_run_epilogue(const mz_matmul *matmul, char *const *operands, int64_t row, int64_t column, void *acc, int64_t n);
/* The same, and stores them to the result. */
void mz_store_finished(const mz_matmul *matmul, char *const *operands, int64_t row, int64_t column, void *acc, char *result,
                       int64_t n);

/* Plans a product whose A has its rows in memory, or whose B is constant; *takes: whether it is one. */
mezzo_status mz_plan_rows(mz_request *r, bool *takes);
/* Plans a product for a processor whose registers hold large tiles; *takes: whether it is one. */
mezzo_status mz_plan_panels(mz_request *r, bool *takes);

/* One operand of a product as the packing sees it: `lanes` rows of A or columns of B, each k long. */
typedef struct {
  const char *from;
  int64_t lane_stride, k_stride; /* bytes */
  mz_load *load;
} mz_packing;

/* to[panel][k][width], converted to float or double; lanes beyond the last are 0. */
void mz_pack(void *to, int64_t element, int64_t width, const mz_packing *packing, int64_t lanes, int64_t k);

/* Parts of a row, `width` bytes each, go to panels that lie `panel` bytes apart. */
void mz_deal(char *to, int64_t panel, int64_t width, const char *row, int64_t bytes);

/* Part of a result. */
typedef struct {
  int64_t row, column, rows, columns;
} mz_area;

/* The area of a product, or of one of a batch, that a task fills. */
mz_area mz_area_of(const mz_matmul *matmul, int64_t task);
/* at: A, B, C and the operands of the steps, of the first of a batch. */
void mz_find_operands(const mz_call *call, char **at);

/* What one thread works on: panels of B and of A, and accumulators whose rows are as long as whole tiles. Tiles that lie within
 * the block are summed where they are to be if that is known: `direct`, where the block begins in the result, or NULL. */
typedef struct {
  char *b, *a, *acc, *direct;
} mz_scratch;

/* Where a block begins in the result, if its accumulators can lie there. */
char *mz_direct(const mz_matmul *matmul, const mz_area *block, char *const *at);

/* Bytes of the accumulators of a block. */
int64_t mz_tiles_bytes(const mz_matmul *matmul, const mz_area *block);
/* The products over the first `length` places of panels that are matmul->k long, added to what is there if `adds`. */
void mz_multiply_tiles(const mz_matmul *matmul, const mz_scratch *scratch, const mz_area *block, int64_t length, bool adds);
/* Does the epilogue and stores the part of a row of a block that is still in accumulators; n_direct: how much lies in place. */
void mz_finish_row(const mz_matmul *matmul, char *const *at, char *acc, int64_t row, int64_t column, int64_t n_direct, int64_t n);
/* Does the epilogue and stores. at[2]: the result; at[3...]: the steps' operands. */
void mz_finish_tiles(const mz_matmul *matmul, const mz_scratch *scratch, const mz_area *block, char *const *at);

#endif
