/* mezzo_backend.h: the whole contract between Mezzo and a backend. ABI 1.2. C11, C++17, importable in Swift.
 *
 * A backend is a shared library that exports one symbol, mezzo_backend_query. Mezzo offers the ABI versions it speaks; the
 * backend answers with a table of the version it obeys, or NULL. The table states what the backend can do as data (rules);
 * Mezzo matches, explains and prints rules without running a line of the backend's code.
 *
 * Promises on both sides
 *   - Structs only grow at their end. struct_size is sizeof of the struct as its writer knew it; a reader copies
 *     min(theirs, its own) bytes over a zeroed struct, so an absent field reads as 0 or NULL, which is always its default.
 *     A writer of results writes no field that lies beyond struct_size. Structs without struct_size that travel in arrays
 *     are read by the array's stride in the same way; mezzo_dtype, mezzo_device, mezzo_numerics, mezzo_cost and mezzo_call
 *     never change.
 *   - Reserved fields are written as 0 and not read. Unknown flags, enumerators in answers and chain records are skipped;
 *     an unknown operation, attribute, epilogue step or dtype in a request is declined.
 *   - Every entry point is  mezzo_status f(void *self, ARGS *args)  and every ARGS begins with a mezzo_call.
 *   - Nothing throws, panics, longjmps or exits across this boundary.
 *   - What an args struct points to lives as long as the call; what a backend needs longer, it copies.
 *   - MEZZO_UNSUPPORTED means "I decline, ask the next backend". Every other status but MEZZO_OK is a failure.
 */
