/* What the built-in backend declares: a rule an operation and kind of result, float64 apart because its accumulator differs.
 * Rates are for two cores of an AVX-512 machine above 4 GHz; they only have to rank backends. */
#include "rules.h"

#define F32_ACCUM {.accum = {MEZZO_FLOAT, 32, 1}, .deterministic = 1}
#define F64_ACCUM {.accum = {MEZZO_FLOAT, 64, 1}, .deterministic = 1}
#define SHARED (MEZZO_R_DETERMINISTIC | MEZZO_R_REENTRANT)
#define IN_PLACE (SHARED | MEZZO_R_INPLACE_OK)
#define STEPS                                                                                                       \
  (MEZZO_EPI_BIT(MEZZO_EPI_BIAS) | MEZZO_EPI_BIT(MEZZO_EPI_RELU) | MEZZO_EPI_BIT(MEZZO_EPI_GELU_ERF) |              \
   MEZZO_EPI_BIT(MEZZO_EPI_GELU_TANH) | MEZZO_EPI_BIT(MEZZO_EPI_SIGMOID) | MEZZO_EPI_BIT(MEZZO_EPI_TANH) |          \
   MEZZO_EPI_BIT(MEZZO_EPI_SILU) | MEZZO_EPI_BIT(MEZZO_EPI_SCALE) | MEZZO_EPI_BIT(MEZZO_EPI_ADD) |                  \
   MEZZO_EPI_BIT(MEZZO_EPI_MUL) | MEZZO_EPI_BIT(MEZZO_EPI_CAST))

#define CONVOLUTION_STEPS (STEPS & ~(MEZZO_EPI_BIT(MEZZO_EPI_ADD) | MEZZO_EPI_BIT(MEZZO_EPI_MUL)))

#define NARROW "{f16,bf16,f32}"
#define FLOATS "{f16,bf16,f32,f64}"
#define INDEX "{i32,i64}"
#define ANY "{bool,i8,i16,i32,i64,u8,u16,u32,u64,f8e4m3fn,f8e5m2,f16,bf16,f32,f64}"

#define RULE(code, id, text, accumulator, bits, rate)                                                              \
  {.struct_size = sizeof(mezzo_rule), .op = MEZZO_OP_##code, .name = id, .sig = text, .numerics = accumulator,     \
   .flags = bits, .cost = {.fixed_ns = 100, .byte_per_ns = rate}}
/* With a constant B, which is packed once. */
#define PACKED(id, text, accumulator, rate)                                                                        \
  {.struct_size = sizeof(mezzo_rule), .op = MEZZO_OP_MATMUL, .name = id, .sig = text, .when = "const(B)",          \
   .numerics = accumulator, .flags = SHARED | MEZZO_R_PREPACKS, .epilogue_mask = STEPS,                            \
   .cost = {.fixed_ns = 250, .flop_per_ns = rate, .byte_per_ns = 60, .pack_byte_per_ns = 5}}
#define PRODUCT(id, text, accumulator, rate)                                                                       \
  {.struct_size = sizeof(mezzo_rule), .op = MEZZO_OP_MATMUL, .name = id, .sig = text, .numerics = accumulator,     \
   .flags = SHARED, .epilogue_mask = STEPS, .cost = {.fixed_ns = 300, .flop_per_ns = rate, .byte_per_ns = 25}}

/* Of processors whose registers hold large tiles. What comes from memory, libraries read as well. */
#define IN_CACHE "m <= 1024 and n <= 1024 and k <= 1024 and (m <= 256 or k <= 256)"
#define WIDE "cpu.avx512bw and cpu.avx512dq and cpu.avx512vl"
#define WIDE_PRODUCT(id, text, condition)                                                                          \
  {.struct_size = sizeof(mezzo_rule), .op = MEZZO_OP_MATMUL, .name = id, .sig = text, .when = WIDE condition,      \
   .numerics = F32_ACCUM, .flags = SHARED, .epilogue_mask = STEPS,                                                 \
   .cost = {.fixed_ns = 300, .flop_per_ns = 210, .byte_per_ns = 100}}

