/* The entry points of the table; without oneDNN's headers, without_headers.c has them all decline. */
#ifndef ONEDNN_ENTRY_H
#define ONEDNN_ENTRY_H
#include <stdbool.h>

#include "mezzo_backend.h"

/* 0 builds the plugin as if the headers were missing. Only oneDNN 2 has the C interface that is used here. */
#ifndef ONEDNN_HEADERS
#if defined(__has_include)
#if __has_include(<oneapi/dnnl/dnnl_version.h>)
#include <oneapi/dnnl/dnnl_version.h>
#endif
#endif
#if defined(DNNL_VERSION_MAJOR) && DNNL_VERSION_MAJOR == 2
#define ONEDNN_HEADERS 1
#else
#define ONEDNN_HEADERS 0
#endif
#endif

mezzo_status onednn_open(void *unused, mezzo_open_args *args);
mezzo_status onednn_close(void *self, mezzo_call *call);
mezzo_status onednn_plan(void *self, mezzo_plan_args *args);
mezzo_status onednn_pack(void *self, mezzo_pack_args *args);
mezzo_status onednn_execute(void *self, mezzo_exec_args *args);
mezzo_status onednn_release(void *self, mezzo_release_args *args);

/* Whether plans of a rule of the table compute on oneDNN's own threads. */
bool onednn_owns_threads(uint32_t rule);

#endif
