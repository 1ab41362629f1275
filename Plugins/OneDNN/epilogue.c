#include "problem.h"

#if ONEDNN_HEADERS
typedef struct eltwise {
  dnnl_alg_kind_t kind;
  float alpha;
} eltwise;

static bool translate(const mezzo_epilogue *step, eltwise *out) {
  out->alpha = 0;
  switch (step->kind) {
    case MEZZO_EPI_GELU_ERF: out->kind = dnnl_eltwise_gelu_erf; return true;
    case MEZZO_EPI_GELU_TANH: out->kind = dnnl_eltwise_gelu_tanh; return true;
    case MEZZO_EPI_SIGMOID: out->kind = dnnl_eltwise_logistic; return true;
    case MEZZO_EPI_TANH: out->kind = dnnl_eltwise_tanh; return true;
    case MEZZO_EPI_SILU:
      out->kind = dnnl_eltwise_swish;
      out->alpha = 1;
      return true;
    case MEZZO_EPI_SCALE:
      out->kind = dnnl_eltwise_linear;
      out->alpha = (float)step->a;
      return true;
    default: return false;
  }
}

static bool is_dense_bias(const mezzo_op *op, uint32_t index, int64_t n) {
  if (index >= op->n_in) return false;
  const mezzo_operand *bias = onednn_operand(op, index);
  dnnl_data_type_t type;
  return bias->ndim == 1 && bias->shape[0] == n && (n == 1 || bias->strides[0] == 1) && bias->quant == NULL && bias->layout == 0 &&
         onednn_data_type(bias->dtype, &type);
}

uint32_t onednn_expressible_steps(const mezzo_op *op, int64_t n) {
  uint32_t steps = 0;
  eltwise unused;
  for (; steps < op->n_epilogue; steps++) {
    const mezzo_epilogue *step = onednn_step(op, steps);
    bool is_leading_bias = steps == 0 && step->kind == MEZZO_EPI_BIAS && is_dense_bias(op, step->operand, n);
    if (!is_leading_bias && !translate(step, &unused)) break;
  }
  if (steps < op->n_epilogue && onednn_step(op, steps)->kind == MEZZO_EPI_RELU) steps++;
  return steps;
}

bool onednn_ends_in_relu(const mezzo_op *op, uint32_t steps) {
  return steps > 0 && onednn_step(op, steps - 1)->kind == MEZZO_EPI_RELU;
}

const mezzo_operand *onednn_bias(const mezzo_op *op, uint32_t steps) {
  if (steps == 0 || onednn_step(op, 0)->kind != MEZZO_EPI_BIAS) return NULL;
  return onednn_operand(op, onednn_step(op, 0)->operand);
}

dnnl_status_t onednn_make_attributes(const onednn_library *dnnl, const mezzo_op *op, uint32_t steps,
                                     dnnl_primitive_attr_t *attributes) {
  dnnl_post_ops_t chain = NULL;
  *attributes = NULL;
  dnnl_status_t status = dnnl->primitive_attr_create(attributes);
  if (status == dnnl_success) status = dnnl->primitive_attr_set_scratchpad_mode(*attributes, dnnl_scratchpad_mode_user);
  /* An environment variable could otherwise make float32 products run in bfloat16. */
  if (status == dnnl_success) status = dnnl->primitive_attr_set_fpmath_mode(*attributes, dnnl_fpmath_mode_strict);
  if (status == dnnl_success) status = dnnl->post_ops_create(&chain);
  for (uint32_t i = 0; i < steps && status == dnnl_success; i++) {
    eltwise step;
    if (translate(onednn_step(op, i), &step))
      status = dnnl->post_ops_append_eltwise(chain, 1, step.kind, step.alpha, 0);
  }
  if (status == dnnl_success) status = dnnl->primitive_attr_set_post_ops(*attributes, chain);
  if (chain != NULL) dnnl->post_ops_destroy(chain);
  if (status != dnnl_success && *attributes != NULL) {
    dnnl->primitive_attr_destroy(*attributes);
    *attributes = NULL;
  }
  return status;
}
#endif
