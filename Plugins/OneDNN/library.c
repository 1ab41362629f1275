#define _POSIX_C_SOURCE 200112L /* setenv */

#include "library.h"

#if ONEDNN_HEADERS
#include <dlfcn.h>
#include <stddef.h>
#include <stdlib.h>

#include "report.h"

#if defined(__APPLE__)
#define DEFAULT_PATH "libdnnl.2.dylib"
#define INSTALL "install oneDNN 2 where the dynamic loader finds it"
#else
#define DEFAULT_PATH "libdnnl.so.2"
#define INSTALL "install oneDNN 2 (Debian, Ubuntu: apt-get install libdnnl2)"
#endif

typedef struct symbol {
  const char *name;
  size_t offset;
} symbol;

#define SYMBOL(name) {"dnnl_" #name, offsetof(onednn_library, name)},
static const symbol symbols[] = {ONEDNN_FUNCTIONS(SYMBOL)};
#undef SYMBOL

/* POSIX gives functions as void *, which C has no cast for; their common representation is what dlsym relies on. */
static void store(onednn_library *library, size_t offset, void *address) {
  *(void **)((char *)library + offset) = address;
}

/* libgomp reads its settings once, when it is loaded. By default its threads spin for milliseconds after every product; where a
 * neighbour has one of the processors, that makes a training step 50 times slower (measured: 1.8 ms to 96 ms on two cores, one
 * of them busy), while a short spin costs 8 % on idle ones. A user's own choice stands. */
static void spin_briefly(void) {
  if (getenv("OMP_WAIT_POLICY") == NULL) setenv("GOMP_SPINCOUNT", "1000", 0);
}

mezzo_status onednn_load(onednn_library *library, const char *path, mezzo_error *err) {
  if (path == NULL) path = DEFAULT_PATH;
  spin_briefly();
  /* Kept for ever: its thread pool outlives any plan. */
  void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  if (handle == NULL) {
    const char *reason = dlerror();
    return onednn_report(err, MEZZO_UNSUPPORTED, MEZZO_WHY_SYMBOL, ONEDNN_NO_OPERAND, "%s; " INSTALL,
                         reason ? reason : path);
  }
  for (size_t i = 0; i < sizeof symbols / sizeof symbols[0]; i++) {
    void *address = dlsym(handle, symbols[i].name);
    if (address == NULL)
      return onednn_report(err, MEZZO_UNSUPPORTED, MEZZO_WHY_SYMBOL, ONEDNN_NO_OPERAND, "%s has no %s; " INSTALL, path,
                           symbols[i].name);
    store(library, symbols[i].offset, address);
  }
  const dnnl_version_t *version = library->version();
  if (version->major != DNNL_VERSION_MAJOR)
    return onednn_report(err, MEZZO_UNSUPPORTED, MEZZO_WHY_SYMBOL, ONEDNN_NO_OPERAND,
                         "%s is oneDNN %d.%d, built for oneDNN %d; " INSTALL, path, version->major, version->minor,
                         DNNL_VERSION_MAJOR);
  store(library, offsetof(onednn_library, omp_get_max_threads), dlsym(handle, "omp_get_max_threads"));
  store(library, offsetof(onednn_library, omp_set_num_threads), dlsym(handle, "omp_set_num_threads"));
  return MEZZO_OK;
}
#endif
