#include "backend.h"

#if ONEDNN_HEADERS
#include <limits.h>
#include <stdlib.h>

#include "report.h"

static const char *configured(const mezzo_host *host, const char *key) {
  return host != NULL && host->config != NULL ? host->config(host->ctx, key) : NULL;
}

static mezzo_status read_threads(const char *text, int *threads, mezzo_error *err) {
  if (text == NULL) return MEZZO_OK;
  char *end = NULL;
  long value = strtol(text, &end, 10);
  if (end == text || *end != 0 || value < 1 || value > INT_MAX)
    return onednn_report(err, MEZZO_INVALID, MEZZO_WHY_ATTR, ONEDNN_NO_OPERAND,
                         "setting threads: expected a whole number from 1, came \"%s\"", text);
  *threads = (int)value;
  return MEZZO_OK;
}

mezzo_status onednn_open(void *unused, mezzo_open_args *args) {
  (void)unused;
  args->self = NULL;
  onednn_backend *backend = calloc(1, sizeof *backend);
  if (backend == NULL)
    return onednn_report(args->h.err, MEZZO_OOM, MEZZO_WHY_NONE, ONEDNN_NO_OPERAND, "no memory to open oneDNN");
  backend->host = args->host;
  mezzo_status status = read_threads(configured(args->host, "threads"), &backend->configured_threads, args->h.err);
  if (status == MEZZO_OK) status = onednn_load(&backend->dnnl, configured(args->host, "onednn_library"), args->h.err);
  if (status == MEZZO_OK) {
    dnnl_status_t created = backend->dnnl.engine_create(&backend->engine, dnnl_cpu, 0);
    if (created != dnnl_success)
      status = onednn_report(args->h.err, MEZZO_INTERNAL, MEZZO_WHY_NONE, ONEDNN_NO_OPERAND,
                             "oneDNN makes no CPU engine: %s", backend->dnnl.status2str(created));
  }
  if (status != MEZZO_OK) {
    free(backend);
    return status;
  }
  args->self = backend;
  return MEZZO_OK;
}

mezzo_status onednn_close(void *self, mezzo_call *call) {
  (void)call;
  onednn_backend *backend = self;
  if (backend == NULL) return MEZZO_OK;
  backend->dnnl.engine_destroy(backend->engine);
  free(backend);
  return MEZZO_OK;
}

int onednn_thread_budget(const onednn_backend *backend, uint32_t wanted) {
  int budget = backend->dnnl.omp_get_max_threads != NULL ? backend->dnnl.omp_get_max_threads() : INT_MAX;
  if (backend->configured_threads > 0 && backend->configured_threads < budget) budget = backend->configured_threads;
  const mezzo_host *host = backend->host;
  uint32_t lent = host != NULL && host->threads != NULL ? host->threads(host->ctx) : 0;
  if (lent > 0 && lent < (uint32_t)budget) budget = (int)lent;
  if (wanted > 0 && wanted < (uint32_t)budget) budget = (int)wanted;
  return budget;
}

int onednn_enter_threads(const onednn_library *dnnl, int threads) {
  if (dnnl->omp_get_max_threads == NULL || dnnl->omp_set_num_threads == NULL) return 0;
  int previous = dnnl->omp_get_max_threads();
  if (previous == threads) return 0;
  dnnl->omp_set_num_threads(threads);
  return previous;
}

void onednn_leave_threads(const onednn_library *dnnl, int previous) {
  if (previous > 0) dnnl->omp_set_num_threads(previous);
}
#endif
