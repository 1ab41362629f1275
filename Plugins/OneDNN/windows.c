#include "windows.h"

#if ONEDNN_HEADERS
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "plan.h"
#include "problem.h"
#include "report.h"

enum { MAX_AXES = 3 };

static const mezzo_attr *attribute(const mezzo_op *op, const char *name, uint32_t kind, uint32_t count) {
  for (uint32_t i = 0; i < op->n_attrs; i++) {
    const mezzo_attr *attr = (const mezzo_attr *)(const void *)((const char *)op->attrs + (size_t)i * op->attr_stride);
    if (attr->name == NULL || strcmp(attr->name, name) != 0) continue;
    return attr->kind == kind && (kind != MEZZO_ATTR_INTS || (attr->count == count && attr->v.iv != NULL)) ? attr : NULL;
  }
  return NULL;
}

/* At most what oneDNN can multiply with an extent without an overflow. */
static bool read_axes(const mezzo_op *op, const char *name, int axes, int64_t least, int64_t less, dnnl_dims_t to) {
  const mezzo_attr *attr = attribute(op, name, MEZZO_ATTR_INTS, (uint32_t)axes);
  for (int i = 0; attr != NULL && i < axes; i++) {
    if (attr->v.iv[i] < least || attr->v.iv[i] > INT32_MAX) return false;
    to[i] = attr->v.iv[i] - less;
  }
  return attr != NULL;
}

static mezzo_status read_attributes(const mezzo_op *op, onednn_windows *w, mezzo_error *err) {
  const mezzo_attr *groups = attribute(op, "groups", MEZZO_ATTR_INT, 0);
  if (op->n_attrs != 5 || groups == NULL || groups->v.i < 1 || !read_axes(op, "strides", w->axes, 1, 0, w->strides) ||
      !read_axes(op, "low", w->axes, 0, 0, w->low) || !read_axes(op, "high", w->axes, 0, 0, w->high) ||
      !read_axes(op, "dilations", w->axes, 1, 1, w->dilations))
    return onednn_report(err, MEZZO_UNSUPPORTED, MEZZO_WHY_ATTR, ONEDNN_NO_OPERAND,
                         "takes strides, low, high and dilations for %d axes, groups, and no other attribute", w->axes);
  w->groups = groups->v.i;
  return MEZZO_OK;
}

/* [n, i..., c] as the host holds it: {n, c, i...}. */
static dnnl_status_t describe_tensor(const onednn_library *dnnl, const mezzo_operand *operand, dnnl_data_type_t type,
                                     dnnl_memory_desc_t *desc) {
  dnnl_dims_t dims, strides;
  int last = operand->ndim - 1;
  int64_t stride = 1;
  dims[1] = operand->shape[last];
  strides[1] = 1;
  stride *= dims[1];
  for (int i = last - 1; i >= 1; i--) {
    dims[i + 1] = operand->shape[i];
    strides[i + 1] = stride;
    stride *= dims[i + 1];
  }
  dims[0] = operand->shape[0];
  strides[0] = stride;
  return dnnl->memory_desc_init_by_strides(desc, operand->ndim, dims, type, strides);
}

/* [k..., c/groups, f] as the host holds it: {f, c, k...}, or {groups, f/groups, c/groups, k...}. */
static dnnl_status_t describe_kernel(const onednn_library *dnnl, const mezzo_operand *operand, int64_t groups,
                                     dnnl_data_type_t type, dnnl_memory_desc_t *desc) {
  dnnl_dims_t dims, strides;
  int last = operand->ndim - 1, at = 0;
  int64_t filters = operand->shape[last], channels = operand->shape[last - 1];
  if (groups > 1) {
    dims[at] = groups;
    strides[at++] = filters / groups;
  }
  dims[at] = filters / groups;
  strides[at++] = 1;
  dims[at] = channels;
  strides[at++] = filters;
  int64_t stride = filters * channels;
  for (int i = last - 2; i >= 0; i--) {
    dims[at + i] = operand->shape[i];
    strides[at + i] = stride;
    stride *= operand->shape[i];
  }
  return dnnl->memory_desc_init_by_strides(desc, at + last - 1, dims, type, strides);
}

