/* Convolutions and their gradients. Activations stay as the host holds them, with channels last, for which oneDNN has good
 * kernels; the kernel goes through the layout that those want: packed once if it is constant, else at each call. */
#include "entry.h"
#include "plan.h"

#if ONEDNN_HEADERS
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "problem.h"
#include "relu.h"
#include "report.h"
#include "windows.h"

/* What is computed at once: all of the batch on oneDNN's own threads, or a part of it on one of the host's. */
typedef struct onednn_part {
  onednn_call call; /* two operands, the bias if there is one, the result, the scratchpad */
  dnnl_memory_desc_t kernel;
  dnnl_data_type_t result_type; /* of a convolution, with how many elements */
  size_t result_count;
} onednn_part;

typedef struct onednn_convolution {
  onednn_plan_base base;
  onednn_part part[2]; /* all but the last, and the last */
  int64_t parts, extent;
  int64_t first_step, second_step, result_step; /* bytes from one part to the next */
  onednn_call reorder; /* of the kernel, or of its gradient; nothing: its layout is the host's, or it is packed */
  dnnl_memory_desc_t kernel_plain;
  bool is_packed, by_kernel, shares_out, has_relu;
  uint64_t scratch_bytes, kernel_bytes; /* of a part, and of a kernel as the primitive has it */
  uint64_t kernel_at, reorder_at;       /* in the workspace, behind the scratchpads */
  uint32_t bias_operand; /* UINT32_MAX: none */
} onednn_convolution;

enum { PART_BYTES = 1 << 19 };

static dnnl_status_t describe_forward(const onednn_library *dnnl, const onednn_windows *w, dnnl_data_type_t types[3],
                                      const dnnl_memory_desc_t *any, const dnnl_memory_desc_t *bias,
                                      dnnl_convolution_desc_t *desc) {
  dnnl_memory_desc_t x = w->x, kernel = *any, y = w->y;
  x.data_type = types[0];
  kernel.data_type = types[1];
  y.data_type = types[2];
  return dnnl->dilated_convolution_forward_desc_init(desc, dnnl_forward_training, dnnl_convolution_direct, &x, &kernel, bias, &y,
                                                     w->strides, w->dilations, w->low, w->high);
}

/* A primitive descriptor that does the given number of steps, with the kernel in the layout that it likes. */
static dnnl_status_t choose(const onednn_backend *backend, const mezzo_op *op, const onednn_windows *w, uint32_t steps,
                            const dnnl_memory_desc_t *bias, dnnl_primitive_desc_t *chosen, char reference[ONEDNN_NAME_BYTES]) {
  const onednn_library *dnnl = &backend->dnnl;
  dnnl_convolution_desc_t convolution;
  dnnl_primitive_attr_t attributes = NULL;
  dnnl_primitive_desc_t forward = NULL;
  dnnl_memory_desc_t any;
  reference[0] = 0;
  dnnl_status_t status = dnnl->memory_desc_init_by_tag(&any, w->kernel.ndims, w->kernel.dims, w->kernel.data_type,
                                                       dnnl_format_tag_any);
  if (status == dnnl_success) status = onednn_make_attributes(dnnl, op, steps, &attributes);
  if (op->op == MEZZO_OP_CONVOLUTION) {
    dnnl_data_type_t types[3] = {w->x.data_type, w->kernel.data_type, w->y.data_type};
    if (status == dnnl_success) status = describe_forward(dnnl, w, types, &any, bias, &convolution);
  } else {
    /* A gradient wants to see the convolution that it belongs to, whose result is of the operands' dtype. */
    dnnl_data_type_t type = op->op == MEZZO_OP_CONVOLUTION_INPUT_GRADIENT ? w->y.data_type : w->x.data_type;
    if (status == dnnl_success)
      status = describe_forward(dnnl, w, (dnnl_data_type_t[]){type, type, type}, &any, NULL, &convolution);
    if (status == dnnl_success)
      status = dnnl->primitive_desc_create(&forward, &convolution, attributes, backend->engine, NULL);
    if (status == dnnl_success && op->op == MEZZO_OP_CONVOLUTION_INPUT_GRADIENT)
      status = dnnl->dilated_convolution_backward_data_desc_init(&convolution, dnnl_convolution_direct, &w->x, &any, &w->y,
                                                                 w->strides, w->dilations, w->low, w->high);
    else if (status == dnnl_success)
      status = dnnl->dilated_convolution_backward_weights_desc_init(&convolution, dnnl_convolution_direct, &w->x, &any, NULL,
                                                                    &w->y, w->strides, w->dilations, w->low, w->high);
  }
  if (status == dnnl_success)
    status = dnnl->primitive_desc_create(chosen, &convolution, attributes, backend->engine, forward);
  if (forward != NULL) dnnl->primitive_desc_destroy(forward);
  if (attributes != NULL) dnnl->primitive_attr_destroy(attributes);
  if (status == dnnl_success && onednn_is_reference(dnnl, *chosen, reference)) {
    dnnl->primitive_desc_destroy(*chosen);
    *chosen = NULL;
    status = dnnl_unimplemented;
  }
  return status;
}

