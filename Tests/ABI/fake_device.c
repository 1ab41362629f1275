/* A device for tests: memory that the host cannot reach and that holds poison until something is copied there, and streams
 * that work on threads of their own. It knows relu of float32, and fails at it, later and on its own thread, where it meets a
 * NaN. */
#include "mezzo_device.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MEMORIES = 64, EVENTS = 64, STREAMS = 16, QUEUE = 256, POISON = 0xDB, TYPE = MEZZO_DEVICE_EXTENSION };

typedef struct {
  mezzo_status status;
  const char *why;
} failure;

typedef struct { unsigned char *bytes; uint64_t size; } memory;
typedef struct { int is_made; uint64_t recorded, reached; failure failed; } event;

typedef enum { COPY, RELU, RECORD, WAIT, END } kind;
typedef struct {
  kind kind;
  mezzo_place to, from;
  uint64_t bytes, event, turn;
} work;

typedef struct {
  int is_made;
  pthread_t thread;
  work queue[QUEUE];
  uint64_t put, done;
  failure failed;
} stream;

/* One lock for everything: it is a test. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static memory memories[MEMORIES];
static event events[EVENTS];
static stream streams[STREAMS];
static uint64_t in_use;

static mezzo_status say(mezzo_call *h, mezzo_status status, const char *text) {
  if (h->err == NULL || text == NULL) return status;
  h->err->code = status;
  h->err->msg_len = (uint32_t)strlen(text);
  if (h->err->msg_len > h->err->msg_cap) h->err->msg_len = h->err->msg_cap;
  memcpy(h->err->msg, text, h->err->msg_len);
  return status;
}

/* Addresses that the device alone understands: the handle, far from anything mapped. */
static void *address_of(uint64_t mem) { return (void *)(uintptr_t)(UINT64_C(0x6000000000000000) + (mem << 32)); }

static memory *memory_of(uint64_t mem) {
  return mem > 0 && mem <= MEMORIES && memories[mem - 1].bytes != NULL ? &memories[mem - 1] : NULL;
}

/* NULL where the bytes are not all there. */
static unsigned char *resolve(const mezzo_place *place, uint64_t bytes) {
  if (place->mem == 0) return (unsigned char *)place->data + place->offset;
  const memory *at = memory_of(place->mem);
  return at != NULL && place->offset <= at->size && bytes <= at->size - place->offset ? at->bytes + place->offset : NULL;
}

/* With the lock held; done without it, so that streams run at the same time. */
static failure perform(const work *job) {
  unsigned char *to = resolve(&job->to, job->bytes), *from = resolve(&job->from, job->bytes);
  if (to == NULL || from == NULL) return (failure){MEZZO_INVALID, "memory that is not there"};
  pthread_mutex_unlock(&lock);
  failure failed = {MEZZO_OK, NULL};
  nanosleep(&(struct timespec){.tv_nsec = 200000}, NULL);
  if (job->kind == COPY) {
    memcpy(to, from, job->bytes);
  } else {
    for (uint64_t i = 0; i + sizeof(float) <= job->bytes; i += sizeof(float)) {
      float x;
      memcpy(&x, from + i, sizeof x);
      if (x != x) failed = (failure){MEZZO_INTERNAL, "relu met a NaN on the device"};
      x = x > 0 ? x : 0;
      memcpy(to + i, &x, sizeof x);
    }
  }
  pthread_mutex_lock(&lock);
  return failed;
}

static void *serve(void *argument) {
  stream *s = argument;
  pthread_mutex_lock(&lock);
  for (;;) {
    while (s->done == s->put) pthread_cond_wait(&changed, &lock);
    work job = s->queue[s->done % QUEUE];
    if (job.kind == END) break;
    if (job.kind == RECORD) {
      events[job.event - 1].reached = job.turn;
      events[job.event - 1].failed = s->failed;
    } else if (job.kind == WAIT) {
      while (events[job.event - 1].reached < job.turn) pthread_cond_wait(&changed, &lock);
      if (s->failed.status == MEZZO_OK) s->failed = events[job.event - 1].failed;
    } else if (s->failed.status == MEZZO_OK) {
      s->failed = perform(&job);
    }
    s->done++;
    pthread_cond_broadcast(&changed);
  }
  pthread_mutex_unlock(&lock);
  return NULL;
}

static stream *stream_of(uint64_t handle) {
  return handle > 0 && handle <= STREAMS && streams[handle - 1].is_made ? &streams[handle - 1] : NULL;
}

static event *event_of(uint64_t handle) {
  return handle > 0 && handle <= EVENTS && events[handle - 1].is_made ? &events[handle - 1] : NULL;
}

