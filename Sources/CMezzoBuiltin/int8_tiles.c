/* Tiles of int32 sums that fill the registers over the whole of k: a vector holds a group of k of as many columns of B as it has
 * lanes, and is multiplied with a group of a row of A, spread over a vector. One of few rows takes more panels at once, so that
 * enough sums run beside each other; one of many has the next panels fetched, which else come from the third cache or memory a little
 * too late. */
#include "counts.h"
#include "int8_tiles.h"
#include "mezzo_builtin.h"
#include <stddef.h>
#include <string.h>
#include "target.h"

#if defined(__x86_64__)
#include "lanes_512.h"
#define UNROLL _Pragma("unroll")
#endif

#define PARAMETERS int64_t groups, const char *a, int64_t a_stride, const int8_t *b, const mz_int8_sums *sums

static void load_same(void *to, const int8_t *from, int64_t n) { memcpy(to, from, (size_t)n); }

#define PORTABLE(ROWS)                                                                                                 \
  MZ_CLONES static void portable_##ROWS(PARAMETERS) {                                                                  \
    int32_t c[ROWS][8];                                                                                                \
    for (int r = 0; r < ROWS; r++)                                                                                     \
      for (int i = 0; i < 8; i++) c[r][i] = (int32_t)((uint32_t)sums->zero[r] * (uint32_t)sums->sum[i]);               \
    for (int64_t g = 0; g < groups; g++, b += 8 * MZ_INT8_GROUP)                                                       \
      for (int r = 0; r < ROWS; r++)                                                                                   \
        for (int column = 0; column < 8; column++)                                                                     \
          for (int i = 0; i < MZ_INT8_GROUP; i++)                                                                      \
            c[r][column] += (int8_t)a[r * a_stride + g * MZ_INT8_GROUP + i] * b[column * MZ_INT8_GROUP + i];           \
    for (int r = 0; r < ROWS; r++) {                                                                                   \
      float scaled[8];                                                                                                 \
      for (int i = 0; sums->is_scaled && i < 8; i++)                                                                   \
        scaled[i] = (float)c[r][i] * sums->row[r] * sums->column[i] + sums->bias[i];                                   \
      memcpy(sums->at + r * sums->stride, sums->is_scaled ? (const void *)scaled : c[r], (size_t)min64(sums->columns, 8) * 4); \
    }                                                                                                                  \
  }
PORTABLE(4)
PORTABLE(3)
PORTABLE(2)
PORTABLE(1)

static const mz_int8_tiles portable_tiles = {
    .columns = 8, .rows = 4, .a_element = 1, .load = load_same, .panels = {0, 1, 1, 1, 1},
    .tile = {{NULL}, {NULL, portable_1}, {NULL, portable_2}, {NULL, portable_3}, {NULL, portable_4}}};

#if defined(__x86_64__)

/* The instruction takes A without sign. */
MZ_CLONES static void load_offset(void *to_, const int8_t *from, int64_t n) {
  uint8_t *to = to_;
  for (int64_t i = 0; i < n; i++) to[i] = (uint8_t)(from[i] ^ -128);
}

MZ_CLONES static void load_wide(void *to_, const int8_t *from, int64_t n) {
  int16_t *to = to_;
  for (int64_t i = 0; i < n; i++) to[i] = from[i];
}

MZ_INLINE int32_t group_at(const char *p) {
  int32_t group;
  memcpy(&group, p, sizeof group);
  return group;
}

#define SCALED(r, p)                                                                                                   \
  _mm512_fmadd_ps(_mm512_mul_ps(_mm512_cvtepi32_ps(c[r][p]), _mm512_set1_ps(to.row[r])), column[p], bias[p])

