/* plan.h: what planning leaves for executing. A plan is immutable once made, so that threads can share it. */
#ifndef MZ_PLAN_H
#define MZ_PLAN_H
#include "convert.h"
#include "edges.h"
#include "elementwise.h"
#include "epilogue.h"
#include "max_pool.h"
#include "norms.h"
#include "rows.h"
#include "space.h"

enum { MZ_MAX_EPILOGUE = 8 };

typedef struct {
  mz_dtype dtype;
  int rank;
  int64_t shape[MZ_MAX_RANK];
  int64_t stride[MZ_MAX_RANK]; /* bytes */
  int64_t size;                /* of one element, in bytes */
  int64_t count;               /* of elements */
} mz_operand;

typedef struct mz_plan mz_plan;

/* One execution: lives on the stack of the caller of execute. */
typedef struct {
  const mz_plan *plan;
  char *at[MZ_MAX_OPERANDS]; /* first elements of the operands: inputs, then results */
  char *workspace;
} mz_call;

typedef mezzo_status mz_run(const mz_call *call);

/* An element-wise operation: how operand i gets from memory into the kernel and back. */
typedef struct {
  mz_kernel *kernel;
  mz_space space;
  int n_in, n_out;
  int operand[MZ_MAX_MAPPED];    /* indices into call->at: inputs, then results */
  bool from_memory[MZ_MAX_MAPPED]; /* the kernel reads or writes memory itself, without staging */
  mz_load *load[MZ_MAX_MAPPED];
  mz_store *store[MZ_MAX_MAPPED]; /* NULL: from_memory */
  mz_kernel *otherwise;          /* of an update that is not to be applied */
  const void *table;             /* what the kernel finds behind its inputs, or NULL */
  double scalar[MZ_MAX_SCALARS]; /* attributes */
} mz_map;

/* Reductions, softmax, losses: `outer` walks what is independent of each other, `inner` what is combined. */
typedef struct {
  mz_space outer, inner;
  const mz_row_kernels *kernels;
  int64_t element; /* bytes of the domain's type */
  uint32_t op;
  bool by_columns; /* memory is walked along the kept axes */
  bool is_plain;   /* a run of the operand is one of the kernels' type */
  mz_load *load;
  mz_store *store;
  int64_t count; /* elements combined into one */
  int64_t in_stride, out_stride; /* along the axis of arg_max, softmax, losses, one_hot; bytes */
} mz_rows;

enum { MZ_STAGED_BUFFERS = 10, MZ_ATTENTION_OPERANDS = 10 };

/* Rows that are taken whole through buffers: one or two inputs and a result of one shape. */
typedef struct {
  mz_space rows; /* of the inputs, the result */
  int n_in, n_buffers;
  int operand[3];    /* indices into call->at */
  int64_t stride[3]; /* along a row, bytes */
  mz_load *load[3];
  mz_store *store;
  bool is_direct; /* a kernel can write the result itself */
  bool is_dense[3]; /* rows of inputs and result can be taken from memory and put there by of_memory */
  const mz_edges *of_memory, *of_buffers;
  int64_t count, element, row_bytes, slots;
  const mz_norm_kernels *kernels;
  const mz_row_kernels *rows_kernels; /* of column sums */
  double epsilon;
  bool centered;
} mz_staged;

typedef struct {
  mz_space batches; /* of A, B, C and the steps' operands */
  int64_t m, n, k;
  int64_t a_stride[2], b_stride[2], c_stride[2]; /* along rows and columns, bytes */
  const struct mz_tile *tile;
  int64_t element; /* bytes of the accumulator */
  mz_load *load;
  mz_load *load_c; /* of the result's old content; NULL: beta is 0 */
  double alpha, beta;
  mz_store *store;
  bool is_direct; /* accumulators can lie in the result */
  int64_t row_tasks, column_tasks, task_rows, task_columns; /* how one product is split */
  int64_t rows_a_part;                                      /* tasks of rows that a thread begins with */
  int64_t block_rows, block_columns;                        /* what a task packs at once */
  int64_t slots, slot_bytes, a_bytes, b_bytes;              /* parts of the workspace, one a thread */
  int b_kind; /* of matmul_tiles.h: how B lies in its panels */
  int64_t b_element;
  mz_load *load_b;
  bool packs_b; /* once, before executing */
  int64_t shared_bytes; /* of all of B's panels, which the threads pack together at each call; 0: each packs what it needs */
  int n_steps;
  mz_step step[MZ_MAX_EPILOGUE];
  mz_store *store_last; /* does the last step as well; NULL: there is none for it */
  const struct mz_panel_tiles *tiles;
  mz_step bias; /* what sums begin with; operand -1: 0 */
  bool has_relu; /* tiles do it */
  bool sums_in_result, stores_sums; /* tiles write to the result; and nothing follows */
  int sums_kind, narrow; /* of panel_tiles.h: of the result, of A and B */
  bool b_in_place; /* whole panels are read from B itself */
  bool stages_a, staged_by_places; /* rows of A are copied, or places of k */
  int64_t staged_rows, staged_stride, pack_columns;
  int64_t chunk; /* of k that tiles sum at once */
} mz_matmul;

