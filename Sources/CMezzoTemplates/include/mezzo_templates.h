#ifndef MEZZO_TEMPLATES_H
#define MEZZO_TEMPLATES_H

#include <stddef.h>

/// A file of a project that `mezzo backend new` makes. Lives as long as the process and never changes.
typedef struct mezzo_template {
  /// `c`, `cpp`, `rust`, `swift`, `zig`, `manifest`; empty for files of every project.
  const char *_Nonnull language;
  /// Relative to the project.
  const char *_Nonnull path;
  const unsigned char *_Nonnull bytes;
  size_t count;
} mezzo_template;

size_t mezzo_template_count(void);

/// - Parameter index: less than `mezzo_template_count()`.
const mezzo_template *_Nonnull mezzo_template_at(size_t index);

#endif
