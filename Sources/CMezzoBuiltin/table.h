/* table.h: functions of one 16-bit float, looked up. */
#ifndef MZ_TABLE_H
#define MZ_TABLE_H
#include "convert.h"
#include "elementwise.h"

enum { MZ_TABLE_BITS = 16, MZ_TABLE_PAYS = 32768 /* elements below which making one takes longer than computing them */ };

/* The results of an operation for all bits of a 16-bit dtype, as `kernel` on float makes them; made once in a process. NULL
 * without memory for it. form: as in mz_kernel_of_float. */
const uint16_t *mz_table(uint32_t op, int64_t form, mz_dtype dtype, mz_kernel *kernel);

/* y[i] = table[x[i]], with the table behind the inputs. */
void mz_look_up(void *const *out, const void *const *in, const double *scalar, int64_t n);

#endif
