#ifndef MEZZO_MANIFESTS_H
#define MEZZO_MANIFESTS_H
#include <stddef.h>

/* The text of a manifest that comes with Mezzo; UTF-8, not terminated. */
typedef struct mezzo_manifest_text {
  const char *file;
  const unsigned char *text;
  size_t count;
} mezzo_manifest_text;

size_t mezzo_manifest_count(void);
mezzo_manifest_text mezzo_manifest_at(size_t index);
#endif