static uint64_t round_up(uint64_t bytes) { return (bytes + 63) / 64 * 64; }

static dnnl_status_t finish_part(const onednn_backend *backend, onednn_convolution *plan, const onednn_windows *w, onednn_part *part,
                                 const dnnl_memory_desc_t *bias, dnnl_primitive_desc_t chosen, uint32_t op) {
  const onednn_library *dnnl = &backend->dnnl;
  const dnnl_memory_desc_t *kernel =
      dnnl->primitive_desc_query_md(chosen, plan->by_kernel ? dnnl_query_diff_weights_md : dnnl_query_weights_md, 0);
  const dnnl_memory_desc_t *scratch = dnnl->primitive_desc_query_md(chosen, dnnl_query_scratchpad_md, 0);
  if (kernel == NULL || scratch == NULL) return dnnl_runtime_error;
  part->kernel = *kernel;
  uint64_t bytes = round_up(dnnl->memory_desc_get_size(scratch));
  if (bytes > plan->scratch_bytes) plan->scratch_bytes = bytes;
  if (op == MEZZO_OP_CONVOLUTION_INPUT_GRADIENT) {
    onednn_add_argument(&part->call, DNNL_ARG_DIFF_DST, &w->y);
    onednn_add_argument(&part->call, DNNL_ARG_WEIGHTS, kernel);
    onednn_add_argument(&part->call, DNNL_ARG_DIFF_SRC, &w->x);
  } else if (plan->by_kernel) {
    onednn_add_argument(&part->call, DNNL_ARG_SRC, &w->x);
    onednn_add_argument(&part->call, DNNL_ARG_DIFF_DST, &w->y);
    onednn_add_argument(&part->call, DNNL_ARG_DIFF_WEIGHTS, kernel);
  } else {
    onednn_add_argument(&part->call, DNNL_ARG_SRC, &w->x);
    onednn_add_argument(&part->call, DNNL_ARG_WEIGHTS, kernel);
    if (bias != NULL) onednn_add_argument(&part->call, DNNL_ARG_BIAS, bias);
    onednn_add_argument(&part->call, DNNL_ARG_DST, &w->y);
  }
  onednn_add_argument(&part->call, DNNL_ARG_SCRATCHPAD, scratch);
  return onednn_prepare(backend, &part->call, chosen);
}

