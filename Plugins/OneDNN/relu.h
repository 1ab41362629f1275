#ifndef ONEDNN_RELU_H
#define ONEDNN_RELU_H
#include "library.h"

#if ONEDNN_HEADERS
#include <stddef.h>

/* max(x, 0) in place, and NaN stays NaN. oneDNN's own relu turns NaN into 0, which would hide an overflow from a loss
 * scale. Rounding cannot change the sign, so doing it behind the rounding gives the same bits as before it. */
void onednn_relu(dnnl_data_type_t type, void *values, size_t count);
#endif
#endif