#define QUANTIZED(id, text, condition, bits, accumulator)                                                          \
  {.struct_size = sizeof(mezzo_rule), .op = MEZZO_OP_QUANTIZED_MATMUL, .name = id, .sig = text, .when = condition, \
   .numerics = accumulator, .flags = SHARED | (bits), .epilogue_mask = STEPS,                                      \
   .cost = {.fixed_ns = (bits) ? 250 : 300, .flop_per_ns = 1200, .byte_per_ns = (bits) ? 60 : 2, .pack_byte_per_ns = 1}}

/* Bytes a nanosecond: limited by memory, by arithmetic, by calls of the C library. */
#define STREAM 30
#define MIXED 15
#define SLOW 4

#define UNARY(code, id, rate)                                                                                      \
  RULE(code, id ".f32", "x:T" NARROW " -> y:T", F32_ACCUM, IN_PLACE, rate),                                        \
      RULE(code, id ".f64", "x:f64 -> y:f64", F64_ACCUM, IN_PLACE, rate)
/* Vector code for float, calls of the C library for double. */
#define TRANSCENDENTAL(code, id)                                                                                   \
  RULE(code, id ".f32", "x:T" NARROW " -> y:T", F32_ACCUM, IN_PLACE, MIXED),                                       \
      RULE(code, id ".f64", "x:f64 -> y:f64", F64_ACCUM, IN_PLACE, SLOW)
#define BINARY(code, id)                                                                                           \
  RULE(code, id ".f32", "x:T" NARROW " y:T -> z:T", F32_ACCUM, IN_PLACE, STREAM),                                  \
      RULE(code, id ".f64", "x:f64 y:f64 -> z:f64", F64_ACCUM, IN_PLACE, STREAM)
#define BINARY_INT(code, id)                                                                                       \
  BINARY(code, id), RULE(code, id ".int", "x:T" INDEX " y:T -> z:T", F64_ACCUM, IN_PLACE, MIXED)
#define REDUCE(code, id)                                                                                           \
  RULE(code, id ".f32", "x:T" NARROW " -> y:U" NARROW, F32_ACCUM, SHARED, STREAM),                                 \
      RULE(code, id ".to-f64", "x:T" NARROW " -> y:f64", F64_ACCUM, SHARED, MIXED),                                \
      RULE(code, id ".f64", "x:f64 -> y:U" FLOATS, F64_ACCUM, SHARED, STREAM)

#define WINDOWED(code, id, text, condition, steps, accumulator, rate)                                              \
  {.struct_size = sizeof(mezzo_rule), .op = MEZZO_OP_##code, .name = id, .sig = text, .when = condition,           \
   .numerics = accumulator, .flags = SHARED, .epilogue_mask = steps, .cost = {.fixed_ns = 500, .flop_per_ns = rate, .byte_per_ns = 2}}
#define CONVOLUTION(code, id, a, b, c, steps)                                                                      \
  WINDOWED(code, id ".f32", a ":T" NARROW " " b ":T -> " c ":T", DENSE(a, b, c), steps, F32_ACCUM, 80),            \
      WINDOWED(code, id ".to-f32", a ":T{f16,bf16} " b ":T -> " c ":f32", DENSE(a, b, c), steps, F32_ACCUM, 80),   \
      WINDOWED(code, id ".f64", a ":f64 " b ":f64 -> " c ":f64", DENSE(a, b, c), steps, F64_ACCUM, 40)
/* Of so few channels that windows are multiplied where they lie. */
#define DIRECT(id, text)                                                                                           \
  {.struct_size = sizeof(mezzo_rule), .op = MEZZO_OP_CONVOLUTION, .name = id, .sig = text,                         \
   .when = DENSE("x", "kernel", "y") " and dim(x, rank(x) - 1) <= 4", .numerics = F32_ACCUM, .flags = SHARED,      \
   .epilogue_mask = CONVOLUTION_STEPS, .cost = {.fixed_ns = 500, .flop_per_ns = 250, .byte_per_ns = 60}}
