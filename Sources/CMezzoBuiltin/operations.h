/* operations.h: one planner an operation, or a family of operations. A planner validates the request, fills r->plan and sets
 * r->plan->run. */
#ifndef MZ_OPERATIONS_H
#define MZ_OPERATIONS_H
#include "check.h"
#include "map.h"
#include "target.h"

typedef mezzo_status mz_planner(mz_request *r);

mz_planner mz_plan_matmul, mz_plan_cast, mz_plan_unary, mz_plan_binary, mz_plan_gelu, mz_plan_compare, mz_plan_select;
mz_planner mz_plan_reduce, mz_plan_arg_max, mz_plan_all_finite, mz_plan_softmax, mz_plan_cross_entropy, mz_plan_one_hot;
mz_planner mz_plan_gather, mz_plan_scatter_add, mz_plan_random_uniform, mz_plan_sgd_update, mz_plan_adam_update;
mz_planner mz_plan_pad, mz_plan_slice, mz_plan_concatenate, mz_plan_window_sum;
mz_planner mz_plan_convolution, mz_plan_convolution_input_gradient, mz_plan_convolution_kernel_gradient;
mz_planner mz_plan_pool, mz_plan_pool_gradient;
mz_planner mz_plan_layer_norm, mz_plan_layer_norm_gradient, mz_plan_gelu_gradient, mz_plan_softmax_gradient;
mz_planner mz_plan_attention, mz_plan_attention_gradient;
mz_planner mz_plan_quantize, mz_plan_quantized_matmul;

/* The largest of windows, and its gradient by windows that do not overlap. */
mz_run mz_run_max_pool, mz_run_max_pool_gradient;

/* The first of the places that a slot of pooling does. */
static inline int64_t mz_pool_part(const mz_pool *p, int64_t places, uint64_t slot) { return places * (int64_t)slot / p->slots; }

#endif
