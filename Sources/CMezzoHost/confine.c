#define _GNU_SOURCE // syscall, in strict C11
#include "mezzo_host_support.h"

#if defined(__linux__) && (defined(__x86_64__) || defined(__aarch64__))
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

// Newer than some headers.
#ifndef SECCOMP_RET_KILL_PROCESS
#define SECCOMP_RET_KILL_PROCESS 0x80000000U
#endif
#ifndef SYS_pidfd_send_signal
#define SYS_pidfd_send_signal 424
#endif
#ifndef SYS_pidfd_getfd
#define SYS_pidfd_getfd 438
#endif
#ifndef SYS_landlock_create_ruleset
#define SYS_landlock_create_ruleset 444
#endif
#ifndef SYS_landlock_restrict_self
#define SYS_landlock_restrict_self 446
#endif

// Both are little-endian: the low half of an argument comes first.
#define LOW(index) ((uint32_t)offsetof(struct seccomp_data, args[index]))
#define LOAD(offset) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offset)
#define IF_NOT(value, skip) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)(value), 0, skip)
#define ALLOW BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)
#define ALLOW_IF(value) IF_NOT(value, 1), ALLOW
#define KILL BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS)
#define KILL_IF(value) IF_NOT(value, 1), KILL

#define NEVER(call) KILL_IF(SYS_##call)
// Process in the first argument; signal 0 only asks whether there is such a process.
#define SIGNAL_TO_SELF(call, signal) \
  IF_NOT(SYS_##call, 7), LOAD(LOW(0)), ALLOW_IF(own), LOAD(LOW(signal)), ALLOW_IF(0), KILL

// A process that is ended, as nobody asks for this by mistake; what were only refused would succeed in a program later.
static int keep_to_self(void) {
  const uint32_t own = (uint32_t)getpid();
  struct sock_filter code[] = {
      // Numbers mean something else for other architectures, which a program can also use.
      LOAD((uint32_t)offsetof(struct seccomp_data, arch)),
#if defined(__x86_64__)
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 1, 0), KILL,
      LOAD((uint32_t)offsetof(struct seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, 0x40000000, 0, 1), KILL,
#else
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_AARCH64, 1, 0), KILL,
      LOAD((uint32_t)offsetof(struct seccomp_data, nr)),
#endif
      NEVER(ptrace), NEVER(pidfd_send_signal), NEVER(pidfd_getfd),
      SIGNAL_TO_SELF(kill, 1), SIGNAL_TO_SELF(tkill, 1), SIGNAL_TO_SELF(tgkill, 2),
      SIGNAL_TO_SELF(rt_sigqueueinfo, 1), SIGNAL_TO_SELF(rt_tgsigqueueinfo, 2),
      // Who gets the signals of a descriptor; a filter cannot look behind a pointer.
      IF_NOT(SYS_fcntl, 11), LOAD(LOW(1)), KILL_IF(F_SETOWN_EX), IF_NOT(F_SETOWN, 6), LOAD(LOW(2)), ALLOW_IF(0), ALLOW_IF(own),
      KILL, ALLOW,
      IF_NOT(SYS_ioctl, 6), LOAD(LOW(1)), KILL_IF(FIOSETOWN), KILL_IF(SIOCSPGRP), ALLOW,
      IF_NOT(SYS_process_vm_writev, 4), LOAD(LOW(0)), ALLOW_IF(own), KILL,
      // Of others, limits may only be read.
      IF_NOT(SYS_prlimit64, 11), LOAD(LOW(0)), ALLOW_IF(0), ALLOW_IF(own), LOAD(LOW(2)), IF_NOT(0, 3), LOAD(LOW(2) + 4),
      ALLOW_IF(0), KILL,
      ALLOW,
  };
  struct sock_fprog program = {.len = sizeof code / sizeof code[0], .filter = code};
  return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0);
}

// A domain of Landlock, whatever it forbids, has no access to processes outside of it: not to /proc/N/mem, nor to what else
// tracing would open. This one forbids making block devices.
static int leave_memory_of_others(void) {
  const uint64_t make_block = UINT64_C(1) << 11;
  int rules = (int)syscall(SYS_landlock_create_ruleset, &make_block, sizeof make_block, 0);
  if (rules < 0) return -1;
  long status = syscall(SYS_landlock_restrict_self, rules, 0);
  close(rules);
  return (int)status;
}

int mezzo_confine(void) {
  int kept = 0;
  // Both ask for it: otherwise a program with more rights than this one could be started in there.
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return 0;
  if (leave_memory_of_others() == 0) kept |= MEZZO_KEPT_FROM_MEMORY;
  if (keep_to_self() == 0) kept |= MEZZO_KEPT_FROM_SIGNALS;
  return kept;
}
#else
int mezzo_confine(void) { return 0; }
#endif
