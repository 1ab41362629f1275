/* Tiles of int32 sums that fill the registers: a vector holds a group of k of as many columns of B as it has lanes, and is
 * multiplied with a group of a row of A, spread over a vector. */
#include "int8_tiles.h"
#include "mezzo_builtin.h"
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include "target.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#define SIZES(name, A, B, C, D) \
  {{A, name##_##A}, {B, name##_##B}, {C, name##_##C}, {D, name##_##D}, {1, name##_1}}

static void load_same(void *to, const int8_t *from, int64_t n) { memcpy(to, from, (size_t)n); }

#define PARAMETERS                                                                                                           \
  int64_t groups, const void *a_, const int8_t *b, const int32_t *start, int64_t start_stride,                               \
      const mz_int8_scales *scales, void *acc_, int64_t acc_stride

#define PORTABLE(ROWS)                                                                                                       \
  MZ_CLONES static void portable_##ROWS(PARAMETERS) {                                                                        \
    const int8_t *a = a_;                                                                                                    \
    char *acc = acc_;                                                                                                        \
    int32_t c[ROWS][8];                                                                                                      \
    for (int r = 0; r < ROWS; r++) memcpy(c[r], start + r * start_stride, sizeof c[r]);                                      \
    for (int64_t g = 0; g < groups; g++, b += 8 * MZ_INT8_GROUP)                                                             \
      for (int r = 0; r < ROWS; r++)                                                                                         \
        for (int column = 0; column < 8; column++)                                                                           \
          for (int i = 0; i < MZ_INT8_GROUP; i++)                                                                            \
            c[r][column] += a[r * MZ_INT8_STRETCH + g * MZ_INT8_GROUP + i] * b[column * MZ_INT8_GROUP + i];                  \
    for (int r = 0; r < ROWS; r++, acc += acc_stride * 4) {                                                                  \
      float scaled[8];                                                                                                       \
      for (int i = 0; scales != NULL && i < 8; i++)                                                                          \
        scaled[i] = (float)c[r][i] * scales->row[r] * scales->column[i] + scales->bias[i];                                   \
      memcpy(acc, scales == NULL ? (const void *)c[r] : scaled, sizeof c[r]);                                                \
    }                                                                                                                        \
  }
PORTABLE(4)
PORTABLE(3)
PORTABLE(2)
PORTABLE(1)

static const mz_int8_tile portable_tile = {
    .columns = 8, .a_element = 1, .load = load_same, .size = SIZES(portable, 4, 3, 2, 1)};

#if defined(__x86_64__)

/* The instruction takes A without sign. */
static void load_offset(void *to_, const int8_t *from, int64_t n) {
  uint8_t *to = to_;
  for (int64_t i = 0; i < n; i++) to[i] = (uint8_t)(from[i] ^ -128);
}

static void load_wide(void *to_, const int8_t *from, int64_t n) {
  int16_t *to = to_;
  for (int64_t i = 0; i < n; i++) to[i] = from[i];
}

static inline int32_t group_at(const char *p) {
  int32_t group;
  memcpy(&group, p, sizeof group);
  return group;
}

#define UNROLL _Pragma("unroll")

#define VNNI_512(ROWS)                                                                                                       \
  __attribute__((target("arch=x86-64-v4,avx512vnni"), min_vector_width(512))) static void vnni_512_##ROWS(PARAMETERS) { \
    const char *a = a_;                                                                                                      \
    char *acc = acc_;                                                                                                        \
    __m512i c[ROWS][2];                                                                                                      \
    UNROLL for (int r = 0; r < ROWS; r++)                                                                                    \
      UNROLL for (int v = 0; v < 2; v++) c[r][v] = _mm512_loadu_si512(start + r * start_stride + 16 * v);                    \
    for (; groups > 0; groups--, a += MZ_INT8_GROUP, b += 32 * MZ_INT8_GROUP) {                                              \
      __m512i left = _mm512_loadu_si512(b), right = _mm512_loadu_si512(b + 64);                                              \
      UNROLL for (int r = 0; r < ROWS; r++) {                                                                                \
        __m512i x = _mm512_set1_epi32(group_at(a + r * MZ_INT8_STRETCH));                                                    \
        c[r][0] = _mm512_dpbusd_epi32(c[r][0], x, left);                                                                     \
        c[r][1] = _mm512_dpbusd_epi32(c[r][1], x, right);                                                                    \
      }                                                                                                                      \
    }                                                                                                                        \
    if (scales == NULL) {                                                                                                    \
      UNROLL for (int r = 0; r < ROWS; r++, acc += acc_stride * 4)                                                           \
        UNROLL for (int v = 0; v < 2; v++) _mm512_storeu_si512(acc + 64 * v, c[r][v]);                                       \
      return;                                                                                                                \
    }                                                                                                                        \
    __m512 column[2], bias[2];                                                                                               \
    UNROLL for (int v = 0; v < 2; v++) {                                                                                     \
      column[v] = _mm512_loadu_ps(scales->column + 16 * v);                                                                  \
      bias[v] = _mm512_loadu_ps(scales->bias + 16 * v);                                                                      \
    }                                                                                                                        \
    UNROLL for (int r = 0; r < ROWS; r++, acc += acc_stride * 4)                                                             \
      UNROLL for (int v = 0; v < 2; v++) {                                                                                   \
        __m512 scaled = _mm512_mul_ps(_mm512_cvtepi32_ps(c[r][v]), _mm512_set1_ps(scales->row[r]));                          \
        _mm512_storeu_ps(acc + 64 * v, _mm512_fmadd_ps(scaled, column[v], bias[v]));                                         \
      }                                                                                                                      \
  }
