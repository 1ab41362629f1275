#include <string.h>
#include "check.h"

/* A copy, as the array may hold elements of another size. */
static mezzo_status find(mz_request *r, const char *name, uint32_t kind, mezzo_attr *found) {
  const mezzo_op *op = r->op;
  for (uint32_t i = 0; op->attrs != NULL && i < op->n_attrs; i++) {
    memset(found, 0, sizeof *found);
    size_t known = op->attr_stride < sizeof *found ? op->attr_stride : sizeof *found;
    memcpy(found, (const char *)op->attrs + (size_t)i * op->attr_stride, known);
    if (found->name == NULL || strcmp(found->name, name) != 0) continue;
    if (found->kind == kind) return MEZZO_OK;
    return mz_refuse(r->err, MEZZO_INVALID, MEZZO_WHY_ATTR, MZ_NO_OPERAND, "attribute '%s' has kind %u; expected %u", name,
                     found->kind, kind);
  }
  return mz_refuse(r->err, MEZZO_INVALID, MEZZO_WHY_ATTR, MZ_NO_OPERAND, "attribute '%s' is missing", name);
}

mezzo_status mz_attr_int(mz_request *r, const char *name, int64_t low, int64_t high, int64_t *value) {
  mezzo_attr attr;
  MZ_TRY(find(r, name, MEZZO_ATTR_INT, &attr));
  *value = attr.v.i;
  if (low <= *value && *value <= high) return MEZZO_OK;
  return mz_refuse(r->err, MEZZO_INVALID, MEZZO_WHY_ATTR, MZ_NO_OPERAND, "attribute '%s' is %lld; expected %lld...%lld", name,
                   (long long)*value, (long long)low, (long long)high);
}

mezzo_status mz_attr_float(mz_request *r, const char *name, double *value) {
  mezzo_attr attr;
  MZ_TRY(find(r, name, MEZZO_ATTR_FLOAT, &attr));
  *value = attr.v.f;
  return MEZZO_OK;
}

mezzo_status mz_attr_ints(mz_request *r, const char *name, const int64_t **values, uint32_t *count) {
  mezzo_attr attr;
  MZ_TRY(find(r, name, MEZZO_ATTR_INTS, &attr));
  if (attr.count > 0 && attr.v.iv == NULL)
    return mz_refuse(r->err, MEZZO_INVALID, MEZZO_WHY_ATTR, MZ_NO_OPERAND, "attribute '%s' counts %u numbers but holds none", name,
                     attr.count);
  *values = attr.v.iv;
  *count = attr.count;
  return MEZZO_OK;
}

mezzo_status mz_attr_axis(mz_request *r, int operand, int *axis) {
  int rank = r->plan->operand[operand].rank;
  int64_t value;
  if (rank == 0)
    return mz_refuse(r->err, MEZZO_INVALID, MEZZO_WHY_SHAPE, (uint32_t)operand, "operand %d has rank 0; expected an axis to work on",
                     operand);
  MZ_TRY(mz_attr_int(r, "axis", 0, rank - 1, &value));
  *axis = (int)value;
  return MEZZO_OK;
}
