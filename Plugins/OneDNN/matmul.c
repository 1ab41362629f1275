#include "plan.h"

#if ONEDNN_HEADERS
#include <stdlib.h>
#include <string.h>

#include "problem.h"
#include "relu.h"
#include "report.h"

typedef struct onednn_matmul {
  onednn_plan_base base;
  onednn_call call; /* a, b, the bias if there is one, c, the scratchpad */
  dnnl_memory_desc_t b, b_plain; /* as the primitive wants it, as the host holds it */
  dnnl_memory_desc_t a, bias, c;
  uint64_t packed_bytes; /* 0: b is used as the host holds it */
  uint32_t bias_operand; /* UINT32_MAX: none */
  size_t relu_count;     /* elements of c to pass through relu; 0: none */
} onednn_matmul;

static dnnl_status_t describe(const onednn_library *dnnl, int ndims, const onednn_matrix *matrix,
                              dnnl_memory_desc_t *desc) {
  return dnnl->memory_desc_init_by_strides(desc, ndims, matrix->dims, matrix->type, matrix->strides);
}

static dnnl_status_t describe_bias(const onednn_library *dnnl, const onednn_problem *problem, const mezzo_operand *bias,
                                   dnnl_memory_desc_t *desc) {
  onednn_matrix row = {.type = dnnl_f32};
  if (!onednn_data_type(bias->dtype, &row.type)) return dnnl_unimplemented;
  for (int i = 0; i < problem->ndims; i++) {
    row.dims[i] = 1;
    row.strides[i] = problem->n;
  }
  row.dims[problem->ndims - 1] = problem->n;
  row.strides[problem->ndims - 1] = 1;
  return describe(dnnl, problem->ndims, &row, desc);
}

/* A primitive descriptor that does the given number of steps. reference becomes the implementation's name if that is
 * the reason to decline, else empty. */
static dnnl_status_t choose(const onednn_backend *backend, const mezzo_op *op, const onednn_problem *problem,
                            uint32_t steps, onednn_matmul *plan, dnnl_primitive_desc_t *chosen,
                            char reference[ONEDNN_NAME_BYTES]) {
  const onednn_library *dnnl = &backend->dnnl;
  const mezzo_operand *bias = onednn_bias(op, steps);
  dnnl_memory_desc_t b = plan->b_plain;
  dnnl_matmul_desc_t matmul;
  dnnl_primitive_attr_t attributes = NULL;
  dnnl_status_t status = dnnl_success;
  reference[0] = 0;
  if (problem->b_is_constant)
    status = dnnl->memory_desc_init_by_tag(&b, problem->ndims, problem->b.dims, problem->b.type, dnnl_format_tag_any);
  if (status == dnnl_success && bias != NULL) status = describe_bias(dnnl, problem, bias, &plan->bias);
  if (status == dnnl_success)
    status = dnnl->matmul_desc_init(&matmul, &plan->a, &b, bias != NULL ? &plan->bias : NULL, &plan->c);
  if (status == dnnl_success) status = onednn_make_attributes(dnnl, op, steps, &attributes);
  if (status == dnnl_success) status = dnnl->primitive_desc_create(chosen, &matmul, attributes, backend->engine, NULL);
  if (attributes != NULL) dnnl->primitive_attr_destroy(attributes);
  if (status != dnnl_success) return status;
  if (onednn_is_reference(dnnl, *chosen, reference)) {
    dnnl->primitive_desc_destroy(*chosen);
    *chosen = NULL;
    status = dnnl_unimplemented;
  }
  return status;
}

static dnnl_status_t finish(const onednn_backend *backend, onednn_matmul *plan, dnnl_primitive_desc_t chosen,
                            mezzo_plan_args *args) {
  const onednn_library *dnnl = &backend->dnnl;
  const dnnl_memory_desc_t *weights = dnnl->primitive_desc_query_md(chosen, dnnl_query_weights_md, 0);
  const dnnl_memory_desc_t *scratch = dnnl->primitive_desc_query_md(chosen, dnnl_query_scratchpad_md, 0);
  if (weights == NULL || scratch == NULL) return dnnl_runtime_error;
  plan->b = *weights;
  args->workspace = dnnl->memory_desc_get_size(scratch);
  if (!dnnl->memory_desc_equal(weights, &plan->b_plain)) {
    plan->packed_bytes = dnnl->memory_desc_get_size(weights);
    args->packed_bytes = plan->packed_bytes;
    args->packed_operand = 1;
    onednn_pack_key(dnnl, weights, args->pack_key);
  }
  onednn_add_argument(&plan->call, DNNL_ARG_SRC, &plan->a);
  onednn_add_argument(&plan->call, DNNL_ARG_WEIGHTS, weights);
  if (plan->bias_operand != UINT32_MAX) onednn_add_argument(&plan->call, DNNL_ARG_BIAS, &plan->bias);
  onednn_add_argument(&plan->call, DNNL_ARG_DST, &plan->c);
  onednn_add_argument(&plan->call, DNNL_ARG_SCRATCHPAD, scratch);
  return onednn_prepare(backend, &plan->call, chosen);
}

