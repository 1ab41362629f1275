// Threads that help with pieces of a job. A helper looks for its next job for a while before it sleeps, so that one
// operation after another wakes nobody; whoever brings a job works on it too, and takes back what a helper has not begun, so
// that a helper without a processor holds nobody up.
#define _GNU_SOURCE
#include "mezzo_host_support.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stddef.h>
#include <time.h>

enum {
  MOST_HELPERS = 255,
  PATIENCE = 20000,            // nanoseconds that a helper looks for a job
  PATIENCE_IN_A_RUN = 200000 // while a run goes on, whose next operation is about to come: waking a helper takes 50 us
};

typedef struct {
  mezzo_piece *piece;
  void *user;
  uint32_t count;
  _Atomic uint32_t next;
  _Atomic uint32_t helpers; // that have it, begun or not
} job;

// What a helper's place holds instead of a job.
static job idle, busy;

typedef struct {
  _Alignas(64) _Atomic(job *) job; // &idle, a job that it has not begun, or &busy
  atomic_int is_asleep;
  pthread_mutex_t mutex;
  pthread_cond_t wake;
} helper;

static helper helpers[MOST_HELPERS];
static atomic_uint started;
static atomic_int resting; // how many others want the processors that helpers would look for jobs on
static atomic_int runs;    // that go on
static pthread_mutex_t starting = PTHREAD_MUTEX_INITIALIZER;

static void relax(void) {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

static int64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

static void work(job *todo) {
  for (uint32_t piece; (piece = atomic_fetch_add(&todo->next, 1)) < todo->count;) todo->piece(todo->user, piece);
}

// Beside a second run, a helper that looks takes a processor from who could use it.
static int64_t patience(void) { return atomic_load_explicit(&runs, memory_order_relaxed) == 1 ? PATIENCE_IN_A_RUN : PATIENCE; }

static void wait_for_job(helper *own) {
  int64_t begin = now();
  while (atomic_load(&own->job) == &idle) {
    for (int i = 0; i < 64 && atomic_load_explicit(&own->job, memory_order_relaxed) == &idle; i++) relax();
    if (now() - begin < patience() && atomic_load(&resting) == 0) continue;
    pthread_mutex_lock(&own->mutex);
    atomic_store(&own->is_asleep, 1);
    while (atomic_load(&own->job) == &idle) pthread_cond_wait(&own->wake, &own->mutex);
    atomic_store(&own->is_asleep, 0);
    pthread_mutex_unlock(&own->mutex);
  }
}

static void *live(void *own_) {
  helper *own = own_;
  for (;;) {
    wait_for_job(own);
    job *todo = atomic_load(&own->job);
    // The one who brought it may have taken it back.
    if (todo == &idle || !atomic_compare_exchange_strong(&own->job, &todo, &busy)) continue;
    work(todo);
    // The last that is done to the job, which goes with its owner's stack.
    atomic_fetch_sub(&todo->helpers, 1);
    atomic_store(&own->job, &idle);
  }
  return NULL;
}

// As many helpers as `wanted`, or as the system gives.
static uint32_t start(uint32_t wanted) {
  uint32_t there = atomic_load(&started);
  if (there >= wanted) return there;
  pthread_mutex_lock(&starting);
  for (there = atomic_load(&started); there < wanted && there < MOST_HELPERS; there++) {
    helper *next = &helpers[there];
    pthread_t thread;
    atomic_store(&next->job, &idle);
    pthread_mutex_init(&next->mutex, NULL);
    pthread_cond_init(&next->wake, NULL);
    if (pthread_create(&thread, NULL, live, next) != 0) break;
    pthread_detach(thread);
    atomic_store(&started, there + 1);
  }
  pthread_mutex_unlock(&starting);
  return there;
}

static int offer(helper *to, job *todo) {
  job *expected = &idle;
  atomic_fetch_add(&todo->helpers, 1);
  if (!atomic_compare_exchange_strong(&to->job, &expected, todo)) {
    atomic_fetch_sub(&todo->helpers, 1);
    return 0;
  }
  if (atomic_load(&to->is_asleep)) {
    pthread_mutex_lock(&to->mutex);
    pthread_cond_signal(&to->wake);
    pthread_mutex_unlock(&to->mutex);
  }
  return 1;
}

void mezzo_rest_helpers(int change) { atomic_fetch_add(&resting, change); }

void mezzo_count_run(int change) { atomic_fetch_add(&runs, change); }

int mezzo_runs(void) { return atomic_load_explicit(&runs, memory_order_relaxed); }

void mezzo_run_pieces(uint32_t count, mezzo_piece *piece, void *user) {
  job todo = {piece, user, count, 0, 0};
  helper *asked[MOST_HELPERS];
  uint32_t n = 0, wanted = count > 0 ? count - 1 : 0, there = start(wanted);
  for (uint32_t i = 0; i < there && n < wanted; i++)
    if (offer(&helpers[i], &todo)) asked[n++] = &helpers[i];
  work(&todo);
  for (uint32_t i = 0; i < n; i++) {
    job *expected = &todo;
    if (atomic_compare_exchange_strong(&asked[i]->job, &expected, &idle)) atomic_fetch_sub(&todo.helpers, 1);
  }
  for (int64_t begin = now(); atomic_load(&todo.helpers) > 0;) {
    relax();
    if (now() - begin > PATIENCE) sched_yield();
  }
}
