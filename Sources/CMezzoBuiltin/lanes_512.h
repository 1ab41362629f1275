/* lanes_512.h: what kernels in vectors of 512 bits have in common. Only where there are such. */
#ifndef MZ_LANES_512_H
#define MZ_LANES_512_H
#include <immintrin.h>
#include <stdint.h>

#define MZ_INLINE_512 __attribute__((target("arch=x86-64-v4"), min_vector_width(512), always_inline)) static inline

/* The first n of 16 lanes: all of them for more, none for less than one. */
MZ_INLINE_512 __mmask16 mz_first_lanes(int64_t n) { return n >= 16 ? 0xFFFF : (__mmask16)((1u << (n < 0 ? 0 : n)) - 1); }

/* To bfloat16 in the upper halves, to nearest even, with denormals, which the instruction for it takes for 0. Of a NaN only upper bits
 * may be set: others could carry out of it. */
MZ_INLINE_512 __m512i mz_round_upper_halves(__m512 x) {
  __m512i u = _mm512_castps_si512(x), rounded = _mm512_add_epi32(u, _mm512_set1_epi32(0x7fff));
  return _mm512_mask_add_epi32(rounded, _mm512_test_epi32_mask(u, _mm512_set1_epi32(0x10000)), rounded, _mm512_set1_epi32(1));
}

/* The upper halves of two vectors behind each other. */
MZ_INLINE_512 __m512i mz_upper_halves(__m512i first, __m512i second) {
  static const uint16_t places[32] = {1,  3,  5,  7,  9,  11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31,
                                      33, 35, 37, 39, 41, 43, 45, 47, 49, 51, 53, 55, 57, 59, 61, 63};
  return _mm512_permutex2var_epi16(first, _mm512_loadu_si512(places), second);
}

#endif
