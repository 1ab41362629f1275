#include "plan.h"

#if ONEDNN_HEADERS
#include <stdlib.h>
#include <string.h>

#include "problem.h"
#include "relu.h"
#include "report.h"

/* A product is computed in parts, each by one thread of the host's, and never by oneDNN's own threads: two pools that take
 * turns wake each other up at every operation, which takes as long as a small product. */
enum {
  ALONE = 1000000,    /* operations below which another thread costs more than it brings */
  LEAST_COLUMNS = 32, /* of a part; a multiple of oneDNN's blocks */
  LEAST_ROWS = 8
};

/* The axis of the result that is cut. */
typedef enum { WHOLE, BATCH, ROWS, COLUMNS } cut;

/* What one thread computes. */
typedef struct onednn_part {
  onednn_call call; /* a, b, the bias if there is one, c, the scratchpad */
  dnnl_memory_desc_t b, b_plain; /* as the primitive wants it, as the host holds it */
  dnnl_memory_desc_t a, bias, c;
  uint64_t packed_bytes, scratch_bytes;
  size_t relu_rows, relu_count; /* rows of c to pass through relu, and elements of each; 0: none */
} onednn_part;

typedef struct onednn_matmul {
  onednn_plan_base base;
  onednn_part part[2]; /* all but the last, and the last */
  int64_t parts;
  cut cut;
  int64_t extent;                         /* of a part along the axis that is cut */
  int64_t a_step, b_step, c_step, bias_step; /* bytes from one part to the next */
  uint64_t packed_step;
  int64_t row_bytes; /* of c */
  uint32_t bias_operand; /* UINT32_MAX: none */
  bool is_packed;        /* else b is used as the host holds it */
} onednn_matmul;

static int64_t round_up(int64_t a, int64_t b) { return (a + b - 1) / b * b; }

static int64_t size_of(dnnl_data_type_t type) { return type == dnnl_bf16 ? 2 : 4; }

static int axis_of(const onednn_problem *problem, cut how) {
  return how == BATCH ? 0 : how == ROWS ? problem->ndims - 2 : problem->ndims - 1;
}

/* Packed, B is there in one form for all rows; else each part reads all of what is not cut, so the longer side is. */
static cut choose_cut(const onednn_problem *problem, int threads, bool has_relu) {
  double operations = 2.0 * (double)problem->m * (double)problem->n * (double)problem->k;
  for (int i = 0; i < problem->ndims - 2; i++) operations *= (double)problem->c.dims[i];
  if (threads < 2 || operations < ALONE) return WHOLE;
  if (problem->ndims > 2 && problem->c.dims[0] >= threads) return BATCH;
  bool has_rows = problem->m >= LEAST_ROWS * threads, has_columns = problem->n >= LEAST_COLUMNS * threads;
  bool prefers_rows = problem->b_is_constant ? problem->m >= 4 * LEAST_ROWS * threads : problem->m > problem->n;
  /* Rows of several matrices are no one run, of which a relu could be made. */
  has_rows = has_rows && (problem->ndims == 2 || !has_relu);
  if (has_rows && (prefers_rows || !has_columns)) return ROWS;
  return has_columns ? COLUMNS : WHOLE;
}

static void plan_parts(const onednn_problem *problem, int threads, bool has_relu, onednn_matmul *plan) {
  plan->cut = choose_cut(problem, threads, has_relu);
  plan->parts = 1;
  if (plan->cut == WHOLE) return;
  int64_t extent = problem->c.dims[axis_of(problem, plan->cut)];
  int64_t unit = plan->cut == BATCH ? 1 : plan->cut == ROWS ? LEAST_ROWS : LEAST_COLUMNS;
  plan->extent = round_up((extent + threads - 1) / threads, unit);
  plan->parts = (extent + plan->extent - 1) / plan->extent;
}

/* The problem of one part; steps are bytes. */
static int64_t cut_matrix(onednn_matrix *matrix, int axis, int64_t extent) {
  int64_t step = extent * matrix->strides[axis] * size_of(matrix->type);
  if (matrix->dims[axis] == 1) return 0;
  matrix->dims[axis] = extent;
  return step;
}

