#include "call.h"

#if ONEDNN_HEADERS
#include <stdlib.h>

void onednn_add_argument(onednn_call *call, int argument, const dnnl_memory_desc_t *desc) {
  call->argument[call->n_arguments] = argument;
  call->desc[call->n_arguments++] = *desc;
}

static void destroy_frame(const onednn_library *dnnl, onednn_frame *frame) {
  for (int i = 0; i < frame->n_arguments; i++) dnnl->memory_destroy(frame->arguments[i].memory);
  if (frame->stream != NULL) dnnl->stream_destroy(frame->stream);
  free(frame);
}

static dnnl_status_t make_frame(const onednn_backend *backend, const onednn_call *call, onednn_frame **out) {
  onednn_frame *frame = calloc(1, sizeof *frame);
  if (frame == NULL) return dnnl_out_of_memory;
  dnnl_status_t status = backend->dnnl.stream_create(&frame->stream, backend->engine, dnnl_stream_default_flags);
  for (int i = 0; i < call->n_arguments && status == dnnl_success; i++) {
    dnnl_memory_t memory;
    status = backend->dnnl.memory_create(&memory, &call->desc[i], backend->engine, DNNL_MEMORY_NONE);
    if (status == dnnl_success) frame->arguments[frame->n_arguments++] = (dnnl_exec_arg_t){call->argument[i], memory};
  }
  if (status != dnnl_success) {
    destroy_frame(&backend->dnnl, frame);
    return status;
  }
  *out = frame;
  return dnnl_success;
}

static dnnl_status_t take_frame(const onednn_backend *backend, onednn_call *call, onednn_frame **frame) {
  for (int i = 0; i < ONEDNN_SPARE_FRAMES; i++) {
    /* A plain load first: writing to an empty slot would take its cache line from the thread that returns to it. */
    if (atomic_load_explicit(&call->spare[i], memory_order_relaxed) == NULL) continue;
    *frame = atomic_exchange_explicit(&call->spare[i], NULL, memory_order_acquire);
    if (*frame != NULL) return dnnl_success;
  }
  return make_frame(backend, call, frame);
}

static void return_frame(const onednn_library *dnnl, onednn_call *call, onednn_frame *frame) {
  for (int i = 0; i < ONEDNN_SPARE_FRAMES; i++) {
    onednn_frame *empty = NULL;
    if (atomic_compare_exchange_strong_explicit(&call->spare[i], &empty, frame, memory_order_release,
                                                memory_order_relaxed))
      return;
  }
  destroy_frame(dnnl, frame);
}

dnnl_status_t onednn_prepare(const onednn_backend *backend, onednn_call *call, const_dnnl_primitive_desc_t desc) {
  dnnl_status_t status = backend->dnnl.primitive_create(&call->primitive, desc);
  if (status != dnnl_success) return status;
  onednn_frame *first = NULL;
  status = make_frame(backend, call, &first);
  if (status == dnnl_success) return_frame(&backend->dnnl, call, first);
  return status;
}

dnnl_status_t onednn_run(const onednn_backend *backend, onednn_call *call, void *const *data) {
  const onednn_library *dnnl = &backend->dnnl;
  onednn_frame *frame = NULL;
  dnnl_status_t status = take_frame(backend, call, &frame);
  if (status != dnnl_success) return status;
  for (int i = 0; i < frame->n_arguments && status == dnnl_success; i++)
    status = dnnl->memory_set_data_handle(frame->arguments[i].memory, data[i]);
  if (status == dnnl_success)
    status = dnnl->primitive_execute(call->primitive, frame->stream, frame->n_arguments, frame->arguments);
  if (status == dnnl_success) status = dnnl->stream_wait(frame->stream);
  return_frame(dnnl, call, frame);
  return status;
}

dnnl_status_t onednn_prepare_reorder(const onednn_backend *backend, onednn_call *call, const dnnl_memory_desc_t *from,
                                     const dnnl_memory_desc_t *to) {
  const onednn_library *dnnl = &backend->dnnl;
  dnnl_primitive_attr_t attributes = NULL;
  dnnl_primitive_desc_t desc = NULL;
  dnnl_status_t status = dnnl->primitive_attr_create(&attributes);
  if (status == dnnl_success) status = dnnl->primitive_attr_set_scratchpad_mode(attributes, dnnl_scratchpad_mode_user);
  if (status == dnnl_success)
    status = dnnl->reorder_primitive_desc_create(&desc, from, backend->engine, to, backend->engine, attributes);
  if (attributes != NULL) dnnl->primitive_attr_destroy(attributes);
  if (status != dnnl_success) return status;
  const dnnl_memory_desc_t *scratch = dnnl->primitive_desc_query_md(desc, dnnl_query_scratchpad_md, 0);
  if (scratch == NULL) status = dnnl_runtime_error;
  if (status == dnnl_success) {
    onednn_add_argument(call, DNNL_ARG_FROM, from);
    onednn_add_argument(call, DNNL_ARG_TO, to);
    onednn_add_argument(call, DNNL_ARG_SCRATCHPAD, scratch);
    status = onednn_prepare(backend, call, desc);
  }
  dnnl->primitive_desc_destroy(desc);
  return status;
}

void onednn_destroy_call(const onednn_library *dnnl, onednn_call *call) {
  for (int i = 0; i < ONEDNN_SPARE_FRAMES; i++) {
    onednn_frame *frame = atomic_load_explicit(&call->spare[i], memory_order_acquire);
    if (frame != NULL) destroy_frame(dnnl, frame);
  }
  if (call->primitive != NULL) dnnl->primitive_destroy(call->primitive);
}

uint64_t onednn_scratch_bytes(const onednn_library *dnnl, const onednn_call *call) {
  return call->n_arguments == 0 ? 0 : dnnl->memory_desc_get_size(&call->desc[call->n_arguments - 1]);
}
#endif