/* Stream 0: now. */
static mezzo_status submit(mezzo_call *h, uint64_t handle, work job) {
  pthread_mutex_lock(&lock);
  failure failed = {MEZZO_OK, NULL};
  stream *s = stream_of(handle);
  if (handle == 0) {
    failed = perform(&job);
  } else if (s == NULL || s->put - s->done == QUEUE - 1) {
    failed = (failure){MEZZO_INVALID, "no such stream, or a full one"};
  } else {
    s->queue[s->put++ % QUEUE] = job;
    pthread_cond_broadcast(&changed);
  }
  pthread_mutex_unlock(&lock);
  return failed.status == MEZZO_OK ? MEZZO_OK : say(h, failed.status, failed.why);
}

static const mezzo_memory_kind kinds[] = {
    {.struct_size = sizeof(mezzo_memory_kind), .flags = MEZZO_MEMORY_DEFAULT, .name = "device", .align = 64, .capacity = 1 << 20}};
static const mezzo_device_info infos[] = {{.struct_size = sizeof(mezzo_device_info), .device = {TYPE, 0}, .name = "fake",
                                           .n_kinds = 1, .kinds = kinds, .kind_stride = sizeof kinds[0]}};

static mezzo_status devices(void *self, mezzo_devices_args *args) {
  (void)self;
  args->at = infos;
  args->count = 1;
  args->stride = sizeof infos[0];
  return MEZZO_OK;
}

static mezzo_status allocate(void *self, mezzo_memory_args *args) {
  (void)self;
  mezzo_status status = MEZZO_OOM;
  pthread_mutex_lock(&lock);
  for (uint64_t i = 0; i < MEMORIES && args->bytes <= kinds[0].capacity - in_use; i++) {
    if (memories[i].bytes != NULL) continue;
    memories[i] = (memory){malloc(args->bytes + 1), args->bytes};
    memset(memories[i].bytes, POISON, args->bytes);
    in_use += args->bytes;
    args->mem = i + 1;
    args->data = address_of(i + 1);
    status = MEZZO_OK;
    break;
  }
  pthread_mutex_unlock(&lock);
  return status == MEZZO_OK ? status : say(&args->h, status, "the device has no memory left");
}

static mezzo_status release_memory(void *self, mezzo_memory_args *args) {
  (void)self;
  pthread_mutex_lock(&lock);
  memory *at = memory_of(args->mem);
  if (at != NULL) {
    in_use -= at->size;
    free(at->bytes);
    at->bytes = NULL;
  }
  pthread_mutex_unlock(&lock);
  return at != NULL ? MEZZO_OK : say(&args->h, MEZZO_INVALID, "memory that is not there");
}

static mezzo_status copy(void *self, mezzo_copy_args *args) {
  (void)self;
  return submit(&args->h, args->stream, (work){.kind = COPY, .to = args->to, .from = args->from, .bytes = args->bytes});
}

static mezzo_status stream_create(void *self, mezzo_stream_args *args) {
  (void)self;
  mezzo_status status = MEZZO_OOM;
  pthread_mutex_lock(&lock);
  for (uint64_t i = 0; i < STREAMS && status != MEZZO_OK; i++) {
    if (streams[i].is_made) continue;
    memset(&streams[i], 0, sizeof streams[i]);
    if (pthread_create(&streams[i].thread, NULL, serve, &streams[i]) != 0) break;
    streams[i].is_made = 1;
    args->stream = i + 1;
    status = MEZZO_OK;
  }
  pthread_mutex_unlock(&lock);
  return status;
}

static mezzo_status stream_destroy(void *self, mezzo_stream_args *args) {
  (void)self;
  mezzo_status status = submit(&args->h, args->stream, (work){.kind = END});
  if (status != MEZZO_OK) return status;
  pthread_join(streams[args->stream - 1].thread, NULL);
  pthread_mutex_lock(&lock);
  streams[args->stream - 1].is_made = 0;
  pthread_mutex_unlock(&lock);
  return MEZZO_OK;
}

static mezzo_status stream_sync(void *self, mezzo_stream_args *args) {
  (void)self;
  pthread_mutex_lock(&lock);
  stream *s = stream_of(args->stream);
  failure failed = {MEZZO_INVALID, "no such stream"};
  if (s != NULL) {
    uint64_t end = s->put;
    while (s->done < end) pthread_cond_wait(&changed, &lock);
    failed = s->failed;
    s->failed = (failure){MEZZO_OK, NULL};
  }
  pthread_mutex_unlock(&lock);
  return failed.status == MEZZO_OK ? MEZZO_OK : say(&args->h, failed.status, failed.why);
}

static mezzo_status event_create(void *self, mezzo_event_args *args) {
  (void)self;
  mezzo_status status = MEZZO_OOM;
  pthread_mutex_lock(&lock);
  for (uint64_t i = 0; i < EVENTS && status != MEZZO_OK; i++) {
    if (events[i].is_made) continue;
    events[i] = (event){.is_made = 1};
    args->event = i + 1;
    status = MEZZO_OK;
  }
  pthread_mutex_unlock(&lock);
  return status;
}

