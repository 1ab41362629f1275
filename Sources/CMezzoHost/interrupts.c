#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <unistd.h>

#include "mezzo_host_support.h"

static int ends[2] = {-1, -1};
static volatile sig_atomic_t seen;

static void note(int number) {
  if (seen) _exit(128 + number);
  seen = 1;
  int before = errno;
  char byte = (char)number;
  (void)!write(ends[1], &byte, 1);
  errno = before;
}

static int handle(void (*handler)(int)) {
  struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART};
  sigemptyset(&action.sa_mask);
  int interrupt = sigaction(SIGINT, &action, NULL), end = sigaction(SIGTERM, &action, NULL);
  return interrupt == 0 && end == 0 ? 0 : -1;
}

int mezzo_watch_interrupts(void) {
  if (ends[0] < 0 && mezzo_pipe(ends) != 0) return -1;
  seen = 0;
  return handle(note) == 0 ? ends[0] : -1;
}

void mezzo_unwatch_interrupts(void) { handle(SIG_DFL); }
