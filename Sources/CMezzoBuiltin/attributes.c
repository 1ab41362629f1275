#include <string.h>
#include "check.h"

enum { MAX_ATTRIBUTES = 64 };

static uint32_t count(const mezzo_op *op) { return op->attrs != NULL ? op->n_attrs : 0; }

/* A copy, as the array may hold elements of another size. */
static mezzo_attr attribute_at(const mezzo_op *op, uint32_t index) {
  mezzo_attr attr;
  memset(&attr, 0, sizeof attr);
  size_t known = op->attr_stride < sizeof attr ? op->attr_stride : sizeof attr;
  memcpy(&attr, (const char *)op->attrs + (size_t)index * op->attr_stride, known);
  return attr;
}

/* found->name is NULL if there is none. */
static mezzo_status look(mz_request *r, const char *name, uint32_t kind, mezzo_attr *found) {
  for (uint32_t i = 0; i < count(r->op) && i < MAX_ATTRIBUTES; i++) {
    *found = attribute_at(r->op, i);
    if (found->name == NULL || strcmp(found->name, name) != 0) continue;
    r->attributes_read |= UINT64_C(1) << i;
    if (found->kind == kind) return MEZZO_OK;
    return mz_refuse(r->err, MEZZO_INVALID, MEZZO_WHY_ATTR, MZ_NO_OPERAND, "attribute '%s' has kind %u; expected %u", name,
                     found->kind, kind);
  }
  memset(found, 0, sizeof *found);
  return MEZZO_OK;
}

static mezzo_status find(mz_request *r, const char *name, uint32_t kind, mezzo_attr *found) {
  MZ_TRY(look(r, name, kind, found));
  if (found->name != NULL) return MEZZO_OK;
  return mz_refuse(r->err, MEZZO_INVALID, MEZZO_WHY_ATTR, MZ_NO_OPERAND, "attribute '%s' is missing", name);
}

mezzo_status mz_expect_no_more_attributes(mz_request *r) {
  for (uint32_t i = 0; i < count(r->op); i++) {
    if (i < MAX_ATTRIBUTES && (r->attributes_read >> i & 1) != 0) continue;
    const char *name = attribute_at(r->op, i).name;
    return mz_refuse(r->err, MEZZO_UNSUPPORTED, MEZZO_WHY_ATTR, MZ_NO_OPERAND,
                     "attribute '%s' is not one that the built-in backend knows for this operation", name != NULL ? name : "");
  }
  return MEZZO_OK;
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

mezzo_status mz_attr_float_or(mz_request *r, const char *name, double otherwise, double *value) {
  mezzo_attr attr;
  MZ_TRY(look(r, name, MEZZO_ATTR_FLOAT, &attr));
  *value = attr.name != NULL ? attr.v.f : otherwise;
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
