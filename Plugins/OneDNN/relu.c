#include "relu.h"

#if ONEDNN_HEADERS
#include <stdint.h>

static void relu_f32(float *values, size_t count) {
  for (size_t i = 0; i < count; i++) values[i] = values[i] > 0 || values[i] != values[i] ? values[i] : 0;
}

/* On the bits: negative, and no larger than infinity. Comparing integers spares the conversion. */
static void relu_bf16(uint16_t *values, size_t count) {
  for (size_t i = 0; i < count; i++) values[i] = values[i] >= 0x8000 && values[i] <= 0xff80 ? 0 : values[i];
}

void onednn_relu(dnnl_data_type_t type, void *values, size_t count) {
  if (type == dnnl_bf16) {
    relu_bf16(values, count);
  } else {
    relu_f32(values, count);
  }
}
#endif
