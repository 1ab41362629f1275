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

#ifdef __cplusplus
}
#endif
#endif
