#include "bits.h"
#define T float
#define MEMORY uint16_t
#define FROM mz_from_bf16
#define TO mz_to_bf16
#define TABLE mz_edges_bfloat16
#include "edge_kernels.h"