/* Whose windows are multiplied where they lie, by tiles that fill vectors of 512 bits: where that was measured to be faster than what
 * oneDNN does, whose rate is 160 here. The others use it too. */
#define PANELS(code, id, a, b, c, condition, bits, steps)                                                          \
  {.struct_size = sizeof(mezzo_rule), .op = MEZZO_OP_##code, .name = id, .sig = a ":T{f16,f32} " b ":T -> " c ":T", \
   .when = DENSE(a, b, c) " and groups == 1 and rank(" a ") <= 5 and " WIDE                               \
           condition, .numerics = F32_ACCUM, .flags = SHARED | (bits), .epilogue_mask = steps,                     \
   .cost = {.fixed_ns = 1000, .flop_per_ns = 200, .byte_per_ns = 60, .pack_byte_per_ns = 5}}
#define UNIT_STRIDES                                                                                               \
  "item(strides, 0) == 1 and if(count(strides) > 1, item(strides, 1), 1) == 1 and "                                \
  "if(count(strides) > 2, item(strides, 2), 1) == 1"
#define NO_MORE(k, elements) "dim(" k ", 0) * dim(" k ", 1) * dim(" k ", 2) * dim(" k ", 3) <= " elements
#define DENSE(a, b, c) "contiguous(" a ") and contiguous(" b ") and contiguous(" c ")"
#define POOL(code, id, text, condition, accumulator)                                                               \
  {.struct_size = sizeof(mezzo_rule), .op = MEZZO_OP_##code, .name = id, .sig = text, .when = condition,           \
   .numerics = accumulator, .flags = SHARED, .cost = {.fixed_ns = 500, .byte_per_ns = MIXED}}
#define GRADIENT_OF_MAX "contiguous(dy) and contiguous(x) and contiguous(y) and contiguous(dx)"

/* Of processors that add up pairs of bfloat16. The instruction takes denormals for 0, and on Intel's processors it is slow. */
#define FAST_PAIRS "cpu.avx512_bf16 and not cpu.avx512_fp16"
#define PAIRED(code, id, text)                                                                                     \
  {.struct_size = sizeof(mezzo_rule), .op = MEZZO_OP_##code, .name = id, .sig = text, .when = FAST_PAIRS,          \
   .numerics = {.accum = {MEZZO_FLOAT, 32, 1}, .denormals = 1, .deterministic = 1}, .flags = SHARED,               \
   .cost = {.fixed_ns = 100, .byte_per_ns = 1.5 * SLOW}}

