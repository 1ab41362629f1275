#include "check.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

mezzo_status mz_refuse(mezzo_error *err, mezzo_status status, uint32_t why, uint32_t operand, const char *format, ...) {
  if (err == NULL) return status;
  err->code = status;
  err->why = why;
  err->operand = operand;
  err->msg_len = 0;
  if (err->msg == NULL || err->msg_cap == 0) return status;
  va_list arguments;
  va_start(arguments, format);
  int length = vsnprintf(err->msg, err->msg_cap, format, arguments);
  va_end(arguments);
  if (length > 0) err->msg_len = (uint32_t)length < err->msg_cap ? (uint32_t)length : err->msg_cap - 1;
  return status;
}

/* "[2, 3]", cut off if it is longer than the buffer. */
static void print_shape(char *text, size_t capacity, int rank, const int64_t *shape) {
  size_t used = (size_t)snprintf(text, capacity, "[");
  for (int i = 0; i < rank && used < capacity; i++)
    used += (size_t)snprintf(text + used, capacity - used, i == 0 ? "%lld" : ", %lld", (long long)shape[i]);
  if (used < capacity) snprintf(text + used, capacity - used, "]");
}

static mezzo_status read_operand(mz_request *r, uint32_t index) {
  const mezzo_op *op = r->op;
  mezzo_operand given;
  memset(&given, 0, sizeof given);
  size_t known = op->operand_stride < sizeof given ? op->operand_stride : sizeof given;
  memcpy(&given, (const char *)op->operands + (size_t)index * op->operand_stride, known);

  mz_operand *o = &r->plan->operand[index];
  o->dtype = mz_dtype_of(given.dtype);
  if (o->dtype == MZ_DTYPES)
    return mz_refuse(r->err, MEZZO_UNSUPPORTED, MEZZO_WHY_DTYPE, index,
                     "operand %u has a dtype (code %u, %u bits, %u lanes) that the built-in backend does not know", index,
                     given.dtype.code, given.dtype.bits, given.dtype.lanes);
  if (given.quant != NULL || given.layout != 0)
    return mz_refuse(r->err, MEZZO_UNSUPPORTED, MEZZO_WHY_LAYOUT, index,
                     "operand %u is quantized or packed; expected a plain strided tensor", index);
  if (given.ndim < 0 || (given.ndim > 0 && (given.shape == NULL || given.strides == NULL)))
    return mz_refuse(r->err, MEZZO_INVALID, MEZZO_WHY_SHAPE, index, "operand %u has no shape, no strides or rank %d", index,
                     given.ndim);
  if (given.ndim > MZ_MAX_RANK)
    return mz_refuse(r->err, MEZZO_UNSUPPORTED, MEZZO_WHY_SHAPE, index, "operand %u has rank %d; expected at most %d", index,
                     given.ndim, MZ_MAX_RANK);
  o->rank = given.ndim;
  o->size = mz_dtype_size(o->dtype);
  o->count = 1;
  bool is_result = index >= op->n_in;
  /* Bytes of a dense operand of the widest dtype, if no axis were empty: what rows along any axis come to is no more. */
  int64_t reach = 0, places = 16;
  for (int axis = 0; axis < o->rank; axis++) {
    int64_t extent = given.shape[axis], span;
    if (extent < 0)
      return mz_refuse(r->err, MEZZO_INVALID, MEZZO_WHY_SHAPE, index, "operand %u has extent %lld at axis %d; expected 0 or more",
                       index, (long long)extent, axis);
    bool too_large = __builtin_mul_overflow(given.strides[axis], o->size, &o->stride[axis]) ||
                     __builtin_mul_overflow(o->stride[axis], extent, &span) ||
                     __builtin_add_overflow(reach, span < 0 ? (span == INT64_MIN ? INT64_MAX : -span) : span, &reach) ||
                     __builtin_mul_overflow(places, extent > 0 ? extent : 1, &places);
    if (too_large)
      return mz_refuse(r->err, MEZZO_INVALID, MEZZO_WHY_SHAPE, index,
                       "operand %u reaches further than 2^63 bytes or elements at axis %d (extent %lld, stride %lld)", index, axis,
                       (long long)extent, (long long)given.strides[axis]);
    if (is_result && extent > 1 && given.strides[axis] == 0)
      return mz_refuse(r->err, MEZZO_INVALID, MEZZO_WHY_LAYOUT, index,
                       "result %u is broadcast at axis %d (extent %lld, stride 0); a result needs memory of its own",
                       index - op->n_in, axis, (long long)extent);
    o->shape[axis] = extent;
    o->count *= extent;
  }
  return MEZZO_OK;
}