static mezzo_status event_destroy(void *self, mezzo_event_args *args) {
  (void)self;
  pthread_mutex_lock(&lock);
  event *e = event_of(args->event);
  if (e != NULL) {
    while (e->reached < e->recorded) pthread_cond_wait(&changed, &lock);
    e->is_made = 0;
  }
  pthread_mutex_unlock(&lock);
  return e != NULL ? MEZZO_OK : say(&args->h, MEZZO_INVALID, "no such event");
}

static mezzo_status mark(mezzo_event_args *args, kind kind) {
  pthread_mutex_lock(&lock);
  event *e = event_of(args->event);
  if (e != NULL && kind == RECORD) e->recorded++;
  uint64_t turn = e != NULL ? e->recorded : 0;
  pthread_mutex_unlock(&lock);
  if (e == NULL || args->stream == 0) return say(&args->h, MEZZO_INVALID, "no such event, or no stream");
  return submit(&args->h, args->stream, (work){.kind = kind, .event = args->event, .turn = turn});
}

static mezzo_status event_record(void *self, mezzo_event_args *args) {
  (void)self;
  return mark(args, RECORD);
}

static mezzo_status event_wait(void *self, mezzo_event_args *args) {
  (void)self;
  return mark(args, WAIT);
}

static mezzo_status look(mezzo_event_args *args, int waits) {
  pthread_mutex_lock(&lock);
  event *e = event_of(args->event);
  failure failed = {MEZZO_INVALID, "no such event"};
  if (e != NULL) {
    while (waits && e->reached < e->recorded) pthread_cond_wait(&changed, &lock);
    args->is_done = e->reached == e->recorded;
    failed = args->is_done ? e->failed : (failure){MEZZO_OK, NULL};
  }
  pthread_mutex_unlock(&lock);
  return failed.status == MEZZO_OK ? MEZZO_OK : say(&args->h, failed.status, failed.why);
}

static mezzo_status event_sync(void *self, mezzo_event_args *args) {
  (void)self;
  return look(args, 1);
}

static mezzo_status event_query(void *self, mezzo_event_args *args) {
  (void)self;
  return look(args, 0);
}

static const mezzo_device_v1 device = {
    .struct_size = sizeof device, .version = MEZZO_DEVICE_VERSION, .devices = devices, .alloc = allocate, .free = release_memory,
    .copy = copy, .stream_create = stream_create, .stream_destroy = stream_destroy, .stream_sync = stream_sync,
    .event_create = event_create, .event_destroy = event_destroy, .event_record = event_record, .event_wait = event_wait,
    .event_sync = event_sync, .event_query = event_query};

static const void *extension(const char *name, uint32_t min_version) {
  return strcmp(name, MEZZO_DEVICE_EXTENSION_V1) == 0 && min_version <= MEZZO_DEVICE_VERSION ? &device : NULL;
}

static mezzo_status open_device(void *unused, mezzo_open_args *args) {
  (void)unused;
  args->self = NULL;
  return MEZZO_OK;
}

static mezzo_status close_device(void *self, mezzo_call *call) {
  (void)self;
  (void)call;
  return MEZZO_OK;
}

static mezzo_status plan(void *self, mezzo_plan_args *args) {
  (void)self;
  args->plan = NULL;
  args->workspace = args->packed_bytes = 0;
  args->n_epilogue = 0;
  return MEZZO_OK;
}

static mezzo_status execute(void *self, mezzo_exec_args *args) {
  (void)self;
  const mezzo_tensor *x = args->in.at, *y = args->out.at;
  if (x->mem == 0 || y->mem == 0 || x->device.type != TYPE || y->device.type != TYPE) {
    if (args->h.err != NULL) args->h.err->why = MEZZO_WHY_DEVICE;
    return say(&args->h, MEZZO_UNSUPPORTED, "takes tensors in memory of its own");
  }
  uint64_t handle = (args->h.flags & MEZZO_CALL_ASYNC) != 0 ? args->stream : 0;
  return submit(&args->h, handle, (work){.kind = RELU, .to = {.mem = y->mem, .offset = y->byte_offset},
                                         .from = {.mem = x->mem, .offset = x->byte_offset}, .bytes = y->nbytes});
}

static mezzo_status release(void *self, mezzo_release_args *args) {
  (void)self;
  (void)args;
  return MEZZO_OK;
}

static const mezzo_rule rules[] = {{.struct_size = sizeof(mezzo_rule), .op = MEZZO_OP_RELU, .name = "relu", .sig = "x:f32 -> y:f32",
                                    .when = "contiguous(x) and contiguous(y)", .flags = MEZZO_R_REENTRANT | MEZZO_R_ASYNC}};

static const mezzo_backend table = {
    .struct_size = sizeof table, .abi_major = 1, .abi_minor = 0, .id = "fake-device", .version = "1", .rules = rules, .n_rules = 1,
    .rule_stride = sizeof rules[0], .open = open_device, .close = close_device, .plan = plan, .execute = execute,
    .release = release, .extension = extension};

const mezzo_backend *mezzo_backend_query(const mezzo_offer *offer) {
  return offer->major == 1 && offer->min_minor == 0 ? &table : NULL;
}
