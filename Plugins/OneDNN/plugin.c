/* The table that Mezzo reads: who this backend is and what it can do. Nothing here touches oneDNN. */
#include "entry.h"

#include <stdbool.h>

#define STEPS                                                                                                         \
  (MEZZO_EPI_BIT(MEZZO_EPI_BIAS) | MEZZO_EPI_BIT(MEZZO_EPI_RELU) | MEZZO_EPI_BIT(MEZZO_EPI_GELU_ERF) |                \
   MEZZO_EPI_BIT(MEZZO_EPI_GELU_TANH) | MEZZO_EPI_BIT(MEZZO_EPI_SIGMOID) | MEZZO_EPI_BIT(MEZZO_EPI_TANH) |            \
   MEZZO_EPI_BIT(MEZZO_EPI_SILU) | MEZZO_EPI_BIT(MEZZO_EPI_SCALE))

/* Costs were measured on two cores of Zen 4 and of Emerald Rapids, from 1x64x64 to 1024x1024x1024, packed and plain; they hold
 * within a factor of 2 but for a single row. With vectors of 256 bits, on Zen 3, float32 took 1.0 to 1.9 times as long as the
 * built-in backend. The instruction behind bfloat16 products treats denormal operands as 0. */
#define MATMUL(dtype_in, dtype_out, variant, processor, flushes, rate)                                                \
  {                                                                                                                   \
    .struct_size = sizeof(mezzo_rule), .op = MEZZO_OP_MATMUL, .name = "matmul." dtype_in "." dtype_out variant,       \
    .sig = "A:" dtype_in "[...,m,k] B:" dtype_in "[...,k,n] -> C:" dtype_out "[...,m,n]",                             \
    .when = "unit(A) and unit(B) and contiguous(C) and m > 0 and n > 0 and k > 0" processor,                          \
    .numerics = {.accum = {MEZZO_FLOAT, 32, 1}, .denormals = flushes, .deterministic = 1},                            \
    .flags = MEZZO_R_DETERMINISTIC | MEZZO_R_REENTRANT | MEZZO_R_PREPACKS,                                            \
    .epilogue_mask = STEPS,                                                                                           \
    .cost = {.fixed_ns = 400, .flop_per_ns = rate, .byte_per_ns = 100, .pack_byte_per_ns = 10},                       \
  }

/* oneDNN multiplies bfloat16 with vectors of 512 bits alone. Intel's processors from Sapphire Rapids on have tiles for it; where a
 * virtual machine hides those, the vector instruction that is left takes four times as long as float32's. */
#define QUICK " and cpu.avx512bw and (cpu.amx_bf16 or not cpu.avx512_fp16)"
#define SLOW " and cpu.avx512_fp16 and not cpu.amx_bf16"

#define CONVOLUTION_RULE(code, id, a, b, c, condition, traits, steps, dtype_in, dtype_out, processor, flushes, nanoseconds, rate) \
  {                                                                                                                   \
    .struct_size = sizeof(mezzo_rule), .op = MEZZO_OP_##code, .name = id,                                             \
    .sig = a ":" dtype_in " " b ":" dtype_in " -> " c ":" dtype_out,                                                  \
    .when = "contiguous(" a ") and contiguous(" b ") and contiguous(" c ") and rank(" a ") <= 5 and " condition processor, \
    .numerics = {.accum = {MEZZO_FLOAT, 32, 1}, .denormals = flushes, .deterministic = 1},                            \
    .flags = MEZZO_R_DETERMINISTIC | MEZZO_R_REENTRANT | (traits),                                                    \
    .epilogue_mask = steps,                                                                                           \
    .cost = {.fixed_ns = nanoseconds, .flop_per_ns = rate, .byte_per_ns = 50, .pack_byte_per_ns = 5},                 \
  }
/* The images of a batch are shared out to the host's threads; one alone is left to oneDNN's own, which have to be woken. */
#define CONVOLUTION(code, id, a, b, c, packs, steps, dtype_in, dtype_out, variant, processor, flushes, rate)          \
  CONVOLUTION_RULE(code, id "." dtype_in "." dtype_out variant, a, b, c, "dim(" a ", 0) > 1", packs, steps,            \
                   dtype_in, dtype_out, processor, flushes, 3000, rate),                                              \
      CONVOLUTION_RULE(code, id ".one." dtype_in "." dtype_out variant, a, b, c, "dim(" a ", 0) == 1",                \
                       packs | MEZZO_R_OWN_THREADS, steps, dtype_in, dtype_out, processor, flushes, 30000, rate)
#define CONVOLUTIONS(dtype_in, dtype_out, variant, processor, flushes, rate)                                          \
  CONVOLUTION(CONVOLUTION, "convolution", "x", "kernel", "y", MEZZO_R_PREPACKS, STEPS, dtype_in,                      \
              dtype_out, variant, processor, flushes, rate),                                                          \
      CONVOLUTION(CONVOLUTION_INPUT_GRADIENT, "convolution-input-gradient", "dy", "kernel", "dx", MEZZO_R_PREPACKS, 0, \
                  dtype_in, dtype_out, variant, processor, flushes, rate),                                            \
      CONVOLUTION(CONVOLUTION_KERNEL_GRADIENT, "convolution-kernel-gradient", "x", "dy", "dk", 0, 0, dtype_in,        \
                  dtype_out, variant, processor, flushes, rate)

static const mezzo_rule rules[] = {
    MATMUL("f32", "f32", "", " and cpu.avx512bw", 0, 200),
    MATMUL("f32", "f32", ".narrow", " and not cpu.avx512bw", 0, 120),
    MATMUL("bf16", "bf16", "", QUICK, 1, 400),
    MATMUL("bf16", "f32", "", QUICK, 1, 400),
    MATMUL("bf16", "bf16", ".dot", SLOW, 1, 80),
    MATMUL("bf16", "f32", ".dot", SLOW, 1, 80),
    CONVOLUTIONS("f32", "f32", "", "", 0, 160),
    CONVOLUTIONS("bf16", "bf16", "", QUICK, 1, 300),
    CONVOLUTIONS("bf16", "f32", "", QUICK, 1, 300),
    CONVOLUTIONS("bf16", "bf16", ".dot", SLOW, 1, 55),
    CONVOLUTIONS("bf16", "f32", ".dot", SLOW, 1, 55),
};

bool onednn_owns_threads(uint32_t rule) {
  return rule < sizeof rules / sizeof rules[0] && (rules[rule].flags & MEZZO_R_OWN_THREADS) != 0;
}

static const mezzo_backend backend = {
    .struct_size = sizeof(mezzo_backend),
    .abi_major = 1,
    /* Convolutions came with it. */
    .abi_minor = 2,
    .id = "onednn",
    .version = "1.0.0",
    .vendor = "Mezzo",
#if ONEDNN_HEADERS
    .build = "C11, for libdnnl 2",
#else
    .build = "C11, without oneDNN's headers",
#endif
    .rules = rules,
    .n_rules = sizeof rules / sizeof rules[0],
    .rule_stride = sizeof(mezzo_rule),
    .open = onednn_open,
    .close = onednn_close,
    .plan = onednn_plan,
    .pack = onednn_pack,
    .execute = onednn_execute,
    .release = onednn_release,
};

const mezzo_backend *mezzo_backend_query(const mezzo_offer *offer) {
  if (offer == NULL || offer->major != backend.abi_major) return NULL;
  bool is_offered = offer->min_minor <= backend.abi_minor && backend.abi_minor <= offer->max_minor;
  return is_offered ? &backend : NULL;
}
