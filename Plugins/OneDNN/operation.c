/* The entry points of plans, and what products and convolutions share. */
#include "plan.h"

#if ONEDNN_HEADERS
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report.h"

mezzo_status onednn_plan(void *self, mezzo_plan_args *args) {
  args->plan = NULL;
  args->workspace = args->packed_bytes = args->pack_key[0] = args->pack_key[1] = 0;
  args->n_epilogue = args->packed_operand = 0;
  return args->op->op == MEZZO_OP_MATMUL ? onednn_plan_matmul(self, args) : onednn_plan_convolution(self, args);
}

mezzo_status onednn_pack(void *self, mezzo_pack_args *args) {
  const onednn_plan_base *plan = args->plan;
  return plan->is_convolution ? onednn_pack_convolution(self, args) : onednn_pack_matmul(self, args);
}

mezzo_status onednn_execute(void *self, mezzo_exec_args *args) {
  const onednn_plan_base *plan = args->plan;
  return plan->is_convolution ? onednn_execute_convolution(self, args) : onednn_execute_matmul(self, args);
}

mezzo_status onednn_release(void *self, mezzo_release_args *args) {
  const onednn_plan_base *plan = args->plan;
  if (plan == NULL) return MEZZO_OK;
  if (plan->is_convolution) onednn_release_convolution(self, args->plan);
  else onednn_release_matmul(self, args->plan);
  return MEZZO_OK;
}

mezzo_status onednn_status(dnnl_status_t status) {
  switch (status) {
    case dnnl_success: return MEZZO_OK;
    case dnnl_out_of_memory: return MEZZO_OOM;
    case dnnl_invalid_arguments:
    case dnnl_unimplemented: return MEZZO_UNSUPPORTED;
    default: return MEZZO_INTERNAL;
  }
}

mezzo_status onednn_check_types(const onednn_backend *backend, const mezzo_op *op, dnnl_data_type_t a, dnnl_data_type_t b,
                                dnnl_data_type_t c, mezzo_error *err) {
  if (op->want.accum.code == MEZZO_FLOAT && op->want.accum.bits > 32)
    return onednn_report(err, MEZZO_UNSUPPORTED, MEZZO_WHY_ACCUM, ONEDNN_NO_OPERAND,
                         "accumulates in float32, float%u is wanted", op->want.accum.bits);
  if (a != b || (a == dnnl_f32 && c != dnnl_f32))
    return onednn_report(err, MEZZO_UNSUPPORTED, MEZZO_WHY_DTYPE, ONEDNN_NO_OPERAND,
                         "the operands and the result are of other dtypes than any rule states");
  /* Below this, oneDNN either emulates bfloat16, slower than float32, or has only a reference. */
  const unsigned needed = dnnl_cpu_isa_avx512_core_bf16;
  if (a == dnnl_bf16 && ((unsigned)backend->dnnl.get_effective_cpu_isa() & needed) != needed)
    return onednn_report(err, MEZZO_UNSUPPORTED, MEZZO_WHY_CPU, ONEDNN_NO_OPERAND,
                         "bfloat16 products need a processor with AVX512_BF16");
  return MEZZO_OK;
}

bool onednn_is_reference(const onednn_library *dnnl, const_dnnl_primitive_desc_t desc, char name[ONEDNN_NAME_BYTES]) {
  const char *implementation = NULL;
  name[0] = 0;
  if (dnnl->primitive_desc_query(desc, dnnl_query_impl_info_str, 0, &implementation) != dnnl_success ||
      implementation == NULL || strncmp(implementation, "ref", 3) != 0)
    return false;
  (void)snprintf(name, ONEDNN_NAME_BYTES, "%s", implementation);
  return true;
}

/* FNV-1a; the descriptor's unused bytes are not defined. */
static uint64_t hash(uint64_t state, const void *bytes, size_t count) {
  const unsigned char *at = bytes;
  for (size_t i = 0; i < count; i++) state = (state ^ at[i]) * UINT64_C(0x100000001b3);
  return state;
}