const mezzo_rule mz_rules[] = {
    PRODUCT("matmul.f32", "A:T" NARROW "[...,m,k] B:T[...,k,n] -> C:T[...,m,n]", F32_ACCUM, 185),
    PRODUCT("matmul.to-f32", "A:T{f16,bf16}[...,m,k] B:T[...,k,n] -> C:f32[...,m,n]", F32_ACCUM, 185),
    PRODUCT("matmul.f64", "A:f64[...,m,k] B:f64[...,k,n] -> C:f64[...,m,n]", F64_ACCUM, 70),
    WIDE_PRODUCT("matmul.wide.16", "A:T{f16,bf16}[...,m,k] B:T[...,k,n] -> C:T[...,m,n]", " and not const(B)"),
    WIDE_PRODUCT("matmul.wide.f32", "A:f32[...,m,k] B:f32[...,k,n] -> C:f32[...,m,n]", " and not const(B) and " IN_CACHE),
    WIDE_PRODUCT("matmul.wide.to-f32", "A:T{f16,bf16}[...,m,k] B:T[...,k,n] -> C:f32[...,m,n]", " and not const(B)"),
    PACKED("matmul.packed.f32", "A:T" NARROW "[...,m,k] B:T[...,k,n] -> C:T[...,m,n]", F32_ACCUM, 195),
    /* A few rows wait for B, whose panels are fetched ahead here. */
    {.struct_size = sizeof(mezzo_rule), .op = MEZZO_OP_MATMUL, .name = "matmul.packed.wide.f32",
     .sig = "A:f32[...,m,k] B:f32[...,k,n] -> C:f32[...,m,n]", .when = WIDE " and const(B) and m <= 128",
     .numerics = F32_ACCUM, .flags = SHARED | MEZZO_R_PREPACKS, .epilogue_mask = STEPS,
     .cost = {.fixed_ns = 250, .flop_per_ns = 210, .byte_per_ns = 100, .pack_byte_per_ns = 10}},
    PACKED("matmul.packed.to-f32", "A:T{f16,bf16}[...,m,k] B:T[...,k,n] -> C:f32[...,m,n]", F32_ACCUM, 190),
    PACKED("matmul.packed.f64", "A:f64[...,m,k] B:f64[...,k,n] -> C:f64[...,m,n]", F64_ACCUM, 80),
    {.struct_size = sizeof(mezzo_rule), .op = MEZZO_OP_MATMUL, .name = "matmul.packed.bf16",
     .sig = "A:bf16[...,m,k] B:bf16[...,k,n] -> C:T{bf16,f32}[...,m,n]",
     .when = "const(B) and unit(A) and " FAST_PAIRS,
     .numerics = {.accum = {MEZZO_FLOAT, 32, 1}, .denormals = 1, .deterministic = 1}, .flags = SHARED | MEZZO_R_PREPACKS,
     .epilogue_mask = STEPS, .cost = {.fixed_ns = 250, .flop_per_ns = 800, .byte_per_ns = 100, .pack_byte_per_ns = 5}},

    {.struct_size = sizeof(mezzo_rule), .op = MEZZO_OP_CAST, .name = "cast", .sig = "x:T" ANY " -> y:U" ANY, .numerics = F64_ACCUM,
     .flags = IN_PLACE, .epilogue_mask = MEZZO_EPI_BIT(MEZZO_EPI_CAST), .cost = {.fixed_ns = 100, .byte_per_ns = STREAM}},
    BINARY_INT(ADD, "add"),
    BINARY_INT(SUBTRACT, "subtract"),
    BINARY_INT(MULTIPLY, "multiply"),
    BINARY(DIVIDE, "divide"),
    BINARY_INT(MAXIMUM, "maximum"),
    BINARY_INT(MINIMUM, "minimum"),
    RULE(EQUAL, "equal", "x:T{bool,u8,i32,i64,f16,bf16,f32,f64} y:T -> z:bool", F64_ACCUM, SHARED, MIXED),
    RULE(LESS, "less", "x:T{u8,i32,i64,f16,bf16,f32,f64} y:T -> z:bool", F64_ACCUM, SHARED, MIXED),
    RULE(LESS_EQUAL, "less-equal", "x:T{u8,i32,i64,f16,bf16,f32,f64} y:T -> z:bool", F64_ACCUM, SHARED, MIXED),
    RULE(LOGICAL_AND, "logical-and", "x:bool y:bool -> z:bool", F64_ACCUM, IN_PLACE, MIXED),
    RULE(SELECT, "select", "condition:bool x:T" ANY " y:T -> z:T", F64_ACCUM, SHARED, STREAM),

    UNARY(NEGATE, "negate", STREAM),
    UNARY(ABS, "abs", STREAM),
    TRANSCENDENTAL(EXP, "exp"),
    TRANSCENDENTAL(LOG, "log"),
    UNARY(SQRT, "sqrt", STREAM),
    TRANSCENDENTAL(ERF, "erf"),
    TRANSCENDENTAL(TANH, "tanh"),
    TRANSCENDENTAL(SIGMOID, "sigmoid"),
    UNARY(RELU, "relu", STREAM),
    BINARY(RELU_GRADIENT, "relu-gradient"),
    TRANSCENDENTAL(GELU, "gelu"),
    TRANSCENDENTAL(LOG1P, "log1p"),
    TRANSCENDENTAL(EXPM1, "expm1"),
    TRANSCENDENTAL(SOFTPLUS, "softplus"),

    REDUCE(REDUCE_SUM, "reduce-sum"),
    REDUCE(REDUCE_MEAN, "reduce-mean"),
    REDUCE(REDUCE_MAX, "reduce-max"),
    RULE(ARG_MAX, "arg-max", "x:T" FLOATS " -> y:i32", F64_ACCUM, SHARED, SLOW),
    RULE(ALL_FINITE, "all-finite", "x:T" FLOATS " -> y:bool[]", F64_ACCUM, SHARED, STREAM),
    TRANSCENDENTAL(SOFTMAX, "softmax"),
    TRANSCENDENTAL(LOG_SOFTMAX, "log-softmax"),

    RULE(ONE_HOT, "one-hot", "labels:L" INDEX " -> y:T{f8e4m3fn,f8e5m2,f16,bf16,f32,f64}", F64_ACCUM, SHARED, MIXED),
    RULE(SPARSE_CROSS_ENTROPY, "sparse-cross-entropy.f32", "logits:T" NARROW "[b,c] labels:L" INDEX "[b] -> loss:f32[b]",
         F32_ACCUM, SHARED, SLOW),
    RULE(SPARSE_CROSS_ENTROPY, "sparse-cross-entropy.f64", "logits:f64[b,c] labels:L" INDEX "[b] -> loss:f64[b]", F64_ACCUM,
         SHARED, SLOW),
    RULE(GATHER, "gather", "table:T{f8e4m3fn,f8e5m2,f16,bf16,f32,f64} indices:I" INDEX " -> y:T", F64_ACCUM, SHARED, MIXED),
    RULE(SCATTER_ADD, "scatter-add", "x:T" FLOATS " indices:I" INDEX " -> y:U" FLOATS, F64_ACCUM, SHARED, SLOW),
    RULE(RANDOM_UNIFORM, "random-uniform", "key:i64[two] -> y:f32", F64_ACCUM, SHARED, SLOW),
    RULE(SGD_UPDATE, "sgd-update.f32",
         "w:W" NARROW " v:V" NARROW " g:G" NARROW " rate:f64[] apply:bool[] -> w1:W v1:V", F32_ACCUM, IN_PLACE, STREAM),
    RULE(SGD_UPDATE, "sgd-update.f64", "w:f64 v:f64 g:G" FLOATS " rate:f64[] apply:bool[] -> w1:f64 v1:f64", F64_ACCUM,
         IN_PLACE, STREAM),
    RULE(ADAM_UPDATE, "adam-update.f32",
         "w:W" NARROW " m:M" NARROW " v:V" NARROW " g:G" NARROW " rate:f64[] step:i64[] apply:bool[] -> w1:W m1:M v1:V",
         F32_ACCUM, IN_PLACE, STREAM),
    RULE(ADAM_UPDATE, "adam-update.f64",
         "w:f64 m:f64 v:f64 g:G" FLOATS " rate:f64[] step:i64[] apply:bool[] -> w1:f64 m1:f64 v1:f64", F64_ACCUM, IN_PLACE,
         STREAM),

    RULE(PAD, "pad", "x:T" ANY " -> y:T", F64_ACCUM, SHARED, MIXED),
    RULE(SLICE, "slice", "x:T" ANY " -> y:T", F64_ACCUM, SHARED, MIXED),
    RULE(CONCATENATE, "concatenate", "x:T" ANY " y:T -> z:T", F64_ACCUM, SHARED, MIXED),
    RULE(WINDOW_SUM, "window-sum.f32", "x:T" NARROW " -> y:T", F32_ACCUM, SHARED, SLOW),
    RULE(WINDOW_SUM, "window-sum.f64", "x:f64 -> y:f64", F64_ACCUM, SHARED, SLOW),

    DIRECT("convolution.direct.f32", "x:T" NARROW " kernel:T -> y:T"),
    DIRECT("convolution.direct.to-f32", "x:T{f16,bf16} kernel:T -> y:f32"),
    PANELS(CONVOLUTION, "convolution.panels", "x", "kernel", "y",
           " and dim(y, rank(y) - 1) >= 32 and rank(x) == 4 and dim(kernel, 0) > 1 and dim(kernel, 0) <= 5 and " NO_MORE("kernel", "300000"),
           MEZZO_R_PREPACKS, CONVOLUTION_STEPS),
    PANELS(CONVOLUTION_INPUT_GRADIENT, "convolution-input-gradient.panels", "dy", "kernel", "dx",
           " and dim(dx, rank(dx) - 1) >= 32 and " UNIT_STRIDES, MEZZO_R_PREPACKS, 0),
    PANELS(CONVOLUTION_KERNEL_GRADIENT, "convolution-kernel-gradient.panels", "x", "dy", "dk",
           " and dim(dy, rank(dy) - 1) >= 32 and rank(x) == 4 and dim(dk, 0) <= 5 and " NO_MORE("dk", "100000"), 0, 0),
    CONVOLUTION(CONVOLUTION, "convolution", "x", "kernel", "y", CONVOLUTION_STEPS),
    CONVOLUTION(CONVOLUTION_INPUT_GRADIENT, "convolution-input-gradient", "dy", "kernel", "dx", 0),
    CONVOLUTION(CONVOLUTION_KERNEL_GRADIENT, "convolution-kernel-gradient", "x", "dy", "dk", 0),
    POOL(MAX_POOL, "max-pool.f32", "x:T" NARROW " -> y:T", "contiguous(x) and contiguous(y)", F32_ACCUM),
    POOL(MAX_POOL, "max-pool.f64", "x:f64 -> y:f64", "contiguous(x) and contiguous(y)", F64_ACCUM),
    POOL(MAX_POOL_GRADIENT, "max-pool-gradient.f32", "dy:T" NARROW " x:T y:T -> dx:T", GRADIENT_OF_MAX, F32_ACCUM),
    POOL(MAX_POOL_GRADIENT, "max-pool-gradient.f64", "dy:f64 x:f64 y:f64 -> dx:f64", GRADIENT_OF_MAX, F64_ACCUM),
    POOL(AVERAGE_POOL, "average-pool.f32", "x:T" NARROW " -> y:T", "contiguous(x) and contiguous(y)", F32_ACCUM),
    POOL(AVERAGE_POOL, "average-pool.f64", "x:f64 -> y:f64", "contiguous(x) and contiguous(y)", F64_ACCUM),
    POOL(AVERAGE_POOL_GRADIENT, "average-pool-gradient.f32", "dy:T" NARROW " -> dx:T", "contiguous(dy) and contiguous(dx)", F32_ACCUM),
    POOL(AVERAGE_POOL_GRADIENT, "average-pool-gradient.f64", "dy:f64 -> dx:f64", "contiguous(dy) and contiguous(dx)", F64_ACCUM),
    RULE(LAYER_NORM, "layer-norm.f32",
         "x:T" NARROW "[...,n] residual:T[...,n] gamma:G" NARROW "[n] beta:G[n] -> y:T[...,n]", F32_ACCUM, IN_PLACE, MIXED),
    RULE(LAYER_NORM, "layer-norm.f64", "x:f64[...,n] residual:f64[...,n] gamma:f64[n] beta:f64[n] -> y:f64[...,n]", F64_ACCUM,
         IN_PLACE, MIXED),
    RULE(LAYER_NORM_GRADIENT, "layer-norm-gradient.f32",
         "dy:T" NARROW "[...,n] x:T[...,n] gamma:G" NARROW "[n] -> dx:T[...,n] dgamma:G[n] dbeta:G[n]", F32_ACCUM, IN_PLACE,
         MIXED),
    RULE(LAYER_NORM_GRADIENT, "layer-norm-gradient.f64",
         "dy:f64[...,n] x:f64[...,n] gamma:f64[n] -> dx:f64[...,n] dgamma:f64[n] dbeta:f64[n]", F64_ACCUM, IN_PLACE, MIXED),
    RULE(GELU_GRADIENT, "gelu-gradient.f32", "dy:T" NARROW " x:T -> dx:T", F32_ACCUM, IN_PLACE, MIXED),
    RULE(GELU_GRADIENT, "gelu-gradient.f64", "dy:f64 x:f64 -> dx:f64", F64_ACCUM, IN_PLACE, SLOW),
    RULE(SOFTMAX_GRADIENT, "softmax-gradient.f32", "dy:T" NARROW " y:T -> dx:T", F32_ACCUM, IN_PLACE, MIXED),
    RULE(SOFTMAX_GRADIENT, "softmax-gradient.f64", "dy:f64 y:f64 -> dx:f64", F64_ACCUM, IN_PLACE, MIXED),
    RULE(ATTENTION, "attention.f32",
         "q:T" NARROW "[...,s,d] k:T[...,t,d] v:T[...,t,e] bias:f32[...,s,t] -> o:T[...,s,e] lse:f32[...,s]", F32_ACCUM, SHARED,
         SLOW),
    PAIRED(ATTENTION, "attention.bf16",
           "q:bf16[...,s,d] k:bf16[...,t,d] v:bf16[...,t,e] bias:f32[...,s,t] -> o:bf16[...,s,e] lse:f32[...,s]"),
    RULE(ATTENTION, "attention.f64",
         "q:f64[...,s,d] k:f64[...,t,d] v:f64[...,t,e] bias:f64[...,s,t] -> o:f64[...,s,e] lse:f64[...,s]", F64_ACCUM, SHARED,
         SLOW),
    RULE(ATTENTION_GRADIENT, "attention-gradient.f32",
         "do:T" NARROW "[...,s,e] q:T[...,s,d] k:T[...,t,d] v:T[...,t,e] bias:f32[...,s,t] o:T[...,s,e] lse:f32[...,s]"
         " -> dq:T[...,s,d] dk:T[...,t,d] dv:T[...,t,e]", F32_ACCUM, SHARED, SLOW),
    PAIRED(ATTENTION_GRADIENT, "attention-gradient.bf16",
           "do:bf16[...,s,e] q:bf16[...,s,d] k:bf16[...,t,d] v:bf16[...,t,e] bias:f32[...,s,t] o:bf16[...,s,e] lse:f32[...,s]"
           " -> dq:bf16[...,s,d] dk:bf16[...,t,d] dv:bf16[...,t,e]"),
    RULE(ATTENTION_GRADIENT, "attention-gradient.f64",
         "do:f64[...,s,e] q:f64[...,s,d] k:f64[...,t,d] v:f64[...,t,e] bias:f64[...,s,t] o:f64[...,s,e] lse:f64[...,s]"
         " -> dq:f64[...,s,d] dk:f64[...,t,d] dv:f64[...,t,e]", F64_ACCUM, SHARED, SLOW),
    RULE(QUANTIZE, "quantize.f32", "x:T" NARROW "[...,n] limit:f32[] -> q:i8[...,n] scale:f32[...] zero:i8[...]", F32_ACCUM, SHARED, STREAM),
    RULE(QUANTIZE, "quantize.f64", "x:f64[...,n] limit:f64[] -> q:i8[...,n] scale:f64[...] zero:i8[...]", F64_ACCUM, SHARED, STREAM),
    QUANTIZED("quantized-matmul.f32", "A:i8[m,k] B:i8[k,n] a:f32[m] b:f32[n] zero:i8[m] -> C:T" NARROW "[m,n]", NULL, 0, F32_ACCUM),
    QUANTIZED("quantized-matmul.f64", "A:i8[m,k] B:i8[k,n] a:f64[m] b:f64[n] zero:i8[m] -> C:f64[m,n]", NULL, 0, F64_ACCUM),
    QUANTIZED("quantized-matmul.packed.f32", "A:i8[m,k] B:i8[k,n] a:f32[m] b:f32[n] zero:i8[m] -> C:T" NARROW "[m,n]", "const(B)",
              MEZZO_R_PREPACKS, F32_ACCUM),
    QUANTIZED("quantized-matmul.packed.f64", "A:i8[m,k] B:i8[k,n] a:f64[m] b:f64[n] zero:i8[m] -> C:f64[m,n]", "const(B)",
              MEZZO_R_PREPACKS, F64_ACCUM),
};
_Static_assert(sizeof mz_rules / sizeof mz_rules[0] == MZ_RULES, "rules.h counts the rules");