#define VNNI_512(ROWS, PANELS)                                                                                         \
  __attribute__((target("arch=x86-64-v4,avx512vnni"), min_vector_width(512))) static void                              \
      vnni_512_##ROWS##_##PANELS(PARAMETERS) {                                                                         \
    enum { STEP = 16 * MZ_INT8_GROUP };                                                                                \
    __m512i c[ROWS][PANELS], row[PANELS];                                                                              \
    int64_t panel = groups * STEP;                                                                                     \
    UNROLL for (int p = 0; p < PANELS; p++) row[p] = _mm512_loadu_si512(sums->sum + 16 * p);                           \
    UNROLL for (int r = 0; r < ROWS; r++) {                                                                            \
      __m512i zero = _mm512_set1_epi32(sums->zero[r]);                                                                 \
      UNROLL for (int p = 0; p < PANELS; p++) c[r][p] = _mm512_mullo_epi32(zero, row[p]);                              \
    }                                                                                                                  \
    for (; groups > 0; groups--, a += MZ_INT8_GROUP, b += STEP) {                                                      \
      UNROLL for (int p = 0; p < PANELS; p++) row[p] = _mm512_loadu_si512(b + p * panel);                              \
      if (ROWS > MZ_INT8_ROWS / 2)                                                                                     \
        UNROLL for (int p = 0; p < PANELS; p++) _mm_prefetch((const char *)b + (PANELS + p) * panel, _MM_HINT_T1);     \
      UNROLL for (int r = 0; r < ROWS; r++) {                                                                          \
        __m512i x = _mm512_set1_epi32(group_at(a + r * a_stride));                                                     \
        UNROLL for (int p = 0; p < PANELS; p++) c[r][p] = _mm512_dpbusd_epi32(c[r][p], x, row[p]);                     \
      }                                                                                                                \
    }                                                                                                                  \
    const mz_int8_sums to = *sums;                                                                                     \
    char *at = to.at;                                                                                                  \
    __mmask16 there[PANELS];                                                                                           \
    UNROLL for (int p = 0; p < PANELS; p++) there[p] = mz_first_lanes(to.columns - 16 * p);                            \
    if (!to.is_scaled) {                                                                                               \
      UNROLL for (int r = 0; r < ROWS; r++, at += to.stride)                                                           \
        UNROLL for (int p = 0; p < PANELS; p++) _mm512_mask_storeu_epi32(at + 64 * p, there[p], c[r][p]);              \
      return;                                                                                                          \
    }                                                                                                                  \
    __m512 column[PANELS], bias[PANELS];                                                                               \
    UNROLL for (int p = 0; p < PANELS; p++) {                                                                          \
      column[p] = _mm512_loadu_ps(to.column + 16 * p);                                                                 \
      bias[p] = _mm512_loadu_ps(to.bias + 16 * p);                                                                     \
    }                                                                                                                  \
    if (to.is_narrow) {                                                                                                \
      enum { LAST = PANELS - 1 };                                                                                      \
      UNROLL for (int r = 0; r < ROWS; r++, at += to.stride) {                                                         \
        UNROLL for (int p = 0; p < LAST; p += 2) {                                                                     \
          __m512i left = mz_round_upper_halves(SCALED(r, p)), right = mz_round_upper_halves(SCALED(r, p + 1));         \
          _mm512_mask_storeu_epi16(at + 32 * p, there[p] | (__mmask32)there[p + 1] << 16,                              \
                                   mz_upper_halves(left, right));                                                      \
        }                                                                                                              \
        if (PANELS % 2 != 0)                                                                                           \
          _mm256_mask_storeu_epi16(at + 32 * LAST, there[LAST],                                                        \
                                   _mm512_cvtepi32_epi16(_mm512_srli_epi32(mz_round_upper_halves(SCALED(r, LAST)), 16))); \
      }                                                                                                                \
    } else {                                                                                                           \
      UNROLL for (int r = 0; r < ROWS; r++, at += to.stride)                                                           \
        UNROLL for (int p = 0; p < PANELS; p++) _mm512_mask_storeu_ps(at + 64 * p, there[p], SCALED(r, p));            \
    }                                                                                                                  \
  }

#define UP_TO_3(of, rows) of(rows, 1) of(rows, 2) of(rows, 3)
#define UP_TO_4(of, rows) UP_TO_3(of, rows) of(rows, 4)
#define UP_TO_6(of, rows) UP_TO_4(of, rows) of(rows, 5) of(rows, 6)
UP_TO_6(VNNI_512, 1)
UP_TO_6(VNNI_512, 2)
UP_TO_4(VNNI_512, 3)
UP_TO_4(VNNI_512, 4)
UP_TO_3(VNNI_512, 5)
UP_TO_3(VNNI_512, 6)
UP_TO_3(VNNI_512, 7)
UP_TO_3(VNNI_512, 8)

#define SET_3(name, rows) NULL, name##_##rows##_1, name##_##rows##_2, name##_##rows##_3
#define SET_4(name, rows) SET_3(name, rows), name##_##rows##_4
#define SET_6(name, rows) SET_4(name, rows), name##_##rows##_5, name##_##rows##_6
static const mz_int8_tiles vnni_512_tiles = {
    .columns = 16, .rows = 8, .offset = 128, .a_element = 1, .load = load_offset, .narrows = true,
    .panels = {0, 6, 6, 4, 4, 3, 3, 3, 3},
    .tile = {{NULL}, {SET_6(vnni_512, 1)}, {SET_6(vnni_512, 2)}, {SET_4(vnni_512, 3)}, {SET_4(vnni_512, 4)}, {SET_3(vnni_512, 5)},
             {SET_3(vnni_512, 6)}, {SET_3(vnni_512, 7)}, {SET_3(vnni_512, 8)}}};

