/* The table that Mezzo reads: who this backend is and what it can do. Nothing here touches oneDNN. */
#include "entry.h"

#include <stdbool.h>

#define STEPS                                                                                                         \
  (MEZZO_EPI_BIT(MEZZO_EPI_BIAS) | MEZZO_EPI_BIT(MEZZO_EPI_RELU) | MEZZO_EPI_BIT(MEZZO_EPI_GELU_ERF) |                \
   MEZZO_EPI_BIT(MEZZO_EPI_GELU_TANH) | MEZZO_EPI_BIT(MEZZO_EPI_SIGMOID) | MEZZO_EPI_BIT(MEZZO_EPI_TANH) |            \
   MEZZO_EPI_BIT(MEZZO_EPI_SILU) | MEZZO_EPI_BIT(MEZZO_EPI_SCALE))

/* Costs were measured on two Zen 4 cores, from 1x64x64 to 1024x1024x1024, packed and plain; they hold within a factor
 * of 2 but for a single row. The instruction behind bfloat16 products treats denormal operands as 0. */
#define MATMUL(dtype_in, dtype_out, flushes, rate)                                                                    \
  {                                                                                                                   \
    .struct_size = sizeof(mezzo_rule), .op = MEZZO_OP_MATMUL, .name = "matmul." dtype_in "." dtype_out,               \
    .sig = "A:" dtype_in "[...,m,k] B:" dtype_in "[...,k,n] -> C:" dtype_out "[...,m,n]",                             \
    .when = "unit(A) and unit(B) and contiguous(C) and m > 0 and n > 0 and k > 0",                                    \
    .numerics = {.accum = {MEZZO_FLOAT, 32, 1}, .denormals = flushes, .deterministic = 1},                            \
    .flags = MEZZO_R_DETERMINISTIC | MEZZO_R_REENTRANT | MEZZO_R_PREPACKS | MEZZO_R_OWN_THREADS,                      \
    .epilogue_mask = STEPS,                                                                                           \
    .cost = {.fixed_ns = 400, .flop_per_ns = rate, .byte_per_ns = 100, .pack_byte_per_ns = 10},                       \
  }

static const mezzo_rule rules[] = {
    MATMUL("f32", "f32", 0, 200),
    MATMUL("bf16", "bf16", 1, 400),
    MATMUL("bf16", "f32", 1, 400),
};

static const mezzo_backend backend = {
    .struct_size = sizeof(mezzo_backend),
    .abi_major = 1,
    .abi_minor = 0,
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
