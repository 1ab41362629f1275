#include "entry.h"

#if !ONEDNN_HEADERS
#include "report.h"

static mezzo_status decline(mezzo_error *err) {
  return onednn_report(err, MEZZO_UNSUPPORTED, MEZZO_WHY_SYMBOL, ONEDNN_NO_OPERAND,
                       "built without oneDNN's headers: install libdnnl-dev (oneDNN 2), then rebuild");
}

mezzo_status onednn_open(void *unused, mezzo_open_args *args) {
  (void)unused;
  return decline(args->h.err);
}

mezzo_status onednn_close(void *self, mezzo_call *call) {
  (void)self;
  (void)call;
  return MEZZO_OK;
}

mezzo_status onednn_plan(void *self, mezzo_plan_args *args) {
  (void)self;
  return decline(args->h.err);
}

mezzo_status onednn_pack(void *self, mezzo_pack_args *args) {
  (void)self;
  return decline(args->h.err);
}

mezzo_status onednn_execute(void *self, mezzo_exec_args *args) {
  (void)self;
  return decline(args->h.err);
}

mezzo_status onednn_release(void *self, mezzo_release_args *args) {
  (void)self;
  (void)args;
  return MEZZO_OK;
}
#endif
