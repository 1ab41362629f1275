#include "plan.h"

#if ONEDNN_HEADERS
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "problem.h"
#include "report.h"

mezzo_status onednn_status(dnnl_status_t status) {
  switch (status) {
    case dnnl_success: return MEZZO_OK;
    case dnnl_out_of_memory: return MEZZO_OOM;
    case dnnl_invalid_arguments:
    case dnnl_unimplemented: return MEZZO_UNSUPPORTED;
    default: return MEZZO_INTERNAL;
  }
}

/* In the order of the table's rules. */
static const struct {
  dnnl_data_type_t operands, result;
} types[] = {{dnnl_f32, dnnl_f32}, {dnnl_bf16, dnnl_bf16}, {dnnl_bf16, dnnl_f32}};

static mezzo_status check_numerics(const onednn_backend *backend, const mezzo_op *op, uint32_t rule,
                                   const onednn_problem *problem, mezzo_error *err) {
  if (op->want.accum.code == MEZZO_FLOAT && op->want.accum.bits > 32)
    return onednn_report(err, MEZZO_UNSUPPORTED, MEZZO_WHY_ACCUM, ONEDNN_NO_OPERAND,
                         "accumulates in float32, float%u is wanted", op->want.accum.bits);
  bool is_brain = problem->a.type == dnnl_bf16;
  if (rule >= sizeof types / sizeof types[0] || problem->a.type != types[rule].operands ||
      problem->b.type != types[rule].operands || problem->c.type != types[rule].result)
    return onednn_report(err, MEZZO_UNSUPPORTED, MEZZO_WHY_DTYPE, ONEDNN_NO_OPERAND,
                         "the operands and the result are of other dtypes than the rule %u states", rule);
  /* Below this, oneDNN either emulates bfloat16, slower than float32, or has only a reference. */
  const unsigned needed = dnnl_cpu_isa_avx512_core_bf16;
  if (is_brain && ((unsigned)backend->dnnl.get_effective_cpu_isa() & needed) != needed)
    return onednn_report(err, MEZZO_UNSUPPORTED, MEZZO_WHY_CPU, ONEDNN_NO_OPERAND,
                         "bfloat16 products need a processor with AVX512_BF16");
  return MEZZO_OK;
}

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

enum { NAME_BYTES = 64 };

/* A primitive descriptor that does the given number of steps. reference becomes the implementation's name if that is
 * the reason to decline, else empty. */
static dnnl_status_t choose(const onednn_backend *backend, const mezzo_op *op, const onednn_problem *problem,
                            uint32_t steps, onednn_matmul *plan, dnnl_primitive_desc_t *chosen,
                            char reference[NAME_BYTES]) {
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
  const char *name = NULL;
  status = dnnl->primitive_desc_query(*chosen, dnnl_query_impl_info_str, 0, &name);
  if (status == dnnl_success && name != NULL && strncmp(name, "ref", 3) == 0) {
    (void)snprintf(reference, NAME_BYTES, "%s", name);
    status = dnnl_unimplemented;
  }
  if (status != dnnl_success) {
    dnnl->primitive_desc_destroy(*chosen);
    *chosen = NULL;
  }
  return status;
}

/* FNV-1a over what decides where each byte of the packed form goes; the descriptor's unused bytes are not defined. */
static uint64_t hash(uint64_t state, const void *bytes, size_t count) {
  const unsigned char *at = bytes;
  for (size_t i = 0; i < count; i++) state = (state ^ at[i]) * UINT64_C(0x100000001b3);
  return state;
}

static uint64_t layout_key(uint64_t state, const onednn_library *dnnl, const dnnl_memory_desc_t *desc) {
  const dnnl_blocking_desc_t *blocking = &desc->format_desc.blocking;
  const dnnl_version_t *version = dnnl->version();
  const int64_t scalars[] = {version->major,     version->minor, version->patch,    desc->ndims,
                             desc->data_type,    desc->offset0,  desc->format_kind, blocking->inner_nblks,
                             (int64_t)desc->extra.flags};
  size_t ndims = (size_t)desc->ndims, blocks = (size_t)blocking->inner_nblks;
  state = hash(state, scalars, sizeof scalars);
  state = hash(state, desc->dims, ndims * sizeof desc->dims[0]);
  state = hash(state, desc->padded_dims, ndims * sizeof desc->padded_dims[0]);
  state = hash(state, blocking->strides, ndims * sizeof blocking->strides[0]);
  state = hash(state, blocking->inner_blks, blocks * sizeof blocking->inner_blks[0]);
  return hash(state, blocking->inner_idxs, blocks * sizeof blocking->inner_idxs[0]);
}