/* Sums of a row, as many as are there. */
__attribute__((target("arch=x86-64-v3"), always_inline)) static inline void store_256(const mz_int8_sums *to, int row, int column,
                                                                                     __m256i sum) {
  char *at = to->at + row * to->stride + 4 * column;
  if (to->is_scaled) {
    __m256 scaled = _mm256_mul_ps(_mm256_cvtepi32_ps(sum), _mm256_set1_ps(to->row[row]));
    scaled = _mm256_fmadd_ps(scaled, _mm256_loadu_ps(to->column + column), _mm256_loadu_ps(to->bias + column));
    sum = _mm256_castps_si256(scaled);
  }
  if (to->columns - column >= 8) _mm256_storeu_si256((__m256i_u *)(void *)at, sum);
  else if (to->columns > column) memcpy(at, &sum, (size_t)(to->columns - column) * 4);
}

/* What sums of a row begin with. */
__attribute__((target("arch=x86-64-v3"), always_inline)) static inline __m256i begin_256(const mz_int8_sums *sums, int row,
                                                                                        int column) {
  __m256i sum = _mm256_loadu_si256((const __m256i_u *)(const void *)(sums->sum + column));
  return _mm256_mullo_epi32(_mm256_set1_epi32(sums->zero[row]), sum);
}

#define VNNI_256(ROWS, PANELS)                                                                                         \
  __attribute__((target("arch=x86-64-v3,avxvnni"))) static void vnni_256_##ROWS##_##PANELS(PARAMETERS) {               \
    enum { STEP = 8 * MZ_INT8_GROUP };                                                                                 \
    __m256i c[ROWS][PANELS], row[PANELS];                                                                              \
    int64_t panel = groups * STEP;                                                                                     \
    UNROLL for (int r = 0; r < ROWS; r++)                                                                              \
      UNROLL for (int p = 0; p < PANELS; p++) c[r][p] = begin_256(sums, r, 8 * p);                                     \
    for (; groups > 0; groups--, a += MZ_INT8_GROUP, b += STEP) {                                                      \
      UNROLL for (int p = 0; p < PANELS; p++) row[p] = _mm256_loadu_si256((const __m256i_u *)(const void *)(b + p * panel)); \
      UNROLL for (int r = 0; r < ROWS; r++) {                                                                          \
        __m256i x = _mm256_set1_epi32(group_at(a + r * a_stride));                                                     \
        UNROLL for (int p = 0; p < PANELS; p++) c[r][p] = _mm256_dpbusd_avx_epi32(c[r][p], x, row[p]);                 \
      }                                                                                                                \
    }                                                                                                                  \
    UNROLL for (int r = 0; r < ROWS; r++)                                                                              \
      UNROLL for (int p = 0; p < PANELS; p++) store_256(sums, r, 8 * p, c[r][p]);                                      \
  }
#define UP_TO_2(of, rows) of(rows, 1) of(rows, 2)
UP_TO_4(VNNI_256, 1)
UP_TO_4(VNNI_256, 2)
UP_TO_3(VNNI_256, 3)
UP_TO_2(VNNI_256, 4)
UP_TO_2(VNNI_256, 5)
UP_TO_2(VNNI_256, 6)

#define SET_2(name, rows) NULL, name##_##rows##_1, name##_##rows##_2
static const mz_int8_tiles vnni_256_tiles = {
    .columns = 8, .rows = 6, .offset = 128, .a_element = 1, .load = load_offset, .panels = {0, 4, 4, 3, 2, 2, 2},
    .tile = {{NULL}, {SET_4(vnni_256, 1)}, {SET_4(vnni_256, 2)}, {SET_3(vnni_256, 3)}, {SET_2(vnni_256, 4)},
             {SET_2(vnni_256, 5)}, {SET_2(vnni_256, 6)}}};

/* Products of 16 bits, added in pairs without loss; those of 8 bits would be cut off. A group's two sums are added at the end. */
#define PAIRS_256(ROWS)                                                                                                \
  __attribute__((target("arch=x86-64-v3"))) static void pairs_256_##ROWS(PARAMETERS) {                                 \
    __m256i c[ROWS][2];                                                                                                \
    UNROLL for (int r = 0; r < ROWS; r++) c[r][0] = c[r][1] = _mm256_setzero_si256();                                  \
    for (; groups > 0; groups--, a += 2 * MZ_INT8_GROUP, b += 8 * MZ_INT8_GROUP) {                                     \
      __m256i left = _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i_u *)(const void *)b));                        \
      __m256i right = _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i_u *)(const void *)(b + 16)));                \
      UNROLL for (int r = 0; r < ROWS; r++) {                                                                          \
        int64_t group;                                                                                                 \
        memcpy(&group, a + r * a_stride, sizeof group);                                                                \
        __m256i x = _mm256_set1_epi64x(group);                                                                         \
        c[r][0] = _mm256_add_epi32(c[r][0], _mm256_madd_epi16(x, left));                                               \
        c[r][1] = _mm256_add_epi32(c[r][1], _mm256_madd_epi16(x, right));                                              \
      }                                                                                                                \
    }                                                                                                                  \
    UNROLL for (int r = 0; r < ROWS; r++) {                                                                            \
      __m256i sum = _mm256_permute4x64_epi64(_mm256_hadd_epi32(c[r][0], c[r][1]), 0xD8);                               \
      store_256(sums, r, 0, _mm256_add_epi32(begin_256(sums, r, 0), sum));                                             \
    }                                                                                                                  \
  }
