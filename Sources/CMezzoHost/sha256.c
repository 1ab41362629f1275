#define _XOPEN_SOURCE 700 // pread, in strict C11
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "mezzo_host_support.h"

// The names are those of FIPS 180-4, section 6.2.
static const uint32_t K[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5, 0xd807aa98, 0x12835b01,
    0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc,
    0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147,
    0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116, 0x1e376c08,
    0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208,
    0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

static uint32_t rotate(uint32_t x, int n) { return x >> n | x << (32 - n); }

static void compress(uint32_t H[8], const uint8_t block[64]) {
  uint32_t W[64];
  for (int t = 0; t < 16; t++) {
    W[t] = (uint32_t)block[4 * t] << 24 | (uint32_t)block[4 * t + 1] << 16 | (uint32_t)block[4 * t + 2] << 8 |
           block[4 * t + 3];
  }
  for (int t = 16; t < 64; t++) {
    uint32_t s0 = rotate(W[t - 15], 7) ^ rotate(W[t - 15], 18) ^ W[t - 15] >> 3;
    uint32_t s1 = rotate(W[t - 2], 17) ^ rotate(W[t - 2], 19) ^ W[t - 2] >> 10;
    W[t] = s1 + W[t - 7] + s0 + W[t - 16];
  }
  uint32_t a = H[0], b = H[1], c = H[2], d = H[3], e = H[4], f = H[5], g = H[6], h = H[7];
  for (int t = 0; t < 64; t++) {
    uint32_t T1 = h + (rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25)) + ((e & f) ^ (~e & g)) + K[t] + W[t];
    uint32_t T2 = (rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22)) + ((a & b) ^ (a & c) ^ (b & c));
    h = g, g = f, f = e, e = d + T1, d = c, c = b, b = a, a = T1 + T2;
  }
  H[0] += a, H[1] += b, H[2] += c, H[3] += d, H[4] += e, H[5] += f, H[6] += g, H[7] += h;
}

typedef struct {
  uint32_t H[8];
  uint64_t count;
  uint8_t rest[64];
} state;

static void begin(state *s) {
  static const uint32_t initial[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                      0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  memcpy(s->H, initial, sizeof initial);
  s->count = 0;
}

static void add(state *s, const uint8_t *bytes, uint64_t count) {
  while (count > 0) {
    uint64_t filled = s->count % 64, piece = 64 - filled < count ? 64 - filled : count;
    if (piece == 64) {
      compress(s->H, bytes);
    } else {
      memcpy(s->rest + filled, bytes, piece);
      if (filled + piece == 64) compress(s->H, s->rest);
    }
    s->count += piece, bytes += piece, count -= piece;
  }
}

static void finish(state *s, uint8_t digest[32]) {
  uint64_t bits = s->count * 8;
  static const uint8_t padding[64] = {0x80};
  add(s, padding, 1 + (119 - s->count % 64) % 64);
  uint8_t length[8];
  for (int i = 0; i < 8; i++) length[i] = (uint8_t)(bits >> (56 - 8 * i));
  add(s, length, 8);
  for (int i = 0; i < 32; i++) digest[i] = (uint8_t)(s->H[i / 4] >> (24 - 8 * (i % 4)));
}

void mezzo_sha256(const void *bytes, uint64_t count, uint8_t digest[32]) {
  state s;
  begin(&s);
  add(&s, bytes, count);
  finish(&s, digest);
}

int mezzo_sha256_file(int file, uint8_t digest[32]) {
  static _Thread_local uint8_t buffer[1 << 16];
  state s;
  begin(&s);
  for (uint64_t place = 0;;) {
    ssize_t got = pread(file, buffer, sizeof buffer, (off_t)place);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return errno;
    if (got == 0) break;
    add(&s, buffer, (uint64_t)got);
    place += (uint64_t)got;
  }
  finish(&s, digest);
  return 0;
}