static uint64_t layout_key(uint64_t state, const onednn_library *dnnl, const dnnl_memory_desc_t *desc) {
  const dnnl_blocking_desc_t *blocking = &desc->format_desc.blocking;
  const dnnl_version_t *version = dnnl->version();
  const int64_t scalars[] = {version->major,     version->minor, version->patch,    desc->ndims,
                             desc->data_type,    desc->offset0,  desc->format_kind, blocking->inner_nblks,
                             (int64_t)desc->extra.flags};
  size_t ndims = (size_t)desc->ndims, blocks = (size_t)blocking->inner_nblks;
  state = hash(state, scalars, sizeof scalars);
  state = hash(state, desc->dims, ndims * sizeof desc->dims[0]);
  state = hash(state, desc->padded_dims, ndims * sizeof desc->padded_dims[0]);
  state = hash(state, blocking->strides, ndims * sizeof blocking->strides[0]);
  state = hash(state, blocking->inner_blks, blocks * sizeof blocking->inner_blks[0]);
  return hash(state, blocking->inner_idxs, blocks * sizeof blocking->inner_idxs[0]);
}

void onednn_pack_key(const onednn_library *dnnl, const dnnl_memory_desc_t *packed, uint64_t key[2]) {
  key[0] = layout_key(UINT64_C(0xcbf29ce484222325), dnnl, packed);
  key[1] = layout_key(UINT64_C(0x9e3779b97f4a7c15), dnnl, packed);
}

mezzo_status onednn_pack_once(const onednn_backend *backend, const onednn_plan_base *plan, mezzo_pack_args *args,
                              const dnnl_memory_desc_t *from, const dnnl_memory_desc_t *to) {
  const onednn_library *dnnl = &backend->dnnl;
  uint64_t bytes = dnnl->memory_desc_get_size(to);
  if (args->operand != 1 || args->dst_bytes < bytes)
    return onednn_report(args->h.err, MEZZO_INVALID, MEZZO_WHY_LAYOUT, args->operand,
                         "%s packs operand 1 into %llu bytes, came operand %u and %llu bytes", plan->text,
                         (unsigned long long)bytes, args->operand, (unsigned long long)args->dst_bytes);
  /* The reorder leaves gaps between blocks alone; the contract wants every byte written. */
  memset(args->dst, 0, args->dst_bytes);
  int previous = onednn_enter_threads(dnnl, plan->threads);
  onednn_call reorder;
  memset(&reorder, 0, sizeof reorder);
  void *scratch = NULL;
  dnnl_status_t status = onednn_prepare_reorder(backend, &reorder, from, to);
  uint64_t scratch_bytes = onednn_scratch_bytes(dnnl, &reorder);
  if (status == dnnl_success && scratch_bytes > 0) {
    scratch = aligned_alloc(64, (scratch_bytes + 63) / 64 * 64);
    if (scratch == NULL) status = dnnl_out_of_memory;
  }
  if (status == dnnl_success)
    status = onednn_run(backend, &reorder, (void *const[]){onednn_address(args->src), args->dst, scratch});
  free(scratch);
  onednn_destroy_call(dnnl, &reorder);
  onednn_leave_threads(dnnl, previous);
  return status == dnnl_success ? MEZZO_OK : onednn_fail(backend, plan, args->h.err, "pack operand 1 of", status);
}

const mezzo_tensor *onednn_tensor(const mezzo_tensors *tensors, uint32_t index) {
  return (const mezzo_tensor *)((const char *)tensors->at + (size_t)index * tensors->stride);
}

void *onednn_address(const mezzo_tensor *tensor) { return (char *)tensor->data + tensor->byte_offset; }

mezzo_status onednn_fail(const onednn_backend *backend, const onednn_plan_base *plan, mezzo_error *err, const char *what,
                         dnnl_status_t status) {
  mezzo_status code = status == dnnl_out_of_memory ? MEZZO_OOM : MEZZO_INTERNAL;
  return onednn_report(err, code, MEZZO_WHY_NONE, ONEDNN_NO_OPERAND, "oneDNN failed to %s %s: %s", what, plan->text,
                       backend->dnnl.status2str(status));
}
#endif