static mezzo_status fill(const onednn_backend *backend, const onednn_problem *problem, onednn_matmul *plan,
                         mezzo_plan_args *args) {
  const onednn_library *dnnl = &backend->dnnl;
  char reference[ONEDNN_NAME_BYTES] = "";
  dnnl_primitive_desc_t chosen = NULL;
  dnnl_status_t status = describe(dnnl, problem->ndims, &problem->a, &plan->a);
  if (status == dnnl_success) status = describe(dnnl, problem->ndims, &problem->b, &plan->b_plain);
  if (status == dnnl_success) status = describe(dnnl, problem->ndims, &problem->c, &plan->c);
  uint32_t steps = onednn_expressible_steps(args->op, problem->n);
  if (status == dnnl_success) {
    status = choose(backend, args->op, problem, steps, plan, &chosen, reference);
    while (status == dnnl_unimplemented && steps > 0)
      status = choose(backend, args->op, problem, --steps, plan, &chosen, reference);
  }
  if (status == dnnl_success) {
    if (onednn_bias(args->op, steps) != NULL) plan->bias_operand = onednn_step(args->op, 0)->operand;
    if (onednn_ends_in_relu(args->op, steps))
      plan->relu_count = dnnl->memory_desc_get_size(&plan->c) / (problem->c.type == dnnl_bf16 ? 2 : 4);
    args->n_epilogue = steps;
    status = finish(backend, plan, chosen, args);
    dnnl->primitive_desc_destroy(chosen);
  }
  if (status == dnnl_success) return MEZZO_OK;
  if (reference[0] != 0)
    return onednn_report(args->h.err, MEZZO_UNSUPPORTED, MEZZO_WHY_LIMIT, ONEDNN_NO_OPERAND,
                         "for %s oneDNN has only the slow implementation %s", problem->text, reference);
  return onednn_report(args->h.err, onednn_status(status), MEZZO_WHY_LIMIT, ONEDNN_NO_OPERAND,
                       "oneDNN plans no %s: %s", problem->text, dnnl->status2str(status));
}

void onednn_release_matmul(const onednn_backend *backend, void *released) {
  onednn_matmul *plan = released;
  onednn_destroy_call(&backend->dnnl, &plan->call);
  free(plan);
}

mezzo_status onednn_plan_matmul(const onednn_backend *backend, mezzo_plan_args *args) {
  onednn_problem problem;
  memset(&problem, 0, sizeof problem);
  mezzo_status status = onednn_read_problem(args->op, &problem, args->h.err);
  if (status == MEZZO_OK)
    status = onednn_check_types(backend, args->op, problem.a.type, problem.b.type, problem.c.type, args->h.err);
  if (status != MEZZO_OK) return status;
  onednn_matmul *plan = calloc(1, sizeof *plan);
  if (plan == NULL)
    return onednn_report(args->h.err, MEZZO_OOM, MEZZO_WHY_NONE, ONEDNN_NO_OPERAND, "no memory to plan %s", problem.text);
  memcpy(plan->base.text, problem.text, sizeof plan->base.text);
  plan->bias_operand = UINT32_MAX;
  plan->base.threads = onednn_thread_budget(backend, args->threads);
  int previous = onednn_enter_threads(&backend->dnnl, plan->base.threads);
  status = fill(backend, &problem, plan, args);
  onednn_leave_threads(&backend->dnnl, previous);
  if (status != MEZZO_OK) {
    onednn_release_matmul(backend, plan);
    return status;
  }
  args->plan = plan;
  return MEZZO_OK;
}

static mezzo_status check(const onednn_matmul *plan, const mezzo_exec_args *args) {
  bool has_bias = plan->bias_operand != UINT32_MAX;
  if (args->in.count < 2 || args->out.count < 1 || (has_bias && args->in.count <= plan->bias_operand))
    return onednn_report(args->h.err, MEZZO_INVALID, MEZZO_WHY_SHAPE, ONEDNN_NO_OPERAND,
                         "too few tensors for %s: came %u and %u results", plan->base.text, args->in.count,
                         args->out.count);
  if ((onednn_tensor(&args->in, 1)->layout != 0) != (plan->packed_bytes != 0))
    return onednn_report(args->h.err, MEZZO_INVALID, MEZZO_WHY_LAYOUT, 1, "B of %s must be %s", plan->base.text,
                         plan->packed_bytes != 0 ? "packed by its plan first" : "passed as planned, not packed");
  return MEZZO_OK;
}

mezzo_status onednn_execute_matmul(const onednn_backend *backend, mezzo_exec_args *args) {
  onednn_matmul *plan = args->plan;
  mezzo_status checked = check(plan, args);
  if (checked != MEZZO_OK) return checked;
  void *c = onednn_address(onednn_tensor(&args->out, 0));
  void *data[ONEDNN_MAX_ARGUMENTS];
  int n = 0;
  data[n++] = onednn_address(onednn_tensor(&args->in, 0));
  data[n++] = onednn_address(onednn_tensor(&args->in, 1));
  if (plan->bias_operand != UINT32_MAX) data[n++] = onednn_address(onednn_tensor(&args->in, plan->bias_operand));
  data[n++] = c;
  data[n++] = args->workspace;
  int previous = onednn_enter_threads(&backend->dnnl, plan->base.threads);
  dnnl_status_t status = onednn_run(backend, &plan->call, data);
  onednn_leave_threads(&backend->dnnl, previous);
  if (status != dnnl_success) return onednn_fail(backend, &plan->base, args->h.err, "compute", status);
  if (plan->relu_count > 0) onednn_relu(plan->c.data_type, c, plan->relu_count);
  return MEZZO_OK;
}

mezzo_status onednn_pack_matmul(const onednn_backend *backend, mezzo_pack_args *args) {
  const onednn_matmul *plan = args->plan;
  if (plan->packed_bytes == 0)
    return onednn_report(args->h.err, MEZZO_INVALID, MEZZO_WHY_LAYOUT, args->operand, "%s packs no operand",
                         plan->base.text);
  return onednn_pack_once(backend, &plan->base, args, &plan->b_plain, &plan->b);
}
#endif
