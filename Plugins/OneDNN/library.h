/* libdnnl, opened at run time: no build and no start of Mezzo depends on it. */
#ifndef ONEDNN_LIBRARY_H
#define ONEDNN_LIBRARY_H
#include "entry.h"

#if ONEDNN_HEADERS
#include <oneapi/dnnl/dnnl.h>
#include <oneapi/dnnl/dnnl_debug.h>

#define ONEDNN_FUNCTIONS(X)           \
  X(version)                          \
  X(status2str)                       \
  X(get_effective_cpu_isa)            \
  X(engine_create)                    \
  X(engine_destroy)                   \
  X(stream_create)                    \
  X(stream_wait)                      \
  X(stream_destroy)                   \
  X(memory_desc_init_by_strides)      \
  X(memory_desc_init_by_tag)          \
  X(memory_desc_equal)                \
  X(memory_desc_get_size)             \
  X(memory_create)                    \
  X(memory_set_data_handle)           \
  X(memory_destroy)                   \
  X(matmul_desc_init)                 \
  X(dilated_convolution_forward_desc_init) \
  X(dilated_convolution_backward_data_desc_init) \
  X(dilated_convolution_backward_weights_desc_init) \
  X(reorder_primitive_desc_create)    \
  X(primitive_attr_create)            \
  X(primitive_attr_destroy)           \
  X(primitive_attr_set_scratchpad_mode) \
  X(primitive_attr_set_fpmath_mode)   \
  X(primitive_attr_set_post_ops)      \
  X(post_ops_create)                  \
  X(post_ops_destroy)                 \
  X(post_ops_append_eltwise)          \
  X(primitive_desc_create)            \
  X(primitive_desc_destroy)           \
  X(primitive_desc_query)             \
  X(primitive_desc_query_md)          \
  X(primitive_create)                 \
  X(primitive_execute)                \
  X(primitive_destroy)

#define ONEDNN_FIELD(name) __typeof__(&dnnl_##name) name;
typedef struct onednn_library {
  ONEDNN_FUNCTIONS(ONEDNN_FIELD)
  /* NULL where libdnnl was built for another thread runtime than OpenMP. */
  int (*omp_get_max_threads)(void);
  void (*omp_set_num_threads)(int);
} onednn_library;
#undef ONEDNN_FIELD

/* Opens path, or the platform's own name of libdnnl if NULL. Declines with a message that says what is missing. */
mezzo_status onednn_load(onednn_library *library, const char *path, mezzo_error *err);

#endif
#endif