mezzo_status mz_read_operands(mz_request *r) {
  const mezzo_op *op = r->op;
  /* 64-bit sum: both counts come from outside. */
  uint64_t count = (uint64_t)op->n_in + op->n_out;
  if (count > MZ_MAX_OPERANDS)
    return mz_refuse(r->err, MEZZO_UNSUPPORTED, MEZZO_WHY_LIMIT, MZ_NO_OPERAND, "%llu operands; expected at most %d",
                     (unsigned long long)count, MZ_MAX_OPERANDS);
  if (op->operands == NULL || op->operand_stride < offsetof(mezzo_operand, quant))
    return mz_refuse(r->err, MEZZO_INVALID, MEZZO_WHY_NONE, MZ_NO_OPERAND, "the operation holds no readable operands");
  r->plan->n_in = (int)op->n_in;
  r->plan->n_out = (int)op->n_out;
  for (uint32_t i = 0; i < count; i++) MZ_TRY(read_operand(r, i));
  return MEZZO_OK;
}

mezzo_status mz_expect_arity(mz_request *r, int n_in, int n_out) {
  bool may_follow = r->op->n_epilogue > 0;
  if (r->plan->n_out == n_out && (r->plan->n_in == n_in || (may_follow && r->plan->n_in > n_in))) {
    r->plan->n_needed = n_in;
    return MEZZO_OK;
  }
  return mz_refuse(r->err, MEZZO_INVALID, MEZZO_WHY_SHAPE, MZ_NO_OPERAND, "expected %d inputs and %d results, got %d and %d", n_in,
                   n_out, r->plan->n_in, r->plan->n_out);
}

mezzo_status mz_expect_dtype(mz_request *r, int operand, uint32_t set) {
  mz_dtype got = r->plan->operand[operand].dtype;
  if (set & MZ_SET(got)) return MEZZO_OK;
  char names[128];
  size_t used = 0;
  for (int i = 0; i < MZ_DTYPES; i++) {
    if (!(set & MZ_SET(i)) || used >= sizeof names) continue;
    used += (size_t)snprintf(names + used, sizeof names - used, used == 0 ? "%s" : ", %s", mz_dtype_name((mz_dtype)i));
  }
  return mz_refuse(r->err, MEZZO_UNSUPPORTED, MEZZO_WHY_DTYPE, (uint32_t)operand, "operand %d is %s; expected one of %s", operand,
                   mz_dtype_name(got), names);
}

mezzo_status mz_expect_rank(mz_request *r, int operand, int rank) {
  int got = r->plan->operand[operand].rank;
  if (got == rank) return MEZZO_OK;
  return mz_refuse(r->err, MEZZO_INVALID, MEZZO_WHY_SHAPE, (uint32_t)operand, "operand %d has rank %d; expected %d", operand, got,
                   rank);
}

mezzo_status mz_expect_shape(mz_request *r, int operand, int rank, const int64_t *shape) {
  const mz_operand *o = &r->plan->operand[operand];
  bool equal = o->rank == rank;
  for (int i = 0; equal && i < rank; i++) equal = o->shape[i] == shape[i];
  if (equal) return MEZZO_OK;
  char got[192], expected[192];
  print_shape(got, sizeof got, o->rank, o->shape);
  print_shape(expected, sizeof expected, rank, shape);
  return mz_refuse(r->err, MEZZO_INVALID, MEZZO_WHY_SHAPE, (uint32_t)operand, "operand %d has shape %s; expected %s", operand, got,
                   expected);
}

mezzo_status mz_expect_same(mz_request *r, int operand, int as, bool dtype_too) {
  const mz_operand *model = &r->plan->operand[as];
  if (dtype_too) MZ_TRY(mz_expect_dtype(r, operand, MZ_SET(model->dtype)));
  return mz_expect_shape(r, operand, model->rank, model->shape);
}

mezzo_status mz_expect_dense(mz_request *r, int operand) {
  const mz_operand *o = &r->plan->operand[operand];
  int64_t stride = o->size;
  for (int axis = o->rank - 1; axis >= 0 && o->count > 0; axis--) {
    if (o->shape[axis] > 1 && o->stride[axis] != stride)
      return mz_refuse(r->err, MEZZO_UNSUPPORTED, MEZZO_WHY_LAYOUT, (uint32_t)operand, "operand %d is not in row-major order", operand);
    stride *= o->shape[axis];
  }
  return MEZZO_OK;
}

mezzo_status mz_expect_accumulator(mz_request *r, mz_dtype gives) {
  mezzo_dtype wanted = r->op->want.accum;
  if (wanted.code != MEZZO_FLOAT || wanted.bits <= mz_dtype_abi(gives).bits) return MEZZO_OK;
  return mz_refuse(r->err, MEZZO_UNSUPPORTED, MEZZO_WHY_ACCUM, MZ_NO_OPERAND, "wants an accumulator of %u bits; this is done in %s",
                   wanted.bits, mz_dtype_name(gives));
}

bool mz_is_constant(const mz_request *r, int operand) {
  mezzo_operand o;
  memset(&o, 0, sizeof o);
  size_t known = r->op->operand_stride < sizeof o ? r->op->operand_stride : sizeof o;
  memcpy(&o, (const char *)r->op->operands + (size_t)operand * r->op->operand_stride, known);
  return (o.flags & MEZZO_T_CONST) != 0;
}
