/* mezzo_device.h: the extension "device.v1": memory of devices, streams and events. C11, C++17, importable in Swift.
 *
 * A backend whose data lies elsewhere than in the host's memory answers extension("device.v1", 1) with a mezzo_device_v1. The
 * promises of mezzo_backend.h hold here too. Every function has the shape  mezzo_status f(void *self, ARGS *args)  with the
 * self of open, may be called on any thread, and is required unless it says otherwise.
 *
 * Order: work on one stream is done in the order in which it was queued; streams run independently of each other and of the
 * host. Stream 0 means "now": the call returns when the work is done. An event marks a place in a stream.
 *
 * Errors: a call that queues work reports only that it could not be queued. What goes wrong later makes every event that is
 * recorded behind it on the same stream fail: event_sync and event_query return the status, and the reason, of the first
 * failure; so do waits on other streams pass it on. stream_sync returns it once and clears it: the stream can be used again.
 * Destroying a stream waits for its work.
 */
#ifndef MEZZO_DEVICE_H
#define MEZZO_DEVICE_H
#include "mezzo_backend.h"
#ifdef __cplusplus
extern "C" {
#endif

#define MEZZO_DEVICE_EXTENSION_V1 "device.v1"
#define MEZZO_DEVICE_VERSION 1u

enum {
  MEZZO_MEMORY_HOST_READS = 1u,  /* the host may read through data where no queued work writes */
  MEZZO_MEMORY_HOST_WRITES = 2u, /* and write where none reads */
  MEZZO_MEMORY_DEFAULT = 4u      /* execute takes tensors of this kind; one kind of a device has it */
};

/* A kind of memory of a device: its own, memory of the host that it reaches, and so on. */
typedef struct mezzo_memory_kind {
  uint32_t struct_size;
  uint32_t flags;    /* MEZZO_MEMORY_* */
  const char *name;  /* for people */
  uint64_t align;    /* that alloc gives */
  uint64_t capacity; /* bytes; 0: not known */
} mezzo_memory_kind;

/* What does not change about a device; constant to the end of the process. */
typedef struct mezzo_device_info {
  uint32_t struct_size;
  mezzo_device device; /* as tensors name it: DLPack's type, and the ordinal */
  uint32_t n_kinds;
  const char *name;    /* for people */
  const mezzo_memory_kind *kinds;
  uint32_t kind_stride;
  uint32_t reserved;
} mezzo_device_info;

typedef struct mezzo_devices_args {
  mezzo_call h;
  const mezzo_device_info *at; /* out */
  uint32_t count, stride;      /* out */
} mezzo_devices_args;

/* Memory is named by a handle, which is not 0; data is its address as tensors carry it, which the host must not follow unless
 * the kind's flags say so. The contents are not defined. Freeing memory that queued work uses is the host's mistake. */
typedef struct mezzo_memory_args {
  mezzo_call h;
  mezzo_device device;
  uint32_t kind;  /* index among the device's kinds */
  uint32_t reserved;
  uint64_t bytes;
  uint64_t align; /* 0: the kind's own; else a power of two */
  uint64_t mem;   /* out of alloc, in of free */
  void *data;     /* out of alloc */
} mezzo_memory_args;

/* One end of a copy: device memory by its handle, or the host's memory with mem 0. */
typedef struct mezzo_place {
  uint64_t mem;
  void *data;      /* the host's address, if mem is 0 */
  uint64_t offset; /* bytes from the beginning of either */
} mezzo_place;

/* The two ends do not overlap. The host's memory stays as it is until the work is done. */
typedef struct mezzo_copy_args {
  mezzo_call h;
  mezzo_place to, from;
  uint64_t bytes;
  uint64_t stream;
} mezzo_copy_args;

typedef struct mezzo_stream_args {
  mezzo_call h;
  mezzo_device device; /* of stream_create */
  uint64_t stream;     /* out of stream_create, in of the others; never 0 */
} mezzo_stream_args;

typedef struct mezzo_event_args {
  mezzo_call h;
  mezzo_device device; /* of event_create */
  uint64_t event;      /* out of event_create, in of the others; never 0 */
  uint64_t stream;     /* of event_record and event_wait */
  uint32_t is_done;    /* out of event_query */
  uint32_t reserved;
} mezzo_event_args;

typedef struct mezzo_device_v1 {
  uint32_t struct_size;
  uint32_t version; /* MEZZO_DEVICE_VERSION */
  mezzo_status (*devices)(void *self, mezzo_devices_args *);
  mezzo_status (*alloc)(void *self, mezzo_memory_args *);
  mezzo_status (*free)(void *self, mezzo_memory_args *);
  mezzo_status (*copy)(void *self, mezzo_copy_args *);
  mezzo_status (*stream_create)(void *self, mezzo_stream_args *);
  mezzo_status (*stream_destroy)(void *self, mezzo_stream_args *);
  mezzo_status (*stream_sync)(void *self, mezzo_stream_args *); /* returns when all that is queued is done */
  mezzo_status (*event_create)(void *self, mezzo_event_args *);
  mezzo_status (*event_destroy)(void *self, mezzo_event_args *);
  mezzo_status (*event_record)(void *self, mezzo_event_args *); /* behind what is queued on stream; again: the new place */
  mezzo_status (*event_wait)(void *self, mezzo_event_args *);   /* what is queued on stream from here on waits for event */
  mezzo_status (*event_sync)(void *self, mezzo_event_args *);   /* returns when it is reached; at once if never recorded */
  mezzo_status (*event_query)(void *self, mezzo_event_args *);  /* as event_sync, but sets is_done to 0 instead of waiting */
} mezzo_device_v1;

#ifdef __cplusplus
}
#endif
#endif
