/* tasks.h: tasks that threads take when they come to them, so that one that loses its processor for a while leaves what it has not
 * begun to the others. Each begins with a part of its own: what it left in its cache, it finds there again. */
#ifndef MZ_TASKS_H
#define MZ_TASKS_H
#include <stdatomic.h>
#include "operations.h"

enum { MZ_TASK_PARTS = 64 };

typedef struct {
  const mz_call *call;
  int64_t count, parts;
  struct {
    _Alignas(64) _Atomic int64_t next;
  } part[MZ_TASK_PARTS];
} mz_tasks;

/* Runs body, whose user is an mz_tasks, with so many slots, each of which takes tasks until there are none. */
mezzo_status mz_run_tasks(const mz_call *call, int64_t count, int64_t slots, mezzo_body body);

/* -1: none is left. */
int64_t mz_next_task(mz_tasks *tasks, int64_t slot);

#endif