mezzo_status onednn_read_windows(const onednn_backend *backend, const mezzo_op *op, onednn_windows *w, mezzo_error *err) {
  bool by_input = op->op == MEZZO_OP_CONVOLUTION_INPUT_GRADIENT, by_kernel = op->op == MEZZO_OP_CONVOLUTION_KERNEL_GRADIENT;
  if ((!by_input && !by_kernel && op->op != MEZZO_OP_CONVOLUTION) || op->n_in < 2 || op->n_out != 1)
    return onednn_report(err, MEZZO_UNSUPPORTED, MEZZO_WHY_OP, ONEDNN_NO_OPERAND,
                         "takes products and convolutions, came operation %u with %u operands and %u results", op->op,
                         op->n_in, op->n_out);
  const uint32_t indices[3] = {0, 1, op->n_in};
  dnnl_data_type_t types[3];
  int ndim = onednn_operand(op, 0)->ndim;
  if (ndim < 3 || ndim > MAX_AXES + 2)
    return onednn_report(err, MEZZO_UNSUPPORTED, MEZZO_WHY_SHAPE, 0, "takes windows over 1 to %d axes, came rank %d",
                         MAX_AXES, ndim);
  for (int i = 0; i < 3; i++) {
    const mezzo_operand *operand = onednn_operand(op, indices[i]);
    bool is_dense = operand->ndim == ndim && operand->layout == MEZZO_LAYOUT_STRIDED;
    int64_t stride = 1;
    for (int axis = ndim - 1; axis >= 0 && is_dense; axis--) {
      is_dense = operand->shape[axis] >= 1 && (operand->shape[axis] == 1 || operand->strides[axis] == stride) &&
                 !__builtin_mul_overflow(stride, operand->shape[axis], &stride);
    }
    if (!is_dense)
      return onednn_report(err, MEZZO_UNSUPPORTED, MEZZO_WHY_LAYOUT, indices[i],
                           "takes operands of rank %d in row-major order that are not empty", ndim);
    if (operand->quant != NULL || !onednn_data_type(operand->dtype, &types[i]))
      return onednn_report(err, MEZZO_UNSUPPORTED, MEZZO_WHY_DTYPE, indices[i],
                           "takes float32 and bfloat16 that are not quantized");
  }
  mezzo_status status = onednn_check_types(backend, op, types[0], types[1], types[2], err);
  if (status != MEZZO_OK) return status;
  w->axes = ndim - 2;
  status = read_attributes(op, w, err);
  if (status != MEZZO_OK) return status;
  int x = by_input ? 2 : 0, kernel = by_kernel ? 2 : 1, y = by_input ? 0 : by_kernel ? 1 : 2;
  const mezzo_operand *ox = onednn_operand(op, indices[x]), *ok = onednn_operand(op, indices[kernel]),
                      *oy = onednn_operand(op, indices[y]);
  int64_t channels = ox->shape[ndim - 1], filters = oy->shape[ndim - 1];
  (void)snprintf(w->text, sizeof w->text, "convolution of %lld channels to %lld filters in %lld groups over %d axes",
                 (long long)channels, (long long)filters, (long long)w->groups, w->axes);
  if (channels % w->groups != 0 || filters % w->groups != 0 || ok->shape[ndim - 2] != channels / w->groups ||
      ok->shape[ndim - 1] != filters || ox->shape[0] != oy->shape[0])
    return onednn_report(err, MEZZO_INVALID, MEZZO_WHY_SHAPE, 1, "the operands' extents do not fit a %s", w->text);
  /* The instruction sums pairs: of an odd number, the last element comes with its neighbour times 0, which makes NaN of an
   * infinity. */
  int64_t summed = by_kernel ? oy->shape[ndim - 2] : (by_input ? filters : channels) / w->groups;
  if (types[0] == dnnl_bf16 && summed % 2 != 0)
    return onednn_report(err, MEZZO_UNSUPPORTED, MEZZO_WHY_LIMIT, 0, "takes sums over pairs of bfloat16, came %lld in a %s",
                         (long long)summed, w->text);
  w->kernel_is_constant = !by_kernel && (ok->flags & MEZZO_T_CONST) != 0;
  const onednn_library *dnnl = &backend->dnnl;
  dnnl_status_t described = describe_tensor(dnnl, ox, types[x], &w->x);
  if (described == dnnl_success) described = describe_tensor(dnnl, oy, types[y], &w->y);
  if (described == dnnl_success) described = describe_kernel(dnnl, ok, w->groups, types[kernel], &w->kernel);
  if (described != dnnl_success)
    return onednn_report(err, onednn_status(described), MEZZO_WHY_SHAPE, ONEDNN_NO_OPERAND, "oneDNN has no tensors for a %s: %s",
                         w->text, dnnl->status2str(described));
  return MEZZO_OK;
}
#endif