VNNI_512(14)
VNNI_512(8)
VNNI_512(4)
VNNI_512(2)
VNNI_512(1)

/* Vectors of sums of a row to memory, as they are or scaled. */
__attribute__((target("arch=x86-64-v3"), always_inline)) static inline void store_256(char *acc, __m256i sum,
                                                                                     const mz_int8_scales *scales, int row,
                                                                                     int column) {
  if (scales == NULL) {
    _mm256_storeu_si256((__m256i_u *)(void *)(acc + 4 * column), sum);
    return;
  }
  __m256 scaled = _mm256_mul_ps(_mm256_cvtepi32_ps(sum), _mm256_set1_ps(scales->row[row]));
  scaled = _mm256_fmadd_ps(scaled, _mm256_loadu_ps(scales->column + column), _mm256_loadu_ps(scales->bias + column));
  _mm256_storeu_ps((float *)(void *)(acc + 4 * column), scaled);
}

#define VNNI_256(ROWS)                                                                                                       \
  __attribute__((target("arch=x86-64-v3,avxvnni"))) static void vnni_256_##ROWS(PARAMETERS) { \
    const char *a = a_;                                                                                                      \
    char *acc = acc_;                                                                                                        \
    __m256i c[ROWS][2];                                                                                                      \
    UNROLL for (int r = 0; r < ROWS; r++)                                                                                    \
      UNROLL for (int v = 0; v < 2; v++)                                                                                     \
        c[r][v] = _mm256_loadu_si256((const __m256i_u *)(const void *)(start + r * start_stride + 8 * v));                   \
    for (; groups > 0; groups--, a += MZ_INT8_GROUP, b += 16 * MZ_INT8_GROUP) {                                              \
      __m256i left = _mm256_loadu_si256((const __m256i_u *)(const void *)b);                                                 \
      __m256i right = _mm256_loadu_si256((const __m256i_u *)(const void *)(b + 32));                                         \
      UNROLL for (int r = 0; r < ROWS; r++) {                                                                                \
        __m256i x = _mm256_set1_epi32(group_at(a + r * MZ_INT8_STRETCH));                                                    \
        c[r][0] = _mm256_dpbusd_avx_epi32(c[r][0], x, left);                                                                 \
        c[r][1] = _mm256_dpbusd_avx_epi32(c[r][1], x, right);                                                                \
      }                                                                                                                      \
    }                                                                                                                        \
    UNROLL for (int r = 0; r < ROWS; r++, acc += acc_stride * 4)                                                             \
      UNROLL for (int v = 0; v < 2; v++) store_256(acc, c[r][v], scales, r, 8 * v);                                          \
  }
VNNI_256(6)
VNNI_256(4)
VNNI_256(3)
VNNI_256(2)
VNNI_256(1)

