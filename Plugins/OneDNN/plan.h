#ifndef ONEDNN_PLAN_H
#define ONEDNN_PLAN_H
#include "backend.h"

#if ONEDNN_HEADERS
#include <stdatomic.h>
#include <stdbool.h>

enum { ONEDNN_SPARE_FRAMES = 8 };

/* The objects that one execution needs for itself. */
typedef struct onednn_frame {
  dnnl_stream_t stream;
  dnnl_memory_t a, b, bias, c, scratch;
  dnnl_exec_arg_t arguments[5];
  int n_arguments;
} onednn_frame;

typedef struct onednn_matmul {
  dnnl_primitive_t primitive;
  dnnl_memory_desc_t a, b, bias, c, scratch;
  dnnl_memory_desc_t b_plain; /* as the host holds it, before packing */
  uint64_t packed_bytes;      /* 0: b is used as the host holds it */
  uint32_t bias_operand;      /* UINT32_MAX: none */
  int threads;
  size_t relu_count; /* elements of c to pass through relu; 0: none */
  char text[128];
  /* Frames that nobody uses; whoever takes one leaves NULL. */
  _Atomic(onednn_frame *) spare[ONEDNN_SPARE_FRAMES];
} onednn_matmul;

dnnl_status_t onednn_take_frame(const onednn_backend *backend, onednn_matmul *plan, onednn_frame **frame);
void onednn_return_frame(const onednn_library *dnnl, onednn_matmul *plan, onednn_frame *frame);
void onednn_destroy_frame(const onednn_library *dnnl, onednn_frame *frame);
mezzo_status onednn_status(dnnl_status_t status);
#endif
#endif
