/* A convolution, or the gradient of one, as oneDNN is asked for it. */
#ifndef ONEDNN_WINDOWS_H
#define ONEDNN_WINDOWS_H
#include "backend.h"

#if ONEDNN_HEADERS
#include <stdbool.h>

/* In oneDNN's terms: dilations count what lies between, and channels come before the places. */
typedef struct onednn_windows {
  int axes;
  dnnl_dims_t strides, low, high, dilations;
  int64_t groups;
  dnnl_memory_desc_t x, kernel, y;
  bool kernel_is_constant;
  char text[128];
} onednn_windows;

/* Reads the operands and attributes of op; declines what the library cannot take. */
mezzo_status onednn_read_windows(const onednn_backend *backend, const mezzo_op *op, onednn_windows *w, mezzo_error *err);
#endif
#endif
