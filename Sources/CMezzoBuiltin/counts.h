/* counts.h: arithmetic of extents and bytes, which are not negative where nothing else is said. */
#ifndef MZ_COUNTS_H
#define MZ_COUNTS_H
#include <stdbool.h>
#include <stdint.h>

static inline int64_t min64(int64_t a, int64_t b) { return a < b ? a : b; }
static inline int64_t max64(int64_t a, int64_t b) { return a < b ? b : a; }
static inline int64_t magnitude(int64_t x) { return x < 0 ? -x : x; }
static inline int64_t divide_up(int64_t a, int64_t b) { return a / b + (a % b != 0); }
static inline int64_t round_up(int64_t a, int64_t b) { return divide_up(a, b) * b; }

/* Whether it fits. */
static inline bool multiply_fits(int64_t a, int64_t b, int64_t *result) { return !__builtin_mul_overflow(a, b, result); }

#endif
