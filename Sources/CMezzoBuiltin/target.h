/* target.h: compiling one loop for several processors. */
#ifndef MZ_TARGET_H
#define MZ_TARGET_H
#include <stdint.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define MZ_SANITIZED 1
#endif
#endif

/* Clones are resolved by ifuncs, which need glibc and which run before a sanitizer's runtime is up. */
#if defined(__x86_64__) && defined(__GLIBC__) && !defined(MZ_SANITIZED)
#define MZ_CLONES __attribute__((target_clones("default", "arch=x86-64-v3", "arch=x86-64-v4")))
#else
#define MZ_CLONES
#endif

#define MZ_INLINE static inline __attribute__((always_inline))

/* In place means the very same elements, so no iteration of an element-wise loop depends on another; the compiler cannot
 * know and would otherwise fall back to scalar code exactly when a result overwrites its operand. */
#if defined(__clang__)
/* A permission, not a demand: a loop that calls the C library stays scalar. */
#pragma clang diagnostic ignored "-Wpass-failed"
#define MZ_INDEPENDENT _Pragma("clang loop vectorize(assume_safety)")
#else
#define MZ_INDEPENDENT
#endif

#endif
