/* What open makes and every plan shares. */
#ifndef ONEDNN_BACKEND_H
#define ONEDNN_BACKEND_H
#include "library.h"

#if ONEDNN_HEADERS
typedef struct onednn_backend {
  onednn_library dnnl;
  dnnl_engine_t engine;
  const mezzo_host *host;
  int configured_threads; /* 0: not set */
} onednn_backend;

/* The smallest of OpenMP's own number, the configuration, the host's budget and wanted (0: no wish). */
int onednn_thread_budget(const onednn_backend *backend, uint32_t wanted);

/* OpenMP's number belongs to the calling thread, so it is lent and given back around each call of the library. A
 * primitive must run on the number of threads that it was created for. */
int onednn_enter_threads(const onednn_library *dnnl, int threads);
void onednn_leave_threads(const onednn_library *dnnl, int previous);
#endif
#endif
