#define _GNU_SOURCE // prctl and mallinfo2, in strict C11
#include "mezzo_host_support.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#if defined(__linux__)
#include <sys/prctl.h>
#endif
#if defined(__GLIBC__)
#include <malloc.h>
#elif defined(__APPLE__)
#include <crt_externs.h>
#include <malloc/malloc.h>
#endif
#if defined(__x86_64__) || defined(__i386__)
#include <cpuid.h>
#endif

uint64_t mezzo_enabled_states(void) {
#if defined(__x86_64__) || defined(__i386__)
  unsigned a, b, c, d;
  // xgetbv faults where the system has not turned it on, which bit 27 (OSXSAVE) tells.
  if (!__get_cpuid(1, &a, &b, &c, &d) || !(c >> 27 & 1)) return 0;
  uint32_t low, high;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return (uint64_t)high << 32 | low;
#else
  return 0;
#endif
}

static _Thread_local int leased;

int mezzo_is_leased(void) { return leased; }
void mezzo_set_leased(int value) { leased = value; }

uint32_t mezzo_thread_number(void) {
  static _Atomic uint32_t last;
  static _Thread_local uint32_t number;
  if (number == 0) number = ++last;
  return number;
}

#if defined(__ELF__)
// Present under the sanitizers, whose allocator glibc knows nothing of.
extern size_t __sanitizer_get_current_allocated_bytes(void) __attribute__((weak));
#endif

int mezzo_is_sanitized(void) {
#if defined(__ELF__)
  return __sanitizer_get_current_allocated_bytes != 0;
#else
  return 0;
#endif
}

void mezzo_scribble_stack(uint8_t byte) {
  volatile uint64_t stack[4096];
  for (int i = 0; i < 4096; i++) stack[i] = byte * UINT64_C(0x0101010101010101);
  (void)stack;
}

int mezzo_pipe(int ends[2]) {
#if defined(__linux__)
  return pipe2(ends, O_CLOEXEC);
#else
  if (pipe(ends) != 0) return -1;
  return fcntl(ends[0], F_SETFD, FD_CLOEXEC) | fcntl(ends[1], F_SETFD, FD_CLOEXEC);
#endif
}

char **mezzo_environment(void) {
#if defined(__APPLE__)
  return *_NSGetEnviron();
#else
  return environ;
#endif
}

int64_t mezzo_heap_bytes(void) {
#if defined(__ELF__)
  if (__sanitizer_get_current_allocated_bytes) return (int64_t)__sanitizer_get_current_allocated_bytes();
#endif
#if defined(__GLIBC__) && __GLIBC_PREREQ(2, 33)
  struct mallinfo2 info = mallinfo2();
  return (int64_t)(info.uordblks + info.hblkhd);
#elif defined(__APPLE__)
  malloc_statistics_t statistics;
  malloc_zone_statistics(NULL, &statistics);
  return (int64_t)statistics.size_in_use;
#else
  return -1;
#endif
}

static void die_with_parent(void) {
#if defined(__linux__)
  prctl(PR_SET_PDEATHSIG, SIGKILL);
#endif
}

// Ends this process as the other one ended.
static void end_as(int status) {
  if (WIFEXITED(status)) _exit(WEXITSTATUS(status));
  struct rlimit none = {0, 0};
  setrlimit(RLIMIT_CORE, &none);
  int number = WTERMSIG(status);
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, number);
  signal(number, SIG_DFL);
  sigprocmask(SIG_UNBLOCK, &set, NULL);
  raise(number);
  _exit(128 + number);
}

int mezzo_leave_parent(void) {
  die_with_parent();
  pid_t watcher = getpid(), child = fork();
  if (child < 0) return -1;
  if (child == 0) {
    die_with_parent();
    // It may have died before it could take this one along.
    if (getppid() != watcher) _exit(4);
    return 0;
  }
  // Ends of pipes that the host waits for are the child's alone.
  for (int file = 0; file < 256; file++) close(file);
  int status = 0;
  while (waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) _exit(4);
  }
  end_as(status);
  return -1;
}
