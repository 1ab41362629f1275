#include <string.h>

#include "mezzo_host_support.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define SANITIZED 1
#endif
#endif

/* Clones are resolved by ifuncs, which need glibc and which run before a sanitizer's runtime is up. */
#if defined(__x86_64__) && defined(__GLIBC__) && !defined(SANITIZED)
#define CLONES __attribute__((target_clones("default", "arch=x86-64-v3", "arch=x86-64-v4")))
#else
#define CLONES
#endif

enum { LANES = 8, STRIPE = 8 * LANES, BLOCK = 16 };

/* Digits of pi. */
static const uint64_t keys[LANES] = {
    UINT64_C(0x243f6a8885a308d3), UINT64_C(0x13198a2e03707344), UINT64_C(0xa4093822299f31d0), UINT64_C(0x082efa98ec4e6c89),
    UINT64_C(0x452821e638d01377), UINT64_C(0xbe5466cf34e90c6c), UINT64_C(0xc0ac29b7c97c50dd), UINT64_C(0x3f84d5b5b5470917)};

static const uint64_t golden = UINT64_C(0x9e3779b97f4a7c15);

/* The inner loop of XXH3 (Yann Collet): products of halves, and the words themselves on the neighbour's lane, so that a
 * product of 0 hides nothing. */
CLONES static void add_stripes(uint64_t sums[LANES], const unsigned char *bytes, uint64_t first, uint64_t count) {
  uint64_t lane[LANES];
  memcpy(lane, sums, sizeof lane);
  for (uint64_t n = 0; n < count; n++, bytes += STRIPE) {
    uint64_t word[LANES];
    memcpy(word, bytes, sizeof word);
    uint64_t step = (first + n) * golden;
    for (int i = 0; i < LANES; i++) {
      uint64_t mixed = word[i] ^ (keys[i] + step);
      lane[i] += (mixed & UINT32_MAX) * (mixed >> 32) + word[i ^ 1];
    }
    if ((first + n) % BLOCK == BLOCK - 1)
      for (int i = 0; i < LANES; i++) lane[i] = (lane[i] ^ lane[i] >> 47 ^ keys[i]) * UINT64_C(0x9e3779b1);
  }
  memcpy(sums, lane, sizeof lane);
}

static uint64_t folded(uint64_t a, uint64_t b) {
  unsigned __int128 product = (unsigned __int128)a * b;
  return (uint64_t)(product >> 64) ^ (uint64_t)product;
}

static uint64_t merged(const uint64_t sums[LANES], uint64_t start, uint64_t salt) {
  uint64_t hash = start;
  for (int i = 0; i < LANES; i += 2) hash = folded(hash ^ sums[i] ^ salt, sums[i + 1] + keys[i]) + golden * (uint64_t)(i + 1);
  hash = (hash ^ hash >> 37) * UINT64_C(0x165667919e3779f9);
  return hash ^ hash >> 32;
}

void mezzo_content_hash(const void *bytes, uint64_t count, uint64_t hash[2]) {
  uint64_t sums[LANES];
  memcpy(sums, keys, sizeof sums);
  uint64_t whole = count / STRIPE, rest = count % STRIPE;
  unsigned char last[STRIPE] = {0};
  add_stripes(sums, bytes, 0, whole);
  if (rest > 0) memcpy(last, (const unsigned char *)bytes + whole * STRIPE, rest);
  add_stripes(sums, last, whole, 1);
  hash[0] = merged(sums, count * golden, 0);
  hash[1] = merged(sums, ~(count * keys[1]), keys[2]);
}
