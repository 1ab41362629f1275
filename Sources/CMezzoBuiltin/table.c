#include "table.h"
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { OPS = 64, FORMS = 2, DTYPES = 2, COUNT = 1 << MZ_TABLE_BITS };

static _Atomic(uint16_t *) tables[OPS][FORMS][DTYPES];

static uint16_t *make(mz_dtype dtype, mz_kernel *kernel) {
  uint16_t *table = malloc(COUNT * sizeof *table);
  if (table == NULL) return NULL;
  for (int begin = 0; begin < COUNT; begin += MZ_BLOCK) {
    uint16_t x[MZ_BLOCK];
    float staged[MZ_BLOCK];
    for (int i = 0; i < MZ_BLOCK; i++) x[i] = (uint16_t)(begin + i);
    mz_load_float[dtype](staged, (const char *)x, sizeof *x, MZ_BLOCK);
    kernel((void *const[]){staged, NULL}, (const void *const[]){staged}, NULL, MZ_BLOCK);
    mz_store_float[dtype]((char *)(table + begin), sizeof *table, staged, MZ_BLOCK);
  }
  return table;
}

const uint16_t *mz_table(uint32_t op, int64_t form, mz_dtype dtype, mz_kernel *kernel) {
  if (op >= OPS || form < 0 || form >= FORMS) return NULL;
  _Atomic(uint16_t *) *place = &tables[op][form][dtype == MZ_BF16];
  uint16_t *table = atomic_load_explicit(place, memory_order_acquire);
  if (table != NULL) return table;
  uint16_t *made = make(dtype, kernel);
  if (made == NULL || atomic_compare_exchange_strong(place, &table, made)) return made;
  free(made);
  return table;
}

void mz_look_up(void *const *out, const void *const *in, const double *scalar, int64_t n) {
  uint16_t *y = out[0];
  const uint16_t *x = in[0], *table = in[1];
  (void)scalar;
  int64_t i = 0;
  /* Reads before writes, which otherwise might be to the table, for all that the compiler knows. */
  for (; i + 8 <= n; i += 8) {
    uint16_t found[8];
    for (int l = 0; l < 8; l++) found[l] = table[x[i + l]];
    memcpy(y + i, found, sizeof found);
  }
  for (; i < n; i++) y[i] = table[x[i]];
}