/* How the kernel passes between the host's layout and the primitive's, and where all lies in the workspace. */
static dnnl_status_t finish(const onednn_backend *backend, onednn_convolution *plan, const onednn_windows *w, mezzo_plan_args *args) {
  const onednn_library *dnnl = &backend->dnnl;
  const dnnl_memory_desc_t *kernel = &plan->part[1].kernel;
  plan->kernel_plain = w->kernel;
  args->workspace = plan->scratch_bytes * (uint64_t)plan->parts;
  bool is_summed = plan->by_kernel && plan->parts > 1;
  if (dnnl->memory_desc_equal(kernel, &w->kernel) && !is_summed) return dnnl_success;
  plan->kernel_bytes = round_up(dnnl->memory_desc_get_size(kernel));
  plan->is_packed = w->kernel_is_constant;
  if (plan->is_packed) {
    args->packed_bytes = dnnl->memory_desc_get_size(kernel);
    args->packed_operand = 1;
    onednn_pack_key(dnnl, kernel, args->pack_key);
    return dnnl_success;
  }
  dnnl_status_t status = plan->by_kernel ? onednn_prepare_reorder(backend, &plan->reorder, kernel, &w->kernel)
                                         : onednn_prepare_reorder(backend, &plan->reorder, &w->kernel, kernel);
  plan->kernel_at = args->workspace;
  plan->reorder_at = plan->kernel_at + plan->kernel_bytes * (uint64_t)(is_summed ? plan->parts : 1);
  args->workspace = plan->reorder_at + round_up(onednn_scratch_bytes(dnnl, &plan->reorder));
  return status;
}

static dnnl_status_t describe_bias(const onednn_library *dnnl, const mezzo_operand *bias, dnnl_memory_desc_t *desc) {
  dnnl_data_type_t type;
  if (!onednn_data_type(bias->dtype, &type)) return dnnl_unimplemented;
  return dnnl->memory_desc_init_by_tag(desc, 1, (dnnl_dims_t){bias->shape[0]}, type, dnnl_a);
}

static int64_t image_bytes(const dnnl_memory_desc_t *desc) {
  return desc->format_desc.blocking.strides[0] * (desc->data_type == dnnl_bf16 ? 2 : 4);
}

static void cut_batch(dnnl_memory_desc_t *desc, int64_t extent) { desc->dims[0] = desc->padded_dims[0] = extent; }

/* In how many pieces each of `parts` is to be cut so that the images that it makes are still in a cache afterwards. */
static int64_t small_parts(const onednn_windows *w, int64_t parts) {
  int64_t images = (w->y.dims[0] + parts - 1) / parts, most = PART_BYTES / image_bytes(&w->y);
  return most < 1 ? images : (images + most - 1) / most;
}

/* At most `steps` steps of the epilogue; afterwards, as many as the part does. */
static dnnl_status_t fill_part(const onednn_backend *backend, onednn_convolution *plan, const onednn_windows *whole, int64_t extent,
                               onednn_part *part, uint32_t *steps, const mezzo_op *op, char reference[ONEDNN_NAME_BYTES]) {
  onednn_windows w = *whole;
  dnnl_primitive_desc_t chosen = NULL;
  dnnl_memory_desc_t bias_desc;
  const dnnl_memory_desc_t *bias = NULL;
  cut_batch(&w.x, extent);
  cut_batch(&w.y, extent);
  if (plan->by_kernel && plan->parts > 1) w.kernel.data_type = dnnl_f32;
  dnnl_status_t status;
  do {
    const mezzo_operand *operand = onednn_bias(op, *steps);
    bias = operand == NULL ? NULL : &bias_desc;
    status = operand == NULL ? dnnl_success : describe_bias(&backend->dnnl, operand, &bias_desc);
    if (status == dnnl_success) status = choose(backend, op, &w, *steps, bias, &chosen, reference);
  } while (status == dnnl_unimplemented && (*steps)-- > 0);
  if (status != dnnl_success) return status;
  part->result_type = w.y.data_type;
  part->result_count = backend->dnnl.memory_desc_get_size(&w.y) / (w.y.data_type == dnnl_bf16 ? 2 : 4);
  status = finish_part(backend, plan, &w, part, bias, chosen, op->op);
  backend->dnnl.primitive_desc_destroy(chosen);
  return status;
}

