#include "plan.h"

#if ONEDNN_HEADERS
#include <string.h>

#include "relu.h"
#include "report.h"

static const mezzo_tensor *tensor(const mezzo_tensors *tensors, uint32_t index) {
  return (const mezzo_tensor *)((const char *)tensors->at + (size_t)index * tensors->stride);
}

static void *address(const mezzo_tensor *tensor) { return (char *)tensor->data + tensor->byte_offset; }

static mezzo_status fail(const onednn_backend *backend, const onednn_matmul *plan, mezzo_error *err, const char *what,
                         dnnl_status_t status) {
  mezzo_status code = status == dnnl_out_of_memory ? MEZZO_OOM : MEZZO_INTERNAL;
  return onednn_report(err, code, MEZZO_WHY_NONE, ONEDNN_NO_OPERAND, "oneDNN failed to %s the product %s: %s", what,
                       plan->text, backend->dnnl.status2str(status));
}

static mezzo_status check(const onednn_matmul *plan, const mezzo_exec_args *args) {
  bool has_bias = plan->bias_operand != UINT32_MAX;
  if (args->in.count < 2 || args->out.count < 1 || (has_bias && args->in.count <= plan->bias_operand))
    return onednn_report(args->h.err, MEZZO_INVALID, MEZZO_WHY_SHAPE, ONEDNN_NO_OPERAND,
                         "too few tensors for the product %s: came %u and %u results", plan->text, args->in.count,
                         args->out.count);
  if ((tensor(&args->in, 1)->layout != 0) != (plan->packed_bytes != 0))
    return onednn_report(args->h.err, MEZZO_INVALID, MEZZO_WHY_LAYOUT, 1, "B of the product %s must be %s", plan->text,
                         plan->packed_bytes != 0 ? "packed by its plan first" : "passed as planned, not packed");
  return MEZZO_OK;
}

mezzo_status onednn_execute(void *self, mezzo_exec_args *args) {
  const onednn_backend *backend = self;
  const onednn_library *dnnl = &backend->dnnl;
  onednn_matmul *plan = args->plan;
  mezzo_status checked = check(plan, args);
  if (checked != MEZZO_OK) return checked;
  onednn_frame *frame = NULL;
  dnnl_status_t status = onednn_take_frame(backend, plan, &frame);
  if (status != dnnl_success) return fail(backend, plan, args->h.err, "prepare", status);
  status = dnnl->memory_set_data_handle(frame->a, address(tensor(&args->in, 0)));
  if (status == dnnl_success) status = dnnl->memory_set_data_handle(frame->b, address(tensor(&args->in, 1)));
  if (status == dnnl_success && frame->bias != NULL)
    status = dnnl->memory_set_data_handle(frame->bias, address(tensor(&args->in, plan->bias_operand)));
  if (status == dnnl_success) status = dnnl->memory_set_data_handle(frame->c, address(tensor(&args->out, 0)));
  if (status == dnnl_success) status = dnnl->memory_set_data_handle(frame->scratch, args->workspace);
  if (status == dnnl_success) {
    int previous = onednn_enter_threads(dnnl, plan->threads);
    status = dnnl->primitive_execute(plan->primitive, frame->stream, frame->n_arguments, frame->arguments);
    if (status == dnnl_success) status = dnnl->stream_wait(frame->stream);
    onednn_leave_threads(dnnl, previous);
  }
  onednn_return_frame(dnnl, plan, frame);
  if (status == dnnl_success && plan->relu_count > 0)
    onednn_relu(plan->c.data_type, address(tensor(&args->out, 0)), plan->relu_count);
  return status == dnnl_success ? MEZZO_OK : fail(backend, plan, args->h.err, "compute", status);
}

static dnnl_status_t reorder(const onednn_backend *backend, const onednn_matmul *plan, void *src, void *dst) {
  const onednn_library *dnnl = &backend->dnnl;
  dnnl_primitive_desc_t desc = NULL;
  dnnl_primitive_t primitive = NULL;
  dnnl_stream_t stream = NULL;
  dnnl_memory_t from = NULL, to = NULL;
  dnnl_status_t status =
      dnnl->reorder_primitive_desc_create(&desc, &plan->b_plain, backend->engine, &plan->b, backend->engine, NULL);
  if (status == dnnl_success) status = dnnl->primitive_create(&primitive, desc);
  if (status == dnnl_success) status = dnnl->stream_create(&stream, backend->engine, dnnl_stream_default_flags);
  if (status == dnnl_success) status = dnnl->memory_create(&from, &plan->b_plain, backend->engine, src);
  if (status == dnnl_success) status = dnnl->memory_create(&to, &plan->b, backend->engine, dst);
  if (status == dnnl_success) {
    const dnnl_exec_arg_t arguments[] = {{DNNL_ARG_FROM, from}, {DNNL_ARG_TO, to}};
    status = dnnl->primitive_execute(primitive, stream, 2, arguments);
  }
  if (status == dnnl_success) status = dnnl->stream_wait(stream);
  if (to != NULL) dnnl->memory_destroy(to);
  if (from != NULL) dnnl->memory_destroy(from);
  if (stream != NULL) dnnl->stream_destroy(stream);
  if (primitive != NULL) dnnl->primitive_destroy(primitive);
  if (desc != NULL) dnnl->primitive_desc_destroy(desc);
  return status;
}

mezzo_status onednn_pack(void *self, mezzo_pack_args *args) {
  const onednn_backend *backend = self;
  const onednn_matmul *plan = args->plan;
  if (args->operand != 1 || plan->packed_bytes == 0 || args->dst_bytes < plan->packed_bytes)
    return onednn_report(args->h.err, MEZZO_INVALID, MEZZO_WHY_LAYOUT, args->operand,
                         "the product %s packs operand 1 into %llu bytes, came operand %u and %llu bytes", plan->text,
                         (unsigned long long)plan->packed_bytes, args->operand, (unsigned long long)args->dst_bytes);
  /* The reorder leaves gaps between blocks alone; the contract wants every byte written. */
  memset(args->dst, 0, args->dst_bytes);
  int previous = onednn_enter_threads(&backend->dnnl, plan->threads);
  dnnl_status_t status = reorder(backend, plan, address(args->src), args->dst);
  onednn_leave_threads(&backend->dnnl, previous);
  return status == dnnl_success ? MEZZO_OK : fail(backend, plan, args->h.err, "pack B of", status);
}
#endif