static dnnl_status_t finish(const onednn_backend *backend, onednn_matmul *plan, dnnl_primitive_desc_t chosen,
                            mezzo_plan_args *args) {
  const onednn_library *dnnl = &backend->dnnl;
  const dnnl_memory_desc_t *weights = dnnl->primitive_desc_query_md(chosen, dnnl_query_weights_md, 0);
  const dnnl_memory_desc_t *scratch = dnnl->primitive_desc_query_md(chosen, dnnl_query_scratchpad_md, 0);
  if (weights == NULL || scratch == NULL) return dnnl_runtime_error;
  plan->b = *weights;
  plan->scratch = *scratch;
  args->workspace = dnnl->memory_desc_get_size(scratch);
  if (!dnnl->memory_desc_equal(weights, &plan->b_plain)) {
    plan->packed_bytes = dnnl->memory_desc_get_size(weights);
    args->packed_bytes = plan->packed_bytes;
    args->packed_operand = 1;
    args->pack_key[0] = layout_key(UINT64_C(0xcbf29ce484222325), dnnl, weights);
    args->pack_key[1] = layout_key(UINT64_C(0x9e3779b97f4a7c15), dnnl, weights);
  }
  dnnl_status_t status = dnnl->primitive_create(&plan->primitive, chosen);
  if (status != dnnl_success) return status;
  onednn_frame *first = NULL;
  status = onednn_take_frame(backend, plan, &first);
  if (status == dnnl_success) onednn_return_frame(dnnl, plan, first);
  return status;
}

static mezzo_status fill(const onednn_backend *backend, const onednn_problem *problem, onednn_matmul *plan,
                         mezzo_plan_args *args) {
  const onednn_library *dnnl = &backend->dnnl;
  char reference[NAME_BYTES] = "";
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
    if (onednn_bias(args->op, steps) != NULL) plan->bias_operand = args->op->epilogue[0].operand;
    if (onednn_ends_in_relu(args->op, steps))
      plan->relu_count = dnnl->memory_desc_get_size(&plan->c) / (problem->c.type == dnnl_bf16 ? 2 : 4);
    args->n_epilogue = steps;
    status = finish(backend, plan, chosen, args);
    dnnl->primitive_desc_destroy(chosen);
  }
  if (status == dnnl_success) return MEZZO_OK;
  if (reference[0] != 0)
    return onednn_report(args->h.err, MEZZO_UNSUPPORTED, MEZZO_WHY_LIMIT, ONEDNN_NO_OPERAND,
                         "for the product %s oneDNN has only the slow implementation %s", problem->text, reference);
  return onednn_report(args->h.err, onednn_status(status), MEZZO_WHY_LIMIT, ONEDNN_NO_OPERAND,
                       "oneDNN plans no product %s: %s", problem->text, dnnl->status2str(status));
}

static void destroy(const onednn_library *dnnl, onednn_matmul *plan) {
  for (int i = 0; i < ONEDNN_SPARE_FRAMES; i++) {
    onednn_frame *frame = atomic_load_explicit(&plan->spare[i], memory_order_acquire);
    if (frame != NULL) onednn_destroy_frame(dnnl, frame);
  }
  if (plan->primitive != NULL) dnnl->primitive_destroy(plan->primitive);
  free(plan);
}

mezzo_status onednn_plan(void *self, mezzo_plan_args *args) {
  const onednn_backend *backend = self;
  onednn_problem problem;
  args->plan = NULL;
  args->workspace = args->packed_bytes = args->pack_key[0] = args->pack_key[1] = 0;
  args->n_epilogue = args->packed_operand = 0;
  memset(&problem, 0, sizeof problem);
  mezzo_status status = onednn_read_problem(args->op, &problem, args->h.err);
  if (status == MEZZO_OK) status = check_numerics(backend, args->op, args->rule, &problem, args->h.err);
  if (status != MEZZO_OK) return status;
  onednn_matmul *plan = calloc(1, sizeof *plan);
  if (plan == NULL)
    return onednn_report(args->h.err, MEZZO_OOM, MEZZO_WHY_NONE, ONEDNN_NO_OPERAND, "no memory to plan the product %s",
                         problem.text);
  memcpy(plan->text, problem.text, sizeof plan->text);
  plan->bias_operand = UINT32_MAX;
  plan->threads = onednn_thread_budget(backend, args->threads);
  int previous = onednn_enter_threads(&backend->dnnl, plan->threads);
  status = fill(backend, &problem, plan, args);
  onednn_leave_threads(&backend->dnnl, previous);
  if (status != MEZZO_OK) {
    destroy(&backend->dnnl, plan);
    return status;
  }
  args->plan = plan;
  return MEZZO_OK;
}

mezzo_status onednn_release(void *self, mezzo_release_args *args) {
  const onednn_backend *backend = self;
  if (args->plan != NULL) destroy(&backend->dnnl, args->plan);
  return MEZZO_OK;
}
#endif
