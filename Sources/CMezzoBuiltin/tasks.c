#include "tasks.h"
#include "counts.h"

static int64_t begin_of(const mz_tasks *tasks, int64_t part) { return tasks->count * part / tasks->parts; }

mezzo_status mz_run_tasks(const mz_call *call, int64_t count, int64_t slots, mezzo_body body) {
  mz_tasks tasks;
  tasks.call = call;
  tasks.count = count;
  tasks.parts = min64(slots, MZ_TASK_PARTS);
  for (int64_t part = 0; part < tasks.parts; part++) atomic_init(&tasks.part[part].next, begin_of(&tasks, part));
  return mz_parallel(call->plan, slots, 1, body, &tasks);
}

int64_t mz_next_task(mz_tasks *tasks, int64_t slot) {
  for (int64_t i = 0; i < tasks->parts; i++) {
    int64_t part = (slot + i) % tasks->parts, end = begin_of(tasks, part + 1);
    _Atomic int64_t *next = &tasks->part[part].next;
    /* Looking takes the line from nobody. */
    if (atomic_load_explicit(next, memory_order_relaxed) >= end) continue;
    int64_t task = atomic_fetch_add_explicit(next, 1, memory_order_relaxed);
    if (task < end) return task;
  }
  return -1;
}
