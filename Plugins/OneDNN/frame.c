#include "plan.h"

#if ONEDNN_HEADERS
#include <stdlib.h>

static dnnl_status_t add(const onednn_backend *backend, onednn_frame *frame, int argument,
                         const dnnl_memory_desc_t *desc, dnnl_memory_t *memory) {
  dnnl_status_t status = backend->dnnl.memory_create(memory, desc, backend->engine, DNNL_MEMORY_NONE);
  if (status == dnnl_success) frame->arguments[frame->n_arguments++] = (dnnl_exec_arg_t){argument, *memory};
  return status;
}

static dnnl_status_t make_frame(const onednn_backend *backend, const onednn_matmul *plan, onednn_frame **out) {
  onednn_frame *frame = calloc(1, sizeof *frame);
  if (frame == NULL) return dnnl_out_of_memory;
  dnnl_status_t status = backend->dnnl.stream_create(&frame->stream, backend->engine, dnnl_stream_default_flags);
  if (status == dnnl_success) status = add(backend, frame, DNNL_ARG_SRC, &plan->a, &frame->a);
  if (status == dnnl_success) status = add(backend, frame, DNNL_ARG_WEIGHTS, &plan->b, &frame->b);
  if (status == dnnl_success) status = add(backend, frame, DNNL_ARG_DST, &plan->c, &frame->c);
  if (status == dnnl_success) status = add(backend, frame, DNNL_ARG_SCRATCHPAD, &plan->scratch, &frame->scratch);
  if (status == dnnl_success && plan->bias_operand != UINT32_MAX)
    status = add(backend, frame, DNNL_ARG_BIAS, &plan->bias, &frame->bias);
  if (status != dnnl_success) {
    onednn_destroy_frame(&backend->dnnl, frame);
    return status;
  }
  *out = frame;
  return dnnl_success;
}

dnnl_status_t onednn_take_frame(const onednn_backend *backend, onednn_matmul *plan, onednn_frame **frame) {
  for (int i = 0; i < ONEDNN_SPARE_FRAMES; i++) {
    /* A plain load first: writing to an empty slot would take its cache line from the thread that returns to it. */
    if (atomic_load_explicit(&plan->spare[i], memory_order_relaxed) == NULL) continue;
    *frame = atomic_exchange_explicit(&plan->spare[i], NULL, memory_order_acquire);
    if (*frame != NULL) return dnnl_success;
  }
  return make_frame(backend, plan, frame);
}

void onednn_return_frame(const onednn_library *dnnl, onednn_matmul *plan, onednn_frame *frame) {
  for (int i = 0; i < ONEDNN_SPARE_FRAMES; i++) {
    onednn_frame *empty = NULL;
    if (atomic_compare_exchange_strong_explicit(&plan->spare[i], &empty, frame, memory_order_release,
                                                memory_order_relaxed))
      return;
  }
  onednn_destroy_frame(dnnl, frame);
}

void onednn_destroy_frame(const onednn_library *dnnl, onednn_frame *frame) {
  for (int i = 0; i < frame->n_arguments; i++) dnnl->memory_destroy(frame->arguments[i].memory);
  if (frame->stream != NULL) dnnl->stream_destroy(frame->stream);
  free(frame);
}
#endif
