// Of POSIX: the clock.
#define _POSIX_C_SOURCE 200809L
#include "mezzo_host_support.h"

#include <string.h>
#include <time.h>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

// As many as no latency can make wait, and as registers can hold.
#define CHAINS 12
#define ROUNDS 4096

static double seconds_now(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static _Thread_local volatile float sink;

// The operations a second of `round`, which returns how many it did, in the best thousandth of `seconds`: what else runs on
// the machine interrupts the others.
static double rate(double (*round)(void), double seconds) {
  double best = 0;
  for (double begin = seconds_now(), before = begin; before - begin < seconds;) {
    double done = 0, now = before;
    while (now - before < seconds / 1000) {
      done += round();
      now = seconds_now();
    }
    if (done / (now - before) > best) best = done / (now - before);
    before = now;
  }
  return best;
}

typedef float lanes __attribute__((vector_size(16)));

static double multiply_add_portable(void) {
  lanes chain[CHAINS];
  memset(chain, 0, sizeof chain);
  volatile float one = 1.0f, small = 1e-3f;
  lanes a = {one, one, one, one}, b = {small, small, small, small};
  for (int round = 0; round < ROUNDS; round++) {
#pragma clang loop unroll(full)
    for (int index = 0; index < CHAINS; index++) chain[index] = chain[index] * a + b;
  }
  lanes sum = chain[0];
  for (int index = 1; index < CHAINS; index++) sum += chain[index];
  sink = sum[0];
  return (double)ROUNDS * CHAINS * 4 * 2;
}

#if defined(__x86_64__)
__attribute__((target("avx2,fma"))) static double multiply_add_256(void) {
  __m256 chain[CHAINS];
  for (int index = 0; index < CHAINS; index++) chain[index] = _mm256_setzero_ps();
  volatile float one = 1.0f, small = 1e-3f;
  __m256 a = _mm256_set1_ps(one), b = _mm256_set1_ps(small);
  for (int round = 0; round < ROUNDS; round++) {
#pragma clang loop unroll(full)
    for (int index = 0; index < CHAINS; index++) chain[index] = _mm256_fmadd_ps(chain[index], a, b);
  }
  __m256 sum = chain[0];
  for (int index = 1; index < CHAINS; index++) sum = _mm256_add_ps(sum, chain[index]);
  sink = _mm256_cvtss_f32(sum);
  return (double)ROUNDS * CHAINS * 8 * 2;
}

__attribute__((target("avx512f"))) static double multiply_add_512(void) {
  __m512 chain[CHAINS];
  for (int index = 0; index < CHAINS; index++) chain[index] = _mm512_setzero_ps();
  volatile float one = 1.0f, small = 1e-3f;
  __m512 a = _mm512_set1_ps(one), b = _mm512_set1_ps(small);
  for (int round = 0; round < ROUNDS; round++) {
#pragma clang loop unroll(full)
    for (int index = 0; index < CHAINS; index++) chain[index] = _mm512_fmadd_ps(chain[index], a, b);
  }
  __m512 sum = chain[0];
  for (int index = 1; index < CHAINS; index++) sum = _mm512_add_ps(sum, chain[index]);
  sink = _mm512_cvtss_f32(sum);
  return (double)ROUNDS * CHAINS * 16 * 2;
}

__attribute__((target("avx512f,avx512bw,avx512bf16"))) static double dot_bfloat16_512(void) {
  __m512 chain[CHAINS];
  for (int index = 0; index < CHAINS; index++) chain[index] = _mm512_setzero_ps();
  volatile short bits = 0x3f80;
  __m512i a = _mm512_set1_epi16(bits), b = _mm512_set1_epi16(bits);
  for (int round = 0; round < ROUNDS; round++) {
#pragma clang loop unroll(full)
    for (int index = 0; index < CHAINS; index++) {
      chain[index] = _mm512_dpbf16_ps(chain[index], (__m512bh)a, (__m512bh)b);
    }
  }
  __m512 sum = chain[0];
  for (int index = 1; index < CHAINS; index++) sum = _mm512_add_ps(sum, chain[index]);
  sink = _mm512_cvtss_f32(sum);
  return (double)ROUNDS * CHAINS * 32 * 2;
}

__attribute__((target("avx512f,avx512bw,avx512vnni"))) static double dot_int8_512(void) {
  __m512i chain[CHAINS];
  for (int index = 0; index < CHAINS; index++) chain[index] = _mm512_setzero_si512();
  volatile char bits = 1;
  __m512i a = _mm512_set1_epi8(bits), b = _mm512_set1_epi8(bits);
  for (int round = 0; round < ROUNDS; round++) {
#pragma clang loop unroll(full)
    for (int index = 0; index < CHAINS; index++) chain[index] = _mm512_dpbusd_epi32(chain[index], a, b);
  }
  __m512i sum = chain[0];
  for (int index = 1; index < CHAINS; index++) sum = _mm512_add_epi32(sum, chain[index]);
  sink = (float)_mm512_cvtsi512_si32(sum);
  return (double)ROUNDS * CHAINS * 64 * 2;
}
#endif

double mezzo_peak_float32(double seconds) {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f")) return rate(multiply_add_512, seconds);
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return rate(multiply_add_256, seconds);
#endif
  return rate(multiply_add_portable, seconds);
}

double mezzo_peak_bfloat16(double seconds) {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512bf16")) return rate(dot_bfloat16_512, seconds);
#endif
  (void)seconds;
  return 0;
}

double mezzo_peak_int8(double seconds) {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512vnni")) return rate(dot_int8_512, seconds);
#endif
  (void)seconds;
  return 0;
}

double mezzo_read_rate(const void *memory, uint64_t bytes, double seconds) {
  uint64_t words = bytes / 8;
  double best = 0;
  for (double begin = seconds_now(), before = begin; before - begin < seconds;) {
    // Eight sums, which become whole vectors; one would wait for itself.
    uint64_t sums[8] = {0};
    const uint64_t *from = memory;
    for (uint64_t index = 0; index + 8 <= words; index += 8) {
      for (int lane = 0; lane < 8; lane++) sums[lane] += from[index + (uint64_t)lane];
    }
    sink = (float)(sums[0] + sums[1] + sums[2] + sums[3] + sums[4] + sums[5] + sums[6] + sums[7]);
    double now = seconds_now();
    if ((double)bytes / (now - before) > best) best = (double)bytes / (now - before);
    before = now;
  }
  return best;
}
