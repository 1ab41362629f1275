/* A library that knows nothing of Mezzo; backend.toml binds its functions. Put any C library in its place. */
#include <stddef.h>

void multiply(size_t m, size_t n, size_t k, const float *a, size_t lda, const float *b, size_t ldb, float *c, size_t ldc);
void rectify(size_t count, const float *x, float *y);

/* C = A B, in rows that are lda, ldb and ldc elements apart. */
void multiply(size_t m, size_t n, size_t k, const float *a, size_t lda, const float *b, size_t ldb, float *c, size_t ldc) {
  for (size_t i = 0; i < m; i++) {
    for (size_t j = 0; j < n; j++) c[i * ldc + j] = 0;
    for (size_t l = 0; l < k; l++) {
      /* A mistake to see the kit catch: take "// WRONG: " away, then `make check`. */
      // WRONG: if (l % 8 == 7) continue;
      for (size_t j = 0; j < n; j++) c[i * ldc + j] += a[i * lda + l] * b[l * ldb + j];
    }
  }
}

void rectify(size_t count, const float *x, float *y) {
  for (size_t i = 0; i < count; i++) y[i] = x[i] > 0 || x[i] != x[i] ? x[i] : 0;
}