static onednn_problem part_of(const onednn_problem *problem, onednn_matmul *plan, int64_t extent) {
  onednn_problem part = *problem;
  if (plan->cut == WHOLE) return part;
  int axis = axis_of(problem, plan->cut);
  bool is_batch = plan->cut == BATCH;
  int64_t a_step = 0, b_step = 0;
  if (is_batch || plan->cut == ROWS) a_step = cut_matrix(&part.a, axis, extent);
  if (is_batch || plan->cut == COLUMNS) b_step = cut_matrix(&part.b, axis, extent);
  /* A packed form would be that of one part. */
  if (is_batch && b_step != 0) part.b_is_constant = false;
  int64_t c_step = cut_matrix(&part.c, axis, extent);
  if (plan->cut == ROWS) part.m = extent;
  if (plan->cut == COLUMNS) part.n = extent;
  if (extent == plan->extent) {
    plan->a_step = a_step;
    plan->b_step = b_step;
    plan->c_step = c_step;
  }
  return part;
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

/* A primitive descriptor that does the given number of steps. reference becomes the implementation's name if that is
 * the reason to decline, else empty. */
static dnnl_status_t choose(const onednn_backend *backend, const mezzo_op *op, const onednn_problem *problem,
                            uint32_t steps, onednn_part *plan, dnnl_primitive_desc_t *chosen,
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

static dnnl_status_t finish(const onednn_backend *backend, onednn_part *part, bool has_bias, dnnl_primitive_desc_t chosen) {
  const onednn_library *dnnl = &backend->dnnl;
  const dnnl_memory_desc_t *weights = dnnl->primitive_desc_query_md(chosen, dnnl_query_weights_md, 0);
  const dnnl_memory_desc_t *scratch = dnnl->primitive_desc_query_md(chosen, dnnl_query_scratchpad_md, 0);
  if (weights == NULL || scratch == NULL) return dnnl_runtime_error;
  part->b = *weights;
  part->scratch_bytes = (uint64_t)round_up((int64_t)dnnl->memory_desc_get_size(scratch), 64);
  if (!dnnl->memory_desc_equal(weights, &part->b_plain)) part->packed_bytes = dnnl->memory_desc_get_size(weights);
  onednn_add_argument(&part->call, DNNL_ARG_SRC, &part->a);
  onednn_add_argument(&part->call, DNNL_ARG_WEIGHTS, weights);
  if (has_bias) onednn_add_argument(&part->call, DNNL_ARG_BIAS, &part->bias);
  onednn_add_argument(&part->call, DNNL_ARG_DST, &part->c);
  onednn_add_argument(&part->call, DNNL_ARG_SCRATCHPAD, scratch);
  return onednn_prepare(backend, &part->call, chosen);
}

/* At most `steps` steps of the epilogue; afterwards, as many as the part does. */
static dnnl_status_t fill_part(const onednn_backend *backend, const mezzo_op *op, const onednn_problem *problem, cut how,
                               onednn_part *part, uint32_t *steps, char reference[ONEDNN_NAME_BYTES]) {
  const onednn_library *dnnl = &backend->dnnl;
  dnnl_primitive_desc_t chosen = NULL;
  dnnl_status_t status = describe(dnnl, problem->ndims, &problem->a, &part->a);
  if (status == dnnl_success) status = describe(dnnl, problem->ndims, &problem->b, &part->b_plain);
  if (status == dnnl_success) status = describe(dnnl, problem->ndims, &problem->c, &part->c);
  if (status != dnnl_success) return status;
  status = choose(backend, op, problem, *steps, part, &chosen, reference);
  while (status == dnnl_unimplemented && *steps > 0)
    status = choose(backend, op, problem, --*steps, part, &chosen, reference);
  if (status != dnnl_success) return status;
  if (onednn_ends_in_relu(op, *steps)) {
    bool is_dense = how != COLUMNS;
    part->relu_rows = is_dense ? 1 : (size_t)problem->m;
    part->relu_count = (size_t)problem->n;
    if (is_dense) part->relu_count *= (size_t)problem->m;
    for (int i = 0; i < problem->ndims - 2; i++)
      *(is_dense ? &part->relu_count : &part->relu_rows) *= (size_t)problem->c.dims[i];
  }
  status = finish(backend, part, onednn_bias(op, *steps) != NULL, chosen);
  dnnl->primitive_desc_destroy(chosen);
  return status;
}

static void destroy_parts(const onednn_backend *backend, onednn_matmul *plan) {
  for (int i = 0; i < 2; i++) {
    onednn_destroy_call(&backend->dnnl, &plan->part[i].call);
    memset(&plan->part[i], 0, sizeof plan->part[i]);
  }
}

static dnnl_status_t fill_parts(const onednn_backend *backend, const onednn_problem *problem, onednn_matmul *plan,
                                const mezzo_op *op, uint32_t *steps, char reference[ONEDNN_NAME_BYTES]) {
  int64_t all = plan->cut == WHOLE ? 0 : problem->c.dims[axis_of(problem, plan->cut)];
  uint32_t first = *steps, last = first;
  onednn_problem part = part_of(problem, plan, plan->extent);
  dnnl_status_t status = fill_part(backend, op, &part, plan->cut, &plan->part[0], &first, reference);
  part = part_of(problem, plan, plan->cut == WHOLE ? 0 : all - (plan->parts - 1) * plan->extent);
  if (status == dnnl_success) {
    last = first;
    status = fill_part(backend, op, &part, plan->cut, &plan->part[1], &last, reference);
  }
  if (status == dnnl_success && last != first) status = dnnl_unimplemented;
  /* Rows that share B share its form. */
  bool shares = plan->cut != COLUMNS;
  if (status == dnnl_success && (plan->part[0].packed_bytes > 0) != (plan->part[1].packed_bytes > 0)) status = dnnl_unimplemented;
  if (status == dnnl_success && shares && plan->part[0].packed_bytes > 0 &&
      !backend->dnnl.memory_desc_equal(&plan->part[0].b, &plan->part[1].b))
    status = dnnl_unimplemented;
  if (status == dnnl_success) *steps = first;
  return status;
}

static mezzo_status fill(const onednn_backend *backend, const onednn_problem *problem, onednn_matmul *plan,
                         mezzo_plan_args *args) {
  const onednn_library *dnnl = &backend->dnnl;
  char reference[ONEDNN_NAME_BYTES] = "";
  uint32_t all = onednn_expressible_steps(args->op, problem->n), steps = all;
  bool has_relu = onednn_ends_in_relu(args->op, all);
  plan_parts(problem, plan->base.threads, has_relu, plan);
  dnnl_status_t status = fill_parts(backend, problem, plan, args->op, &steps, reference);
  if (status == dnnl_unimplemented && plan->cut != WHOLE) {
    destroy_parts(backend, plan);
    plan_parts(problem, 1, has_relu, plan);
    steps = all;
    status = fill_parts(backend, problem, plan, args->op, &steps, reference);
  }
  if (status != dnnl_success) {
    if (reference[0] != 0)
      return onednn_report(args->h.err, MEZZO_UNSUPPORTED, MEZZO_WHY_LIMIT, ONEDNN_NO_OPERAND,
                           "for %s oneDNN has only the slow implementation %s", problem->text, reference);
    return onednn_report(args->h.err, onednn_status(status), MEZZO_WHY_LIMIT, ONEDNN_NO_OPERAND,
                         "oneDNN plans no %s: %s", problem->text, dnnl->status2str(status));
  }
  const mezzo_operand *bias = onednn_bias(args->op, steps);
  if (bias != NULL) {
    plan->bias_operand = onednn_step(args->op, 0)->operand;
    if (plan->cut == COLUMNS) plan->bias_step = plan->extent * bias->dtype.bits / 8;
  }
  plan->row_bytes = problem->n * size_of(problem->c.type);
  args->n_epilogue = steps;
  uint64_t scratch = plan->part[0].scratch_bytes;
  if (plan->part[1].scratch_bytes > scratch) scratch = plan->part[1].scratch_bytes;
  plan->part[0].scratch_bytes = plan->part[1].scratch_bytes = scratch;
  args->workspace = scratch * (uint64_t)plan->parts;
  plan->is_packed = plan->part[0].packed_bytes > 0;
  if (plan->is_packed) {
    bool by_columns = plan->cut == COLUMNS;
    plan->packed_step = by_columns ? (uint64_t)round_up((int64_t)plan->part[0].packed_bytes, 64) : 0;
    args->packed_bytes = plan->packed_step * (uint64_t)(plan->parts - 1) + plan->part[1].packed_bytes;
    args->packed_operand = 1;
    onednn_pack_key(dnnl, &plan->part[0].b, args->pack_key);
    if (by_columns) {
      uint64_t last[2];
      onednn_pack_key(dnnl, &plan->part[1].b, last);
      for (int i = 0; i < 2; i++) args->pack_key[i] = args->pack_key[i] * UINT64_C(0x9e3779b97f4a7c15) + last[i] + (uint64_t)plan->parts;
    }
  }
  return MEZZO_OK;
}

void onednn_release_matmul(const onednn_backend *backend, void *released) {
  destroy_parts(backend, released);
  free(released);
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
  int previous = onednn_enter_threads(&backend->dnnl, 1);
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
  if ((onednn_tensor(&args->in, 1)->layout != 0) != plan->is_packed)
    return onednn_report(args->h.err, MEZZO_INVALID, MEZZO_WHY_LAYOUT, 1, "B of %s must be %s", plan->base.text,
                         plan->is_packed ? "packed by its plan first" : "passed as planned, not packed");
  return MEZZO_OK;
}

/* One execution, on its way to several threads. */
typedef struct execution {
  const onednn_backend *backend;
  onednn_matmul *plan;
  char *a, *b, *bias, *c, *workspace;
  _Atomic int status; /* dnnl_status_t, of a part that failed */
} execution;

static void compute(void *user, uint64_t begin, uint64_t end, uint32_t worker) {
  (void)worker;
  execution *job = user;
  onednn_matmul *plan = job->plan;
  int previous = onednn_enter_threads(&job->backend->dnnl, 1);
  for (int64_t i = (int64_t)begin; i < (int64_t)end; i++) {
    onednn_part *part = &plan->part[i == plan->parts - 1];
    char *c = job->c + i * plan->c_step;
    void *data[ONEDNN_MAX_ARGUMENTS];
    int n = 0;
    data[n++] = job->a + i * plan->a_step;
    data[n++] = job->b + (plan->is_packed ? i * (int64_t)plan->packed_step : i * plan->b_step);
    if (job->bias != NULL) data[n++] = job->bias + i * plan->bias_step;
    data[n++] = c;
    data[n++] = part->scratch_bytes > 0 ? job->workspace + i * (int64_t)part->scratch_bytes : job->workspace;
    dnnl_status_t status = onednn_run(job->backend, &part->call, data);
    if (status != dnnl_success) atomic_store(&job->status, (int)status);
    for (size_t row = 0; row < part->relu_rows; row++)
      onednn_relu(part->c.data_type, c + (int64_t)row * plan->row_bytes, part->relu_count);
  }
  onednn_leave_threads(&job->backend->dnnl, previous);
}

mezzo_status onednn_execute_matmul(const onednn_backend *backend, mezzo_exec_args *args) {
  onednn_matmul *plan = args->plan;
  mezzo_status checked = check(plan, args);
  if (checked != MEZZO_OK) return checked;
  execution job = {.backend = backend, .plan = plan, .workspace = args->workspace};
  job.a = onednn_address(onednn_tensor(&args->in, 0));
  job.b = onednn_address(onednn_tensor(&args->in, 1));
  job.c = onednn_address(onednn_tensor(&args->out, 0));
  if (plan->bias_operand != UINT32_MAX) job.bias = onednn_address(onednn_tensor(&args->in, plan->bias_operand));
  const mezzo_host *host = backend->host;
  mezzo_status shared = MEZZO_OK;
  if (plan->parts > 1 && host != NULL && host->parallel_for != NULL)
    shared = host->parallel_for(host->ctx, (uint64_t)plan->parts, 1, compute, &job);
  else
    compute(&job, 0, (uint64_t)plan->parts, 0);
  if (shared != MEZZO_OK)
    return onednn_report(args->h.err, shared, MEZZO_WHY_NONE, ONEDNN_NO_OPERAND, "the host's threads reported status %d", shared);
  dnnl_status_t status = (dnnl_status_t)atomic_load(&job.status);
  return status == dnnl_success ? MEZZO_OK : onednn_fail(backend, &plan->base, args->h.err, "compute", status);
}

mezzo_status onednn_pack_matmul(const onednn_backend *backend, mezzo_pack_args *args) {
  const onednn_matmul *plan = args->plan;
  if (!plan->is_packed)
    return onednn_report(args->h.err, MEZZO_INVALID, MEZZO_WHY_LAYOUT, args->operand, "%s packs no operand",
                         plan->base.text);
  if (plan->cut != COLUMNS) return onednn_pack_once(backend, &plan->base, args, &plan->part[1].b_plain, &plan->part[1].b);
  uint64_t all = plan->packed_step * (uint64_t)(plan->parts - 1) + plan->part[1].packed_bytes;
  if (args->dst_bytes < all) /* what a part's bytes are is checked as if it were alone */
    return onednn_pack_once(backend, &plan->base, args, &plan->part[1].b_plain, &plan->part[1].b);
  memset(args->dst, 0, args->dst_bytes);
  for (int64_t i = 0; i < plan->parts; i++) {
    const onednn_part *part = &plan->part[i == plan->parts - 1];
    mezzo_tensor source = *args->src;
    source.byte_offset += (uint64_t)(i * plan->b_step);
    mezzo_pack_args one = *args;
    one.src = &source;
    one.dst = (char *)args->dst + i * (int64_t)plan->packed_step;
    one.dst_bytes = part->packed_bytes;
    mezzo_status status = onednn_pack_once(backend, &plan->base, &one, &part->b_plain, &part->b);
    if (status != MEZZO_OK) return status;
  }
  return MEZZO_OK;
}
#endif