static void destroy_parts(const onednn_library *dnnl, onednn_convolution *plan) {
  for (int i = 0; i < 2; i++) {
    onednn_destroy_call(dnnl, &plan->part[i].call);
    memset(&plan->part[i], 0, sizeof plan->part[i]);
  }
}

static dnnl_status_t fill_parts(const onednn_backend *backend, onednn_convolution *plan, const onednn_windows *w, int64_t parts,
                                uint32_t *steps, const mezzo_op *op, char reference[ONEDNN_NAME_BYTES]) {
  int64_t batch = w->x.dims[0];
  plan->extent = (batch + parts - 1) / parts;
  plan->parts = (batch + plan->extent - 1) / plan->extent;
  plan->scratch_bytes = 0;
  uint32_t first = *steps, last = first;
  dnnl_status_t status = dnnl_success;
  if (plan->parts > 1) status = fill_part(backend, plan, w, plan->extent, &plan->part[0], &first, op, reference);
  last = first;
  if (status == dnnl_success)
    status = fill_part(backend, plan, w, batch - (plan->parts - 1) * plan->extent, &plan->part[1], &last, op, reference);
  bool differ = plan->parts > 1 && (first != last || !backend->dnnl.memory_desc_equal(&plan->part[0].kernel, &plan->part[1].kernel));
  if (status == dnnl_success && differ) status = dnnl_unimplemented;
  *steps = last;
  return status;
}

static mezzo_status fill(const onednn_backend *backend, const onednn_windows *w, onednn_convolution *plan, mezzo_plan_args *args) {
  const onednn_library *dnnl = &backend->dnnl;
  const mezzo_op *op = args->op;
  char reference[ONEDNN_NAME_BYTES] = "";
  uint32_t all = 0;
  if (op->op == MEZZO_OP_CONVOLUTION) {
    all = onednn_expressible_steps(op, w->y.dims[1]);
    /* oneDNN's own would make 0 of a NaN. Without the host's threads, the host itself is better at it. */
    if (onednn_ends_in_relu(op, all) && !plan->shares_out) all--;
  }
  uint32_t steps = all;
  int64_t parts = plan->shares_out ? plan->base.threads : 1;
  if (onednn_ends_in_relu(op, all)) parts *= small_parts(w, parts);
  dnnl_status_t status = fill_parts(backend, plan, w, parts, &steps, op, reference);
  if (status == dnnl_unimplemented && plan->parts > 1) {
    destroy_parts(dnnl, plan);
    steps = all;
    status = fill_parts(backend, plan, w, 1, &steps, op, reference);
  }
  if (status == dnnl_success) {
    plan->has_relu = onednn_ends_in_relu(op, steps);
    if (onednn_bias(op, steps) != NULL) plan->bias_operand = onednn_step(op, 0)->operand;
    args->n_epilogue = steps;
    int64_t x = image_bytes(&w->x) * plan->extent, y = image_bytes(&w->y) * plan->extent;
    bool by_input = op->op == MEZZO_OP_CONVOLUTION_INPUT_GRADIENT;
    plan->first_step = by_input ? y : x;
    plan->second_step = plan->by_kernel ? y : 0;
    plan->result_step = plan->by_kernel ? 0 : by_input ? x : y;
    status = finish(backend, plan, w, args);
  }
  if (status == dnnl_success) return MEZZO_OK;
  if (reference[0] != 0)
    return onednn_report(args->h.err, MEZZO_UNSUPPORTED, MEZZO_WHY_LIMIT, ONEDNN_NO_OPERAND,
                         "for a %s oneDNN has only the slow implementation %s", w->text, reference);
  return onednn_report(args->h.err, onednn_status(status), MEZZO_WHY_LIMIT, ONEDNN_NO_OPERAND, "oneDNN plans no %s: %s", w->text,
                       dnnl->status2str(status));
}

