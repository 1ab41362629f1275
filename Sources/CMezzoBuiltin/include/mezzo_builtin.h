/* mezzo_builtin.h: the built-in backend, an ordinary backend of mezzo_backend.h that is linked statically.
 *
 * It does every operation of the header for float64, float32, float16 and bfloat16 (and for integers, bool and 8-bit floats
 * where that makes sense), at any strides and any rank up to 8. It is the last candidate of every route, and the reference
 * that other backends are compared with. */
#ifndef MEZZO_BUILTIN_H
#define MEZZO_BUILTIN_H
#include "mezzo_backend.h"
#ifdef __cplusplus
extern "C" {
#endif

/* The backend's table, or NULL if offer holds no ABI version that it obeys. Static: never freed, the same at every call. */
const mezzo_backend *mezzo_builtin_query(const mezzo_offer *offer);

/* For tests, since plans take the first: c[rows][columns] = a[rows][k] b[k][columns] by the index-th of the kernels that this
 * processor can run, the fastest first. columns: how many it takes at once, said also without c. At most 16 rows, 512 places of k.
 * 0: there is no such kernel. */
int mezzo_builtin_int8_product(int index, int rows, int64_t k, const int8_t *a, const int8_t *b, int32_t *c, int *columns);

#ifdef __cplusplus
}
#endif
#endif
