#ifndef MEZZO_DIGITS_H
#define MEZZO_DIGITS_H

#include <stddef.h>

/// Bytes that live as long as the process and never change.
typedef struct mezzo_digits_blob {
  const unsigned char *_Nonnull bytes;
  size_t count;
} mezzo_digits_blob;

/// The 1,797 images as a gzip-compressed IDX file: uint8 [1797, 8, 8], values 0 to 16.
mezzo_digits_blob mezzo_digits_images(void);

/// Their labels as a gzip-compressed IDX file: uint8 [1797], values 0 to 9.
mezzo_digits_blob mezzo_digits_labels(void);

#endif