PAIRS_256(5)
PAIRS_256(4)
PAIRS_256(3)
PAIRS_256(2)
PAIRS_256(1)

static const mz_int8_tiles pairs_256_tiles = {
    .columns = 8, .rows = 5, .a_element = 2, .load = load_wide, .panels = {0, 1, 1, 1, 1, 1},
    .tile = {{NULL}, {NULL, pairs_256_1}, {NULL, pairs_256_2}, {NULL, pairs_256_3}, {NULL, pairs_256_4}, {NULL, pairs_256_5}}};
#endif

const mz_int8_tiles *mz_int8_tiles_at(int index) {
#if defined(__x86_64__)
  bool has[] = {__builtin_cpu_supports("x86-64-v4") && __builtin_cpu_supports("avx512vnni"),
                __builtin_cpu_supports("x86-64-v3") && __builtin_cpu_supports("avxvnni"), __builtin_cpu_supports("x86-64-v3")};
  const mz_int8_tiles *tiles[] = {&vnni_512_tiles, &vnni_256_tiles, &pairs_256_tiles};
  for (int i = 0; i < 3; i++)
    if (has[i] && index-- == 0) return tiles[i];
#endif
  return index == 0 ? &portable_tiles : NULL;
}

/* Tiles of about the same size: a few rows behind large tiles would wait for B. */
void mz_multiply_int8(const mz_int8_tiles *t, int64_t groups, const char *a, int64_t a_stride, int64_t rows, const int8_t *b,
                      const mz_int8_sums *sums) {
  int64_t panels = divide_up(sums->columns, t->columns), size = sums->is_narrow ? 2 : 4;
  int64_t most = t->panels[divide_up(rows, divide_up(rows, t->rows))];
  for (int64_t j = 0, wide; j < panels; j += wide) {
    wide = divide_up(panels - j, divide_up(panels - j, most));
    int64_t column = j * t->columns;
    mz_int8_sums here = *sums;
    here.sum += column;
    here.column += column;
    here.bias += column;
    here.columns -= column;
    for (int64_t i = 0, tall; i < rows; i += tall) {
      tall = divide_up(rows - i, divide_up(rows - i, t->rows));
      here.zero = sums->zero + i;
      here.row = sums->row + i;
      here.at = sums->at + i * sums->stride + column * size;
      t->tile[tall][wide](groups, a + i * a_stride, a_stride, b + column * groups * MZ_INT8_GROUP, &here);
    }
  }
}

int mezzo_builtin_int8_product(int index, int rows, int64_t k, const int8_t *a, const int8_t *b, int32_t *c, int *columns) {
  enum { ROWS = 16, PANELS = 4, COLUMNS = PANELS * MZ_INT8_COLUMNS, DEPTH = 512 };
  const mz_int8_tiles *t = mz_int8_tiles_at(index);
  if (t == NULL) return 0;
  /* The last panel is not whole. */
  int64_t width = *columns = PANELS * t->columns - 3;
  if (c == NULL) return 1;
  _Alignas(64) char wide[ROWS * DEPTH * sizeof(int16_t)] = {0};
  _Alignas(64) int8_t panel[COLUMNS * DEPTH] = {0};
  int32_t sum[COLUMNS] = {0}, zero[ROWS];
  int64_t groups = divide_up(k, MZ_INT8_GROUP), stride = DEPTH * t->a_element;
  for (int64_t i = 0; i < k; i++)
    for (int64_t j = 0; j < width; j++) {
      int64_t group = (j / t->columns * groups + i / MZ_INT8_GROUP) * t->columns + j % t->columns;
      panel[group * MZ_INT8_GROUP + i % MZ_INT8_GROUP] = b[i * width + j];
      sum[j] += b[i * width + j];
    }
  for (int r = 0; r < rows; r++) {
    t->load(wide + r * stride, a + r * k, k);
    zero[r] = -t->offset;
  }
  float none[COLUMNS] = {0};
  mz_int8_sums sums = {zero, sum, none, none, none, (char *)c, width * (int64_t)sizeof *c, width, false, false};
  mz_multiply_int8(t, groups, wide, stride, rows, panel, &sums);
  return 1;
}
