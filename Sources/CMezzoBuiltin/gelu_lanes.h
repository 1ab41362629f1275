/* gelu_lanes.h: what kernels by pieces have in common, on 512-bit vectors. The includer defines VECTORS, which are taken together, as
 * none alone would keep the processor busy. */
#ifndef MZ_GELU_LANES_H
#define MZ_GELU_LANES_H
#include <immintrin.h>
#include "gelu_pieces.h"
#include "target.h"

enum { LANES = 16, STEP = VECTORS * LANES };

#define TARGET __attribute__((target("arch=x86-64-v4"), min_vector_width(512)))
#define EACH _Pragma("unroll") for (int v = 0; v < VECTORS; v++)
#define SPREAD(x) _mm512_set1_ps(x)
#define BITS(x) _mm512_castps_si512(x)

/* at: the piece in its low bits, left there by adding 1.5 * 2^23; t: what the polynomial is one of. */
#define PIECE(at, t, bounded, axis)                                                  \
  do {                                                                               \
    __m512 bounded_ = (bounded), magic_ = SPREAD(0x1.8p23f + (axis)->shift);         \
    at = _mm512_fmadd_ps(bounded_, SPREAD((axis)->scale), magic_);                   \
    t = _mm512_fmadd_ps(bounded_, SPREAD((axis)->scale), _mm512_sub_ps(magic_, at)); \
  } while (0)

#endif