/* How a window over `from` belongs to a place: from = place * step + tap * dilation - low, or, transposed, where place = from *
 * step + tap * dilation - low. */
typedef struct {
  int axes;
  bool is_transposed;
  bool is_run; /* a row of a window is one run of memory */
  int64_t place[MZ_MAX_RANK], from[MZ_MAX_RANK], taps[MZ_MAX_RANK], step[MZ_MAX_RANK], dilation[MZ_MAX_RANK], low[MZ_MAX_RANK];
  int64_t inside[MZ_MAX_RANK]; /* taps of a window behind this axis */
  int64_t places, window;      /* with the batch; taps of a window */
  int64_t run, channels;       /* of a group, of all; elements behind each other */
  int64_t size, element;       /* bytes, in memory and of the accumulator */
  mz_load *load;
} mz_gather;

/* What windows see of one operand where it lies, or of a copy of some of it in float, with zeros around: from = place * step + tap *
 * dilation - low. Taps outside of it are skipped. */
typedef struct {
  int64_t held[MZ_MAX_RANK], low[MZ_MAX_RANK];
  int64_t ahead[MZ_MAX_RANK];  /* zeros of the copy before the first place */
  int64_t stride[MZ_MAX_RANK]; /* bytes from one place to the next */
  int64_t image;               /* bytes of one of the batch */
  int64_t unit;                /* of the batch that are worked on at once */
  bool is_copy;
} mz_held;

/* A convolution or one of its gradients: for each group a product, of which one operand is gathered from windows. */
typedef struct {
  mz_matmul product; /* slots, slot_bytes and what a slot holds are its own */
  mz_gather gather;
  int64_t groups;
  int from, other, into;          /* operands: the windows', the one multiplied with, the result */
  int64_t from_group, other_group, into_group; /* bytes from one group to the next */
  int64_t other_tap, other_k, other_lane;      /* strides of the other operand in bytes; a tap has run / 1 places of k */
  int64_t packed_group;           /* bytes of the other operand of a group, packed */
  int64_t blocks, columns_blocks; /* of rows, of columns */
  int64_t chunks, chunk;          /* of the places that are summed over, and how long they are */
  int64_t sums_bytes;             /* of the accumulators of one block */
  bool is_short, has_bias, has_relu; /* where windows are multiplied as they lie: of few channels, whose steps may be these alone; of
                                      tiles has_relu alone */
  const struct mz_panel_tiles *tiles; /* which do that */
  mz_held held;
  int64_t panel_taps; /* of the kernel in a panel, once for each box of places (boxes.h) that sees others */
  int64_t most_runs;  /* of a row of a tile */
  int64_t parts;      /* of a chunk or unit that threads share */
  int sums_kind;      /* of panel_tiles.h */
  bool copies_other;
} mz_convolution;

