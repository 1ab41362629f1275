#include "bits.h"
#define T uint16_t
#define SIGNED int16_t
#define INFINITE 0x7f80
#define FROM mz_from_bf16
#define TO mz_to_bf16
#define TABLE mz_max_pool_bfloat16
#include "max_pool_kernels.h"