#ifndef MEZZO_BACKEND_H
#define MEZZO_BACKEND_H
#include <stddef.h>
#include <stdint.h>
#ifdef __cplusplus
extern "C" {
#endif

#define MEZZO_ABI_MAJOR 1u
#define MEZZO_ABI_MINOR 2u

/* ------------------------------------------------------------------------------------------ status and errors */

typedef int32_t mezzo_status;
enum {
  MEZZO_OK = 0,
  MEZZO_UNSUPPORTED = 1, /* declined: the router goes on to the next candidate */
  MEZZO_INVALID = 2,     /* the arguments contradict each other */
  MEZZO_OOM = 3,
  MEZZO_INTERNAL = 4,
  MEZZO_CANCELLED = 5,   /* mezzo_host.cancelled answered, and the work was left */
  MEZZO_DEVICE_LOST = 6,
  MEZZO_ABI = 8          /* a struct is too short for what is asked */
};

/* Why a request was declined, so that a host can aggregate; mezzo_error.msg is for people. */
enum {
  MEZZO_WHY_NONE = 0,
  MEZZO_WHY_OP,
  MEZZO_WHY_DTYPE,
  MEZZO_WHY_ACCUM,
  MEZZO_WHY_SHAPE,
  MEZZO_WHY_LAYOUT,
  MEZZO_WHY_ALIGN,
  MEZZO_WHY_DEVICE,
  MEZZO_WHY_CPU,
  MEZZO_WHY_NUMERICS,
  MEZZO_WHY_EPILOGUE,
  MEZZO_WHY_ATTR,
  MEZZO_WHY_SYMBOL, /* a library or a symbol that the backend needs is missing */
  MEZZO_WHY_LIMIT
};

/* The caller's buffer: the callee fills it and never allocates for it. msg is UTF-8 of msg_len bytes, cut off at msg_cap; a
 * terminating 0 does not count. What counts is the status that is returned; code repeats it. */
typedef struct mezzo_error {
  uint32_t struct_size;
  int32_t code;      /* mezzo_status */
  uint32_t why;      /* MEZZO_WHY_* */
  uint32_t operand;  /* index of the operand at fault, or UINT32_MAX */
  char *msg;
  uint32_t msg_cap;
  uint32_t msg_len;
} mezzo_error;

/* A record of the chain behind a mezzo_call. Kinds below 0x10000 belong to this header, which has none yet; others are for
 * backends and programs that know each other. A reader skips the kinds that it does not know. */
typedef struct mezzo_chain {
  uint32_t struct_size; /* of the whole record */
  uint32_t kind;
  const struct mezzo_chain *next;
} mezzo_chain;

/* The head of every args struct. */
typedef struct mezzo_call {
  uint32_t struct_size; /* of the whole args struct */
  uint32_t flags;       /* MEZZO_CALL_* */
  mezzo_error *err;     /* never NULL when called by Mezzo */
  const mezzo_chain *next;
} mezzo_call;

/* execute may return once the work is queued on the stream; what goes wrong later is reported where the host waits for it
 * (mezzo_device.h). Given only to rules with MEZZO_R_ASYNC. */
enum { MEZZO_CALL_ASYNC = 1u };

/* ---------------------------------------------------------------------------------------------------- tensors */

typedef struct mezzo_dtype { uint8_t code, bits; uint16_t lanes; } mezzo_dtype; /* DLPack's DLDataType */
typedef struct mezzo_device { int32_t type, id; } mezzo_device;                /* DLPack's DLDevice; CPU is {1, 0} */

/* DLPack's codes. bfloat16 is {MEZZO_BFLOAT, 16, 1}, int4 is {MEZZO_INT, 4, 1}, bool is {MEZZO_BOOL, 8, 1}. */
enum {
  MEZZO_INT = 0,
  MEZZO_UINT = 1,
  MEZZO_FLOAT = 2,
  MEZZO_BFLOAT = 4,
  MEZZO_COMPLEX = 5,
  MEZZO_BOOL = 6,
  MEZZO_F8E3M4 = 7,
  MEZZO_F8E4M3 = 8,
  MEZZO_F8E4M3FN = 10,
  MEZZO_F8E4M3FNUZ = 11,
  MEZZO_F8E5M2 = 12,
  MEZZO_F8E5M2FNUZ = 13,
  MEZZO_F8E8M0 = 14,
  MEZZO_F6E2M3 = 15,
  MEZZO_F6E3M2 = 16,
  MEZZO_F4E2M1 = 17
};

enum { MEZZO_DEVICE_CPU = 1, MEZZO_DEVICE_EXTENSION = 12 }; /* DLPack's kDLCPU and kDLExtDev */

/* Quantization of an operand: value = (element - zero) * scale. Absent (NULL) for plain tensors.
 *   axis < 0               one scale for the tensor
 *   axis >= 0, group == 0  one scale for each index along axis
 *   axis >= 0, group > 0   one scale for each `group` elements along axis (the last group may be short), for each place along
 *                          the other axes: scales have the operand's shape with extent(axis) replaced by
 *                          ceil(extent / group), dense, in row-major order
 * Zero points are as many as scales. While planning, scale and zero are NULL: only that they will be there is known, zero
 * points by a zero_dtype with bits > 0. */
typedef struct mezzo_quant {
  uint32_t struct_size;
  int32_t axis;
  int64_t group;
  const void *scale;
  const void *zero; /* NULL when executing: all are 0 */
  mezzo_dtype scale_dtype, zero_dtype;
} mezzo_quant;

enum {
  MEZZO_T_CONST = 1u /* the content does not change between executions: may be packed */
};

enum {
  MEZZO_LAYOUT_STRIDED = 0,
  MEZZO_LAYOUT_PACKED = 1 /* the bytes that pack() of this plan wrote, or that of another with the same pack_key */
};

/* The first 48 bytes are a DLPack 1.1 DLTensor (on LP64). Strides count elements; a stride of 0 repeats.
 *
 * Elements of less than a byte (int4, uint4, f4) lie two to a byte, the one with the lower index in the low bits. Along the
 * last axis the stride is 1 (or the extent at most 1); all other strides are even, so that each row begins with a byte. */
typedef struct mezzo_tensor {
  void *data;
  mezzo_device device;
  int32_t ndim;
  mezzo_dtype dtype;
  int64_t *shape;
  int64_t *strides;
  uint64_t byte_offset; /* to the first element */
  uint32_t layout;      /* MEZZO_LAYOUT_*; if packed, data and nbytes are those of the packed form, the rest is as planned */
  uint32_t flags;       /* MEZZO_T_* */
  uint64_t nbytes;
  uint64_t mem;         /* the handle of device memory (mezzo_device.h); 0 on the CPU */
  const mezzo_quant *quant;
} mezzo_tensor;

typedef struct mezzo_tensors { mezzo_tensor *at; uint32_t count, stride; } mezzo_tensors;

/* ------------------------------------------------------------------------------------------------- operations */

/* Operation codes. Numbers are never reused; minor versions append, and say so behind the code, as in (1.1). In every
 * operation:
 *   - An attribute that a backend does not know changes the meaning: it declines, with MEZZO_WHY_ATTR.
 *   - Operands of element-wise operations all have the shape of the result; the host broadcasts with strides of 0.
 *   - Any operand may have any strides unless the rule's `when` says otherwise; results are never broadcast.
 *   - Integer arithmetic wraps.
 *   - 16- and 8-bit floats are computed in at least float32 and rounded once, to nearest even. */
enum {
  MEZZO_OP_MATMUL = 1,          /* A[..., m, k] B[..., k, n] -> C = alpha*A*B + beta*C of [..., m, n], in the accumulator.
                                   Optional float attributes alpha (default 1) and beta (default 0); where beta is 0, the
                                   old content of C is not read; where alpha is 0, A and B need not be */

  MEZZO_OP_CAST = 16,           /* x -> y of any dtype; equal dtypes: a copy (which is how views are made dense).
                                   float to int truncates, saturates, NaN becomes 0; int to a narrower int keeps the low
                                   bits; anything to bool is x != 0 */
  MEZZO_OP_ADD = 17,            /* x y -> x + y */
  MEZZO_OP_SUBTRACT = 18,
  MEZZO_OP_MULTIPLY = 19,
  MEZZO_OP_DIVIDE = 20,
  MEZZO_OP_MAXIMUM = 21,        /* NaN if either is NaN */
  MEZZO_OP_MINIMUM = 22,
  MEZZO_OP_EQUAL = 23,          /* x y -> bool */
  MEZZO_OP_LESS = 24,
  MEZZO_OP_LESS_EQUAL = 25,
  MEZZO_OP_LOGICAL_AND = 26,    /* bool bool -> bool */
  MEZZO_OP_SELECT = 27,         /* condition(bool) x y -> condition ? x : y */

  MEZZO_OP_NEGATE = 32,
  MEZZO_OP_ABS = 33,
  MEZZO_OP_EXP = 34,
  MEZZO_OP_LOG = 35,
  MEZZO_OP_SQRT = 36,
  MEZZO_OP_ERF = 37,
  MEZZO_OP_TANH = 38,
  MEZZO_OP_SIGMOID = 39,
  MEZZO_OP_RELU = 40,           /* max(x, 0); NaN stays NaN */
  MEZZO_OP_RELU_GRADIENT = 41,  /* dy y -> y > 0 ? dy : 0 */
  MEZZO_OP_GELU = 42,           /* attribute approximate: 0 x*Phi(x) with erf, 1 the tanh form */
  MEZZO_OP_LOG1P = 43,          /* (1.1) log(1 + x), exact near 0 */
  MEZZO_OP_EXPM1 = 44,          /* (1.1) e^x - 1, exact near 0 */
  MEZZO_OP_SOFTPLUS = 45,       /* (1.1) log(1 + e^x) */

  MEZZO_OP_REDUCE_SUM = 64,     /* x -> y; attribute axes; a reduced axis stays, with extent 1; y may be another float
                                   dtype; an empty sum is 0, an empty mean NaN, an empty maximum -inf */
  MEZZO_OP_REDUCE_MEAN = 65,
  MEZZO_OP_REDUCE_MAX = 66,
  MEZZO_OP_ARG_MAX = 67,        /* x -> int32; attribute axis, which stays with extent 1; the first of equals; the first
                                   NaN if there is one; an empty axis is MEZZO_INVALID */
  MEZZO_OP_ALL_FINITE = 68,     /* x -> bool of rank 0 */
  MEZZO_OP_SOFTMAX = 69,        /* attribute axis */
  MEZZO_OP_LOG_SOFTMAX = 70,

  MEZZO_OP_ONE_HOT = 96,        /* labels[...] (int32 or int64) -> y[..., depth] in 0 and 1; a label outside: all 0 */
  MEZZO_OP_SPARSE_CROSS_ENTROPY = 97, /* logits[b, c] labels[b] -> loss[b] = logsumexp(logits) - logits[label];
                                   loss is float32, or float64 for float64 logits; a label outside: NaN */
  MEZZO_OP_GATHER = 98,         /* table[n, d...] indices[...] (int32 or int64) -> y[..., d...]: the row that each index
                                   names, bit for bit; an index outside: a row of NaN */
  MEZZO_OP_SCATTER_ADD = 99,    /* x[..., d...] indices[...] (int32 or int64) -> y[n, d...]: each row the sum, from 0, of
                                   those of x whose index names it; y may be another float dtype; an index outside names
                                   none */
  MEZZO_OP_RANDOM_UNIFORM = 112, /* key int64[2] = (seed, step) -> float32 in [0, 1); attribute stream. Element i in row-
                                   major order is word i%4 of Philox4x32-10 with key (low32, high32 of seed) and counter
                                   (low32(i/4), high32(i/4), low32(step), low32(stream)); its upper 24 bits times 2^-24 */
  MEZZO_OP_SGD_UPDATE = 128,    /* w v g rate(float64) apply(bool) -> w' v'; attributes momentum, nesterov (0 or 1).
                                   v' = momentum*v - rate*g;  w' = w + v', or w + momentum*v' - rate*g if nesterov.
                                   If apply is false, results equal their operands. rate and apply have rank 0 */
  MEZZO_OP_ADAM_UPDATE = 129,   /* w m v g rate(float64) step(int64, from 1) apply(bool) -> w' m' v'; attributes beta1,
                                   beta2, epsilon, weight_decay.  m' = m + (g-m)(1-beta1);  v' = v + (g*g-v)(1-beta2);
                                   w' = w - rate*weight_decay*w - rate*sqrt(1-beta2^step)/(1-beta1^step) * m'/(sqrt(v')+epsilon)
                                   If apply is false, results equal their operands. rate, step and apply have rank 0 */
  MEZZO_OP_PAD = 144,           /* (1.1) x -> y of its dtype; attributes low, high, interior (integers, one an axis; interior at
                                   least 0) and value. y has the extent low + high + x + interior * (x - 1) along an axis
                                   (without the last term where x is 0) and is x[i] at low + i * (interior + 1), the value
                                   elsewhere; negative low and high cut off */
  MEZZO_OP_SLICE = 145,         /* (1.1) x -> y of its dtype; attributes start, step (integers, one an axis; a step may be
                                   negative, and is not 0): y[i] = x[start + i * step] along every axis, all within x */
  MEZZO_OP_CONCATENATE = 146,   /* (1.1) x y -> z of their dtype; attribute axis, along which z holds x and behind it y */
  MEZZO_OP_WINDOW_SUM = 147,    /* (1.1) x[n, o..., k..., d...] -> y[n, i..., d...], as many axes o and k as i; attributes strides,
                                   dilations (positive integers, one such axis): y[n, o * stride + k * dilation, d] is the
                                   sum of all x[n, o, k, d] that fall there, 0 where none does; all fall within y */

  /* Convolutions: x[n, i..., c] kernel[k..., c/groups, f] -> y[n, o..., f]; attributes strides, dilations (1 or more), low, high
   * (0 or more; integers, one an axis i) and groups. y[n, o, f] is the sum over k and c' of
   * x[n, o * stride + k * dilation - low, g * c/groups + c'] * kernel[k, c', f], where g is f's group and x is 0 outside (such
   * products may be left out). There is an o for each window that lies within low + i + high. 16-bit operands may have a
   * float32 result. */
  MEZZO_OP_CONVOLUTION = 160,   /* (1.2) x kernel -> y */
  MEZZO_OP_CONVOLUTION_INPUT_GRADIENT = 161,  /* (1.2) dy kernel -> dx: the transpose, by x */
  MEZZO_OP_CONVOLUTION_KERNEL_GRADIENT = 162, /* (1.2) x dy -> dkernel: the transpose, by kernel */
  /* Pooling: x[n, i..., c] -> y[n, o..., c]; attributes size, strides, low, high (integers, one an axis), windows as those of a
   * convolution. What lies outside takes no part. */
  MEZZO_OP_MAX_POOL = 163,      /* (1.2) the largest element; NaN if one is; -inf of none */
  MEZZO_OP_MAX_POOL_GRADIENT = 164, /* (1.2) dy x y -> dx: dy is shared equally by the elements of the window that equal y, by
                                   all where y is NaN; an element's parts are added up */
  MEZZO_OP_AVERAGE_POOL = 165,  /* (1.2) the mean; NaN of none */
  MEZZO_OP_AVERAGE_POOL_GRADIENT = 166, /* (1.2) dy -> dx: dy is shared equally by the elements of the window */

  MEZZO_OP_LAYER_NORM = 176,    /* (1.2) x[..., n] residual[..., n] gamma[n] beta[n] -> y[..., n]; attributes epsilon, centered (0
                                   or 1). With s = x + residual, not rounded, and c = s - mean(s) (centered) or c = s, along
                                   the last axis: y = c / sqrt(mean(c*c) + epsilon) * gamma + beta */
  MEZZO_OP_LAYER_NORM_GRADIENT = 177, /* (1.2) dy[..., n] x[..., n] gamma[n] -> dx[..., n] dgamma[n] dbeta[n]; attributes as
                                   above. With r = 1 / sqrt(mean(c*c) + epsilon), h = c * r and g = dy * gamma:
                                   dx = r * (g - mean(g) - h * mean(g*h)), without mean(g) if not centered;
                                   dgamma, dbeta: sums of dy*h, of dy, over all rows */
  MEZZO_OP_GELU_GRADIENT = 178, /* (1.2) dy x -> dy * the slope of gelu at x; attribute approximate as there */
  MEZZO_OP_SOFTMAX_GRADIENT = 179, /* (1.2) dy y -> y * (dy - sum(dy*y)) along the attribute axis; y: the result of softmax */
  MEZZO_OP_ATTENTION = 180,     /* (1.2) q[..., s, d] k[..., t, d] v[..., t, e] bias[..., s, t] -> o[..., s, e] lse[..., s]; bias and
                                   lse in the accumulator; attributes scale, causal (0 or 1). With scores p = scale*q*k^T + bias,
                                   -inf where causal and t > s: lse = log(sum(e^p)) over t, o = e^(p - lse) * v; a row whose
                                   scores are all -inf, or that has none, gives 0 and lse -inf */
  MEZZO_OP_ATTENTION_GRADIENT = 181, /* (1.2) do q k v bias o lse -> dq dk dv, attributes as above. With w = e^(p - lse), 0 where
                                   lse is -inf, and g = w * (do*v^T - sum(do*o)): dq = scale*g*k, dk = scale*g^T*q, dv = w^T*do */
  MEZZO_OP_QUANTIZE = 182,      /* (1.2) x[..., n] limit[] -> q(int8)[..., n] scale[...] zero(int8)[...]; limit and scale in the
                                   accumulator; attribute symmetric: 1 takes for lo and hi the larger of both magnitudes. For each row q = x / scale to the nearest integer, even of two, plus zero, from
                                   -127 to 127; 0 where scale is 0. Where limit is 0, with lo <= 0 <= hi the least and the largest
                                   of the row and of 0: scale = (hi - lo) / 254, zero = -(lo + hi) / 2 / scale to the nearest
                                   integer. Else scale = limit / 127, zero = 0. A row with a NaN, or, where limit is 0, an
                                   infinity: scale is NaN, q and zero are 0 */
  MEZZO_OP_QUANTIZED_MATMUL = 183 /* (1.2) A(int8)[m, k] B(int8)[k, n] a[m] b[n] zero(int8)[m] -> C[m, n] =
                                   sum((A - zero[row])*B) * a[row] * b[column]; the sum is exact, for k up to 65793; zero from
                                   -127 to 127; a and b in the accumulator */
};

enum { MEZZO_ATTR_INT = 1, MEZZO_ATTR_FLOAT = 2, MEZZO_ATTR_INTS = 3 };
typedef struct mezzo_attr {
  const char *name;
  uint32_t kind;  /* MEZZO_ATTR_* */
  uint32_t count; /* of MEZZO_ATTR_INTS */
  union { int64_t i; double f; const int64_t *iv; } v;
} mezzo_attr;

/* What follows an operation's own arithmetic, in order, on the accumulator and before the one rounding to the result.
 * Operands of steps have any float dtype and are widened to the accumulator. */
enum {
  MEZZO_EPI_BIAS = 1,   /* + operand[n], broadcast over all but the last axis */
  MEZZO_EPI_RELU = 2,
  MEZZO_EPI_GELU_ERF = 3,
  MEZZO_EPI_GELU_TANH = 4,
  MEZZO_EPI_SIGMOID = 5,
  MEZZO_EPI_TANH = 6,
  MEZZO_EPI_SILU = 7,   /* x * sigmoid(x) */
  MEZZO_EPI_SCALE = 8,  /* * a */
  MEZZO_EPI_ADD = 9,    /* + operand, of the result's shape, with any strides */
  MEZZO_EPI_MUL = 10,   /* * operand, likewise */
  MEZZO_EPI_CAST = 11   /* rounds to `to` here, and goes on in the accumulator */
};
#define MEZZO_EPI_BIT(kind) (1u << (kind))

typedef struct mezzo_epilogue {
  uint32_t kind;    /* MEZZO_EPI_* */
  uint32_t operand; /* index among the inputs, behind the operation's own; UINT32_MAX: none */
  double a;         /* of MEZZO_EPI_SCALE */
  mezzo_dtype to;   /* of MEZZO_EPI_CAST */
  uint32_t reserved;
} mezzo_epilogue;

/* How exact: wanted in an op, given in a rule. A rule is not taken where it gives less than is wanted: a narrower accumulator,
 * another rounding, denormals flushed, a faster mode, a wider error. */
typedef struct mezzo_numerics {
  mezzo_dtype accum;     /* narrowest accumulator; {0} in a rule: float32 */
  uint8_t rounding;      /* 0: to nearest even */
  uint8_t denormals;     /* 0: kept; 1: may be taken for 0 (what Mezzo wants) */
  uint8_t deterministic; /* in an op, 1: same bits for the same inputs, plan and thread count. A rule says so by a flag */
  uint8_t math_mode;     /* 0: strict; 1: products may be taken of operands rounded to tf32 or split into bfloat16 */
  float rel_tol;         /* relative error against exact arithmetic; 0: as the dtype's own rounding and summation allow */
  uint32_t reserved;
} mezzo_numerics;

typedef struct mezzo_operand {
  mezzo_dtype dtype;
  int32_t ndim;
  uint32_t flags;         /* MEZZO_T_* */
  uint32_t layout;        /* MEZZO_LAYOUT_PACKED: the operand is there in the form of pack_key alone; a plan takes it as it is
                             or declines, and is not asked to pack it. Given only to rules with MEZZO_R_PREPACKS */
  const int64_t *shape;
  const int64_t *strides;
  const mezzo_quant *quant; /* not NULL only for rules with MEZZO_R_QUANTIZED */
  uint64_t pack_key[2];
} mezzo_operand;

/* operands holds n_in inputs (the operation's own, then those of the epilogue) and behind them n_out results. */
typedef struct mezzo_op {
  uint32_t struct_size;
  uint32_t op;            /* MEZZO_OP_* */
  const char *name;
  const mezzo_operand *operands;
  uint32_t n_in, n_out, operand_stride, n_attrs;
  const mezzo_attr *attrs;
  const mezzo_epilogue *epilogue;
  uint32_t n_epilogue, attr_stride, epilogue_stride, reserved;
  mezzo_numerics want;
} mezzo_op;

/* ------------------------------------------------------------------------------------------------------ rules */

/* An estimate is fixed_ns + operations/flop_per_ns + bytes/byte_per_ns (0: that term is absent), for all threads of the
 * host's budget; pack_byte_per_ns is the rate of pack(). */
typedef struct mezzo_cost { double fixed_ns, flop_per_ns, byte_per_ns, pack_byte_per_ns; } mezzo_cost;

enum {
  MEZZO_R_DETERMINISTIC = 1u,
  MEZZO_R_REENTRANT = 2u,   /* one plan may execute on several threads at once */
  MEZZO_R_INPLACE_OK = 4u,  /* result i may be the very memory of operand i; nothing may be written to a result before the call
                             can no longer decline, as another backend then reads the operands */
  MEZZO_R_PREPACKS = 8u,    /* packs operands flagged MEZZO_T_CONST, and takes packed ones */
  MEZZO_R_OWN_THREADS = 16u,/* computes on threads of its own, not on the host's */
  MEZZO_R_ASYNC = 32u,      /* execute can return once the work is queued (mezzo_device.h) */
  MEZZO_R_QUANTIZED = 64u   /* takes quantized operands; a plan declines those that it cannot */
};

/* sig:  "A:bf16[m,k] B:bf16[k,n] -> C:f32[m,n]"          names, dtypes, dimension names bound left to right
 *       "x:T{f16,bf16,f32} y:T -> z:T"                   T is one of a set; no brackets: any rank
 *       "A:f32[...,m,k]" any leading dimensions; "s:f64[]" rank 0
 *       dtypes: bool i4 i8 i16 i32 i64 u4 u8 u16 u32 u64 f8e4m3fn f8e5m2 f16 bf16 f32 f64
 * when: an expression of the closed rule language (see the guide): dimension names, rank(A) dim(A,i) stride(A,i) unit(A)
 *       row(A) col(A) ld(A) contiguous(A) const(A), + - * // %, comparisons, and/or/not, if(c,a,b), min, max. NULL: always.
 *       Unknown or overflowing: the rule declines. */
typedef struct mezzo_rule {
  uint32_t struct_size;
  uint32_t op;
  const char *name; /* unique within the backend */
  const char *sig;
  const char *when;
  mezzo_numerics numerics;
  uint32_t flags;         /* MEZZO_R_* */
  uint32_t epilogue_mask; /* MEZZO_EPI_BIT(kind) | ... */
  uint32_t align;         /* bytes that every data pointer must be aligned to; 0: the element's size */
  uint32_t reserved;
  mezzo_cost cost;
} mezzo_rule;

/* ---------------------------------------------------------------------------------------------- host services */

typedef void (*mezzo_body)(void *user, uint64_t begin, uint64_t end, uint32_t worker);

/* What memory is for; a hint. */
enum { MEZZO_ARENA_LASTING = 0, MEZZO_ARENA_SCRATCH = 1 };
enum { MEZZO_LOG_ERROR = 0, MEZZO_LOG_WARNING = 1, MEZZO_LOG_INFO = 2, MEZZO_LOG_DEBUG = 3 };

/* Plain function pointers, valid from open to the end of the process, callable on any thread. */
typedef struct mezzo_host {
  uint32_t struct_size;
  uint32_t reserved;
  void *ctx;
  /* align: 0, or a power of two; else NULL, as where there is no memory. Of the contents nothing is promised. */
  void *(*alloc)(void *ctx, uint64_t bytes, uint64_t align, uint32_t arena);
  void (*free)(void *ctx, void *p); /* what alloc gave, or NULL */
  /* Runs body over [0, n) in pieces of at least grain (but the last), on at most threads() threads; returns when all ran.
   * Inside a body it runs the whole range on the calling thread, or as many more as the host has to spare. */
  mezzo_status (*parallel_for)(void *ctx, uint64_t n, uint64_t grain, mezzo_body body, void *user);
  uint32_t (*threads)(void *ctx);
  void (*log)(void *ctx, uint32_t level, const char *msg, uint32_t len);
  /* 1 once the work that the calling thread does for the host is no longer wanted; return MEZZO_CANCELLED then. Answers in
   * execute and in bodies of parallel_for that it started; 0 elsewhere. */
  int32_t (*cancelled)(void *ctx);
  /* A setting of the program or its user, by a name of letters, digits and '_'; NULL: not set. Stays valid. */
  const char *(*config)(void *ctx, const char *key);
} mezzo_host;

/* ------------------------------------------------------------------------------------------------ entry points */

typedef struct mezzo_open_args {
  mezzo_call h;
  const mezzo_host *host; /* may be kept */
  void *self;             /* out: passed to every later call */
} mezzo_open_args;

/* All shapes and strides of op are final; execute passes tensors of exactly these. */
typedef struct mezzo_plan_args {
  mezzo_call h;
  const mezzo_op *op;
  uint32_t rule;           /* index into the table's rules */
  uint32_t threads;        /* that an execute may use */
  void *plan;              /* out */
  uint64_t workspace;      /* out: bytes, 64-byte aligned, that each execute gets */
  uint64_t packed_bytes;   /* out: 0, or bytes of the packed form of packed_operand */
  uint64_t pack_key[2];    /* out: names the packed form, over all backends; what two plans with equal keys and packed_bytes
                              write for operands of equal type, shape, strides and content is equal, in later processes
                              too. {0, 0}: not shared */
  uint32_t n_epilogue;     /* out: how many leading steps of the epilogue the plan does; the host does the rest */
  uint32_t packed_operand; /* out */
} mezzo_plan_args;

/* Writes every byte of dst, which is the host's memory, 64-byte aligned. Many plans may read what one has packed. */
typedef struct mezzo_pack_args {
  mezzo_call h;
  void *plan;
  uint32_t operand;
  uint32_t reserved;
  const mezzo_tensor *src;
  void *dst;
  uint64_t dst_bytes;
} mezzo_pack_args;

/* in: the operation's own inputs, and behind them those of the epilogue's steps that the plan does.
 * MEZZO_UNSUPPORTED: this call cannot be done as it came, and nothing was written to a result, which may be the memory of an
 * operand that the next backend reads; the host does it elsewhere, and does not come back to this plan. After a failure the
 * results are undefined and the plan stays usable. */
typedef struct mezzo_exec_args {
  mezzo_call h;
  void *plan;
  mezzo_tensors in, out;
  void *workspace;
  uint64_t stream; /* of mezzo_device.h; 0: none */
} mezzo_exec_args;

typedef struct mezzo_release_args { mezzo_call h; void *plan; } mezzo_release_args;

/* The table, constant to the end of the process. It states the lowest minor version that has all it uses: then older hosts
 * take it too. Functions run on any thread and at the same time, but: open before all others and close after them, on the
 * same self; release after the last pack and execute of its plan; execute of one plan at the same time only under
 * MEZZO_R_REENTRANT. The host may open several times, each time for another self, and may end without close. */
typedef struct mezzo_backend {
  uint32_t struct_size;
  uint16_t abi_major, abi_minor; /* the version of THIS table, within the host's offer */
  const char *id;                /* letters, digits, '-', '_', '.'; at most 64; unique among backends */
  const char *version, *vendor, *build; /* for people; may be NULL */
  const mezzo_rule *rules;
  uint32_t n_rules, rule_stride;
  mezzo_status (*open)(void *unused, mezzo_open_args *);         /* required; may decline, saying what is missing */
  mezzo_status (*close)(void *self, mezzo_call *);               /* required */
  mezzo_status (*plan)(void *self, mezzo_plan_args *);           /* required */
  mezzo_status (*pack)(void *self, mezzo_pack_args *);           /* required if a plan ever returns packed_bytes */
  mezzo_status (*execute)(void *self, mezzo_exec_args *);        /* required */
  mezzo_status (*release)(void *self, mezzo_release_args *);     /* required */
  /* Optional. A table of functions by name, of at least min_version, constant to the end of the process, or NULL: "device.v1"
   * (mezzo_device.h). Pure; names without a dot belong to this header. */
  const void *(*extension)(const char *name, uint32_t min_version);
} mezzo_backend;

/* The host speaks major.min_minor to major.max_minor. */
typedef struct mezzo_offer {
  uint32_t struct_size;
  uint16_t major, min_minor, max_minor, reserved;
} mezzo_offer;

#if defined(__GNUC__)
#define MEZZO_EXPORT __attribute__((visibility("default")))
#else
#define MEZZO_EXPORT
#endif

/* The only exported symbol. Pure: no threads, no I/O, no processor-specific code; may be called many times. */
MEZZO_EXPORT const mezzo_backend *mezzo_backend_query(const mezzo_offer *offer);
typedef const mezzo_backend *(*mezzo_backend_query_fn)(const mezzo_offer *);

#if defined(__cplusplus)
#define MEZZO_ASSERT(condition, why) static_assert(condition, why)
#else
#define MEZZO_ASSERT(condition, why) _Static_assert(condition, why)
#endif
MEZZO_ASSERT(sizeof(mezzo_dtype) == 4 && sizeof(mezzo_device) == 8, "DLPack's scalar layout");
MEZZO_ASSERT(sizeof(void *) != 8 || (offsetof(mezzo_tensor, shape) == 24 && offsetof(mezzo_tensor, layout) == 48),
             "DLTensor prefix");
MEZZO_ASSERT(offsetof(mezzo_open_args, host) == sizeof(mezzo_call) && offsetof(mezzo_plan_args, op) == sizeof(mezzo_call) &&
                 offsetof(mezzo_pack_args, plan) == sizeof(mezzo_call) && offsetof(mezzo_exec_args, plan) == sizeof(mezzo_call) &&
                 offsetof(mezzo_release_args, plan) == sizeof(mezzo_call),
             "every args struct begins with mezzo_call");
MEZZO_ASSERT(sizeof(mezzo_numerics) == 16 && sizeof(mezzo_cost) == 32, "embedded structs never change");

#ifdef __cplusplus
}
#endif
#endif