/* Pooling: windows of x at places of y, and, for a gradient, of y at places of x. */
typedef struct {
  mz_gather windows, back;
  const mz_max_pool_kernels *max;
  bool in_double, is_mean, is_covered; /* is_covered: each element of x is in one window */
  int x, y; /* operands: what is pooled and what comes of it, or, for the gradient of a mean, of their shapes */
  int64_t channels, slots, slot_bytes, shares_bytes;
  mz_load *load;
  mz_store *store;
} mz_pool;
/* Attention and its gradient: for each index of `batches` a matrix of each operand. */
typedef struct {
  mz_space batches;           /* of all operands and results */
  int64_t queries, keys, dim, width; /* of q and k; of v and o */
  int64_t stride[MZ_ATTENTION_OPERANDS][2]; /* along rows and columns, bytes */
  mz_load *load[MZ_ATTENTION_OPERANDS];
  mz_store *store[MZ_ATTENTION_OPERANDS];
  double scale;
  bool is_causal;
  const struct mz_tile *tile;
  const mz_norm_kernels *kernels;
  mz_weigh_scores *weigh;
  mz_slope_scores *slope;
  bool in_pairs; /* products take two places at a time, of elements as they lie in memory */
  const struct mz_panel_packing *packing; /* of operands whose rows are runs of elements of this size; NULL: none */
  int64_t size;
  int64_t element, block, padded_dim, padded_width; /* block: queries that are worked on at once */
  int64_t parts, part, slots, slot_bytes; /* of the queries of a matrix, and how long they are */
} mz_attention;

/* Rows brought to int8. */
typedef struct {
  mz_space rows; /* of x, q, scale and zero */
  int64_t count, x_stride, q_stride;
  bool is_symmetric;
  bool in_double, is_plain; /* is_plain: a row of x is a run of what is taken */
  const struct mz_quantize_rows *kernels; /* of what is taken: float32 or bfloat16 */
  int64_t element;                        /* of it, bytes */
  mz_load *load, *load_tiny;              /* into the domain's type; of what is taken into double */
} mz_quantize;

/* A product of int8, whose own are B's panels, the tiles, and what the sums are multiplied with. */
typedef struct {
  mz_matmul product;
  const struct mz_int8_tiles *tiles;
  bool in_double, is_direct, is_narrow; /* tiles write to the result; as bfloat16 */
  int64_t padded_k, panels, packed_bytes;
  int64_t a_stride; /* of rows of A as tiles take them, bytes */
  mz_load *load_scale;
  int64_t a_scale_stride, b_scale_stride, zero_stride;
} mz_quantized;

typedef struct {
  mz_space space;
  uint32_t stream;
} mz_random;

/* Elements moved from operands to places of the result, which is filled before if they do not cover it. */
typedef struct {
  int n;
  struct {
    mz_space space; /* of the operand, the result */
    int operand;
    int64_t from, to; /* bytes from their first elements */
  } part[2];
  mz_space all; /* of the result */
  bool fills;
  _Alignas(8) char fill[8];
  mz_load *load;
  mz_store *store;
} mz_moves;

/* Sums over the windows of x that meet at a place of y, axis by axis. */
typedef struct {
  int axes;
  int64_t out[MZ_MAX_RANK], taps[MZ_MAX_RANK], step[MZ_MAX_RANK], dilation[MZ_MAX_RANK];
  int64_t out_stride[MZ_MAX_RANK], tap_stride[MZ_MAX_RANK];
  mz_space inner; /* of x, y: the axes behind the windows */
  mz_load *load;
  mz_store *store;
  bool in_double;
  bool is_plain; /* x is in the accumulator */
  bool by_rows;  /* a row of y is short enough, and windows lie in x so that whole ones are added to it */
} mz_windows;

struct mz_plan {
  const mezzo_host *host;
  mz_run *run;
  int n_in, n_out;
  int n_needed; /* inputs that executing reads */
  bool may_pack; /* the rule lets constant operands be packed */
  bool may_flush; /* the rule lets denormals be taken for 0 */
  uint32_t threads;
  uint64_t workspace;
  uint64_t packed_bytes; /* of operand 1; 0: none is packed */
  void (*pack)(const mz_plan *plan, const mezzo_tensor *b, void *to); /* writes the packed form */
  uint64_t pack_key[2];
  int n_epilogue;
  mz_operand operand[MZ_MAX_OPERANDS];
  union {
    mz_map map;
    mz_rows rows;
    mz_matmul matmul;
    mz_staged staged;
    mz_attention attention;
    mz_quantize quantize;
    mz_quantized quantized;
    mz_random random;
    mz_moves moves;
    mz_windows windows;
    mz_convolution convolution;
    mz_pool pool;
  } u;
};

/* Runs body over [0, n) on the host's threads if n exceeds grain, else here. */
mezzo_status mz_parallel(const mz_plan *plan, int64_t n, int64_t grain, mezzo_body body, void *user);

#endif