/* Products of 16 bits, added in pairs without loss; those of 8 bits would be cut off. A group's two sums are added at the end. */
#define PAIRS_256(ROWS)                                                                                                      \
  __attribute__((target("arch=x86-64-v3"))) static void pairs_256_##ROWS(PARAMETERS) { \
    const char *a = a_;                                                                                                      \
    char *acc = acc_;                                                                                                        \
    __m256i c[ROWS][2];                                                                                                      \
    UNROLL for (int r = 0; r < ROWS; r++) c[r][0] = c[r][1] = _mm256_setzero_si256();                                        \
    for (; groups > 0; groups--, a += 2 * MZ_INT8_GROUP, b += 8 * MZ_INT8_GROUP) {                                           \
      __m256i left = _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i_u *)(const void *)b));                              \
      __m256i right = _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i_u *)(const void *)(b + 16)));                      \
      UNROLL for (int r = 0; r < ROWS; r++) {                                                                                \
        int64_t group;                                                                                                       \
        memcpy(&group, a + r * 2 * MZ_INT8_STRETCH, sizeof group);                                                           \
        __m256i x = _mm256_set1_epi64x(group);                                                                               \
        c[r][0] = _mm256_add_epi32(c[r][0], _mm256_madd_epi16(x, left));                                                     \
        c[r][1] = _mm256_add_epi32(c[r][1], _mm256_madd_epi16(x, right));                                                    \
      }                                                                                                                      \
    }                                                                                                                        \
    UNROLL for (int r = 0; r < ROWS; r++, acc += acc_stride * 4) {                                                           \
      __m256i sums = _mm256_permute4x64_epi64(_mm256_hadd_epi32(c[r][0], c[r][1]), 0xD8);                                    \
      __m256i before = _mm256_loadu_si256((const __m256i_u *)(const void *)(start + r * start_stride));                      \
      store_256(acc, _mm256_add_epi32(before, sums), scales, r, 0);                                                          \
    }                                                                                                                        \
  }
PAIRS_256(5)
PAIRS_256(4)
PAIRS_256(3)
PAIRS_256(2)
PAIRS_256(1)

static const mz_int8_tile vnni_512_tile = {
    .columns = 32, .offset = 128, .a_element = 1, .load = load_offset, .size = SIZES(vnni_512, 14, 8, 4, 2)};
static const mz_int8_tile vnni_256_tile = {
    .columns = 16, .offset = 128, .a_element = 1, .load = load_offset, .size = SIZES(vnni_256, 6, 4, 3, 2)};
static const mz_int8_tile pairs_256_tile = {
    .columns = 8, .a_element = 2, .load = load_wide, .size = SIZES(pairs_256, 5, 4, 3, 2)};
#endif

const mz_int8_tile *mz_int8_tile_at(int index) {
#if defined(__x86_64__)
  bool has[] = {__builtin_cpu_supports("x86-64-v4") && __builtin_cpu_supports("avx512vnni"),
                __builtin_cpu_supports("x86-64-v3") && __builtin_cpu_supports("avxvnni"), __builtin_cpu_supports("x86-64-v3")};
  const mz_int8_tile *tile[] = {&vnni_512_tile, &vnni_256_tile, &pairs_256_tile};
  for (int i = 0; i < 3; i++)
    if (has[i] && index-- == 0) return tile[i];
#endif
  return index == 0 ? &portable_tile : NULL;
}

int mezzo_builtin_int8_product(int index, int rows, int64_t k, const int8_t *a, const int8_t *b, int32_t *c, int *columns) {
  enum { ROWS = 16, COLUMNS = 32 };
  const mz_int8_tile *tile = mz_int8_tile_at(index);
  if (tile == NULL) return 0;
  *columns = tile->columns;
  if (c == NULL) return 1;
  _Alignas(64) char wide[ROWS * MZ_INT8_STRETCH * sizeof(int16_t)] = {0};
  _Alignas(64) int8_t panel[COLUMNS * MZ_INT8_STRETCH] = {0};
  int32_t start[COLUMNS] = {0};
  int64_t groups = (k + MZ_INT8_GROUP - 1) / MZ_INT8_GROUP;
  int64_t width = tile->columns;
  for (int64_t i = 0; i < k; i++)
    for (int64_t j = 0; j < width; j++) {
      panel[(i / MZ_INT8_GROUP * width + j) * MZ_INT8_GROUP + i % MZ_INT8_GROUP] = b[i * width + j];
      start[j] -= tile->offset * b[i * width + j];
    }
  for (int r = 0; r < rows; r++) tile->load(wide + r * MZ_INT8_STRETCH * tile->a_element, a + r * k, k);
  for (int row = 0, size = 0; row < rows; row += tile->size[size].rows) {
    while (tile->size[size].rows > rows - row) size++;
    tile->size[size].multiply(groups, wide + row * MZ_INT8_STRETCH * tile->a_element, panel, start, 0, NULL, c + row * width, width);
  }
  return 1;
}