void onednn_release_convolution(const onednn_backend *backend, void *released) {
  onednn_convolution *plan = released;
  destroy_parts(&backend->dnnl, plan);
  onednn_destroy_call(&backend->dnnl, &plan->reorder);
  free(plan);
}

mezzo_status onednn_plan_convolution(const onednn_backend *backend, mezzo_plan_args *args) {
  onednn_windows w;
  memset(&w, 0, sizeof w);
  mezzo_status status = onednn_read_windows(backend, args->op, &w, args->h.err);
  if (status != MEZZO_OK) return status;
  onednn_convolution *plan = calloc(1, sizeof *plan);
  if (plan == NULL)
    return onednn_report(args->h.err, MEZZO_OOM, MEZZO_WHY_NONE, ONEDNN_NO_OPERAND, "no memory to plan a %s", w.text);
  plan->base.is_convolution = true;
  memcpy(plan->base.text, w.text, sizeof plan->base.text);
  plan->by_kernel = args->op->op == MEZZO_OP_CONVOLUTION_KERNEL_GRADIENT;
  plan->bias_operand = UINT32_MAX;
  plan->base.threads = onednn_thread_budget(backend, args->threads);
  plan->shares_out = !onednn_owns_threads(args->rule);
  int previous = onednn_enter_threads(&backend->dnnl, plan->shares_out ? 1 : plan->base.threads);
  status = fill(backend, &w, plan, args);
  onednn_leave_threads(&backend->dnnl, previous);
  if (status != MEZZO_OK) {
    onednn_release_convolution(backend, plan);
    return status;
  }
  args->plan = plan;
  return MEZZO_OK;
}

mezzo_status onednn_pack_convolution(const onednn_backend *backend, mezzo_pack_args *args) {
  const onednn_convolution *plan = args->plan;
  if (!plan->is_packed)
    return onednn_report(args->h.err, MEZZO_INVALID, MEZZO_WHY_LAYOUT, args->operand, "this %s packs no operand",
                         plan->base.text);
  return onednn_pack_once(backend, &plan->base, args, &plan->kernel_plain, &plan->part[1].kernel);
}

static mezzo_status check(const onednn_convolution *plan, const mezzo_exec_args *args) {
  bool has_bias = plan->bias_operand != UINT32_MAX;
  if (args->in.count < 2 || args->out.count < 1 || (has_bias && args->in.count <= plan->bias_operand))
    return onednn_report(args->h.err, MEZZO_INVALID, MEZZO_WHY_SHAPE, ONEDNN_NO_OPERAND,
                         "too few tensors for a %s: came %u and %u results", plan->base.text, args->in.count, args->out.count);
  if ((onednn_tensor(&args->in, 1)->layout != 0) != plan->is_packed)
    return onednn_report(args->h.err, MEZZO_INVALID, MEZZO_WHY_LAYOUT, 1, "the kernel of a %s must be %s", plan->base.text,
                         plan->is_packed ? "packed by its plan first" : "passed as planned, not packed");
  return MEZZO_OK;
}

/* One execution, on its way to several threads. */
typedef struct execution {
  const onednn_backend *backend;
  onednn_convolution *plan;
  char *first, *second, *bias, *result, *workspace;
  uint64_t kernel_step;
  _Atomic int status; /* dnnl_status_t, of a part that failed */
} execution;

