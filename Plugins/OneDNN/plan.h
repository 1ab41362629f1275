#ifndef ONEDNN_PLAN_H
#define ONEDNN_PLAN_H
#include "call.h"

#if ONEDNN_HEADERS
#include <stdbool.h>

/* What a plan begins with; operation.c calls what belongs to it. */
typedef struct onednn_plan_base {
  bool is_convolution;
  int threads;
  char text[128]; /* for messages */
} onednn_plan_base;

mezzo_status onednn_plan_matmul(const onednn_backend *backend, mezzo_plan_args *args);
mezzo_status onednn_pack_matmul(const onednn_backend *backend, mezzo_pack_args *args);
mezzo_status onednn_execute_matmul(const onednn_backend *backend, mezzo_exec_args *args);
void onednn_release_matmul(const onednn_backend *backend, void *plan);

mezzo_status onednn_plan_convolution(const onednn_backend *backend, mezzo_plan_args *args);
mezzo_status onednn_pack_convolution(const onednn_backend *backend, mezzo_pack_args *args);
mezzo_status onednn_execute_convolution(const onednn_backend *backend, mezzo_exec_args *args);
void onednn_release_convolution(const onednn_backend *backend, void *plan);

mezzo_status onednn_status(dnnl_status_t status);

/* Whether products of these operands with this result can be asked of the processor. */
mezzo_status onednn_check_types(const onednn_backend *backend, const mezzo_op *op, dnnl_data_type_t a, dnnl_data_type_t b,
                                dnnl_data_type_t c, mezzo_error *err);

enum { ONEDNN_NAME_BYTES = 64 };
/* Whether the implementation that was chosen is a reference, whose name is then written. */
bool onednn_is_reference(const onednn_library *dnnl, const_dnnl_primitive_desc_t desc, char name[ONEDNN_NAME_BYTES]);

/* Names the packed form, over all backends: by what decides where each byte of it goes. */
void onednn_pack_key(const onednn_library *dnnl, const dnnl_memory_desc_t *packed, uint64_t key[2]);

/* Runs a reorder once. */
mezzo_status onednn_pack_once(const onednn_backend *backend, const onednn_plan_base *plan, mezzo_pack_args *args,
                              const dnnl_memory_desc_t *from, const dnnl_memory_desc_t *to);

const mezzo_tensor *onednn_tensor(const mezzo_tensors *tensors, uint32_t index);
void *onednn_address(const mezzo_tensor *tensor);
mezzo_status onednn_fail(const onednn_backend *backend, const onednn_plan_base *plan, mezzo_error *err, const char *what,
                         dnnl_status_t status);
#endif
#endif
