#include "bits.h"
#define T uint16_t
#define SIGNED int16_t
#define INFINITE 0x7c00
#define FROM mz_from_f16
#define TO mz_to_f16
#define TABLE mz_max_pool_float16
#include "max_pool_kernels.h"