static void compute(void *user, uint64_t begin, uint64_t end, uint32_t worker) {
  (void)worker;
  execution *job = user;
  onednn_convolution *plan = job->plan;
  int previous = onednn_enter_threads(&job->backend->dnnl, plan->shares_out ? 1 : plan->base.threads);
  for (int64_t i = (int64_t)begin; i < (int64_t)end; i++) {
    void *data[ONEDNN_MAX_ARGUMENTS];
    int n = 0;
    data[n++] = job->first + i * plan->first_step;
    data[n++] = job->second + i * plan->second_step;
    if (job->bias != NULL) data[n++] = job->bias;
    data[n++] = job->result + i * plan->result_step + i * (int64_t)job->kernel_step;
    data[n++] = job->workspace + i * (int64_t)plan->scratch_bytes;
    dnnl_status_t status = onednn_run(job->backend, &plan->part[i == plan->parts - 1].call, data);
    if (status != dnnl_success) atomic_store(&job->status, (int)status);
    if (plan->has_relu) {
      const onednn_part *part = &plan->part[i == plan->parts - 1];
      onednn_relu(part->result_type, job->result + i * plan->result_step, part->result_count);
    }
  }
  onednn_leave_threads(&job->backend->dnnl, previous);
}

/* The gradients by the kernel of all parts, from the first to the last. */
static void add_up(const onednn_convolution *plan, char *kernels) {
  float *sum = (float *)(void *)kernels;
  size_t n = plan->kernel_bytes / sizeof(float);
  for (int64_t i = 1; i < plan->parts; i++) {
    const float *more = (const float *)(const void *)(kernels + i * (int64_t)plan->kernel_bytes);
    for (size_t k = 0; k < n; k++) sum[k] += more[k];
  }
}

static dnnl_status_t reorder(const onednn_backend *backend, onednn_convolution *plan, void *from, void *to, void *scratch) {
  int previous = onednn_enter_threads(&backend->dnnl, plan->shares_out ? 1 : plan->base.threads);
  dnnl_status_t status = onednn_run(backend, &plan->reorder, (void *const[]){from, to, scratch});
  onednn_leave_threads(&backend->dnnl, previous);
  return status;
}

mezzo_status onednn_execute_convolution(const onednn_backend *backend, mezzo_exec_args *args) {
  onednn_convolution *plan = args->plan;
  mezzo_status checked = check(plan, args);
  if (checked != MEZZO_OK) return checked;
  execution job = {.backend = backend, .plan = plan, .workspace = args->workspace};
  job.first = onednn_address(onednn_tensor(&args->in, 0));
  job.second = onednn_address(onednn_tensor(&args->in, 1));
  char *result = job.result = onednn_address(onednn_tensor(&args->out, 0));
  if (plan->bias_operand != UINT32_MAX) job.bias = onednn_address(onednn_tensor(&args->in, plan->bias_operand));
  bool reorders = plan->reorder.primitive != NULL;
  char *blocked = reorders ? job.workspace + plan->kernel_at : NULL, *scratch = reorders ? job.workspace + plan->reorder_at : NULL;
  dnnl_status_t status = dnnl_success;
  if (reorders && !plan->by_kernel) {
    status = reorder(backend, plan, job.second, blocked, scratch);
    job.second = blocked;
  } else if (reorders) {
    job.result = blocked;
    job.kernel_step = plan->kernel_bytes;
  }
  if (status != dnnl_success) return onednn_fail(backend, &plan->base, args->h.err, "compute a", status);
  const mezzo_host *host = backend->host;
  mezzo_status shared = MEZZO_OK;
  if (plan->parts > 1 && host != NULL && host->parallel_for != NULL)
    shared = host->parallel_for(host->ctx, (uint64_t)plan->parts, 1, compute, &job);
  else
    compute(&job, 0, (uint64_t)plan->parts, 0);
  if (shared != MEZZO_OK)
    return onednn_report(args->h.err, shared, MEZZO_WHY_NONE, ONEDNN_NO_OPERAND, "the host's threads reported status %d", shared);
  status = (dnnl_status_t)atomic_load(&job.status);
  if (reorders && plan->by_kernel && status == dnnl_success) {
    add_up(plan, blocked);
    status = reorder(backend, plan, blocked, result, scratch);
  }
  return status == dnnl_success ? MEZZO_OK : onednn_fail(backend, &plan->base, args->h.err, "compute a", status);
}
#endif
