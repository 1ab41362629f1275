/* A primitive and the tensors that it takes, made once and run by many threads. */
#ifndef ONEDNN_CALL_H
#define ONEDNN_CALL_H
#include "backend.h"

#if ONEDNN_HEADERS
#include <stdatomic.h>

enum { ONEDNN_SPARE_FRAMES = 8, ONEDNN_MAX_ARGUMENTS = 6 };

/* The objects that one execution needs for itself. */
typedef struct onednn_frame {
  dnnl_stream_t stream;
  dnnl_exec_arg_t arguments[ONEDNN_MAX_ARGUMENTS];
  int n_arguments;
} onednn_frame;

typedef struct onednn_call {
  dnnl_primitive_t primitive; /* NULL: nothing to run */
  int n_arguments;
  int argument[ONEDNN_MAX_ARGUMENTS]; /* DNNL_ARG_* */
  dnnl_memory_desc_t desc[ONEDNN_MAX_ARGUMENTS];
  /* Frames that nobody uses; whoever takes one leaves NULL. */
  _Atomic(onednn_frame *) spare[ONEDNN_SPARE_FRAMES];
} onednn_call;

void onednn_add_argument(onednn_call *call, int argument, const dnnl_memory_desc_t *desc);

/* Creates the primitive and what its first execution needs. */
dnnl_status_t onednn_prepare(const onednn_backend *backend, onednn_call *call, const_dnnl_primitive_desc_t desc);

/* data: of each argument, in the order in which they were added. */
dnnl_status_t onednn_run(const onednn_backend *backend, onednn_call *call, void *const *data);

/* A call that takes tensors from one layout to the other: source, result, scratchpad. */
dnnl_status_t onednn_prepare_reorder(const onednn_backend *backend, onednn_call *call, const dnnl_memory_desc_t *from,
                                     const dnnl_memory_desc_t *to);

void onednn_destroy_call(const onednn_library *dnnl, onednn_call *call);

/* Bytes of the scratchpad, which is the last argument. */
uint64_t onednn_scratch_bytes(const onednn_library *dnnl, const onednn_call *call);
#endif
#endif
