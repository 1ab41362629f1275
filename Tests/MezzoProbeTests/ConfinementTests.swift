#if os(Linux) && (arch(x86_64) || arch(arm64))
  import Testing

  @testable import MezzoPlugins

  /// What a backend that is tried may do to processes: everything to its own, nothing to others.
  @Suite(.enabled(if: TestPlugin.compiler != nil)) struct ConfinementTests {
    /// Each way runs in a fork, so that one plugin tells of all. Signals and limits are such as do no harm where a way is open.
    private static let plugin = TestPlugin(
      open: """
        int host = program(), number = 0;
        char text[200];
        size_t used = 0;
        for (int way = 0; way < sizeof ways / sizeof ways[0]; way++) {
          int child = fork(), status = 0;
          if (child == 0) { ways[way](host); _exit(0); }
          if (waitpid(child, &status, 0) == child && WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS) number++;
          else used += snprintf(text + used, sizeof text - used, "way %d is open; ", way);
        }
        if (may(host) != 0) used += snprintf(text + used, sizeof text - used, "what it may do fails; ");
        snprintf(text + used, sizeof text - used, "%d ways are closed", number);
        return say(args->h.err, MEZZO_UNSUPPORTED, text);
        """,
      declarations: """
        #include <pthread.h>
        #include <signal.h>
        #include <stdio.h>
        #include <sys/ptrace.h>
        #include <sys/resource.h>
        #include <sys/syscall.h>
        #include <sys/uio.h>
        #include <sys/wait.h>
        #include <unistd.h>

        static int program(void) {
          char name[64];
          int host = 0;
          snprintf(name, sizeof name, "/proc/%d/stat", (int)getppid());
          FILE *file = fopen(name, "r");
          return file && fscanf(file, "%*d %*s %*c %d", &host) == 1 ? host : 0;
        }

        static void everybody(int host) { kill(-1, SIGURG); }
        static void group(int host) { kill(0, SIGURG); }
        static void one(int host) { kill(host, SIGURG); }
        static void thread(int host) { syscall(SYS_tkill, host, SIGURG); }
        static void thread_of(int host) { syscall(SYS_tgkill, host, host, SIGURG); }
        static void queued(int host) { sigqueue(host, SIGURG, (union sigval){0}); }
        static void traced(int host) { ptrace(PTRACE_SEIZE, host, 0, 0); }
        static void written(int host) {
          struct iovec none = {&host, 0};
          syscall(SYS_process_vm_writev, host, &none, 1, &none, 1, 0);
        }
        static void limited(int host) {
          struct rlimit same;
          if (prlimit(host, RLIMIT_CORE, NULL, &same) == 0) prlimit(host, RLIMIT_CORE, &same, NULL);
        }
        static void by_descriptor(int host) { syscall(424, syscall(434, host, 0), SIGURG, NULL, 0); }
        #if defined(__x86_64__)
        static void by_old_number(int host) {
          long result;
          __asm__ volatile("int $0x80" : "=a"(result) : "a"(37), "b"(host), "c"(SIGURG) : "memory");
        }
        static void by_short_number(int host) { syscall(0x40000000 | SYS_kill, host, SIGURG); }
        #endif
        static void (*const ways[])(int) = {
            everybody, group, one, thread, thread_of, queued, traced, written, limited, by_descriptor,
        #if defined(__x86_64__)
            by_old_number, by_short_number,
        #endif
        };

        static void heard(int number) { (void)number; }
        static void *waits(void *nothing) {
          pause();
          return nothing;
        }
        static int may(int host) {
          struct rlimit limits;
          pthread_t other;
          char from = 1, to = 0;
          struct iovec source = {&from, 1}, target = {&to, 1};
          signal(SIGUSR1, heard);
          int failed = kill(host, 0) != 0 || prlimit(host, RLIMIT_CORE, NULL, &limits) != 0;
          failed |= getrlimit(RLIMIT_CORE, &limits) != 0 || setrlimit(RLIMIT_CORE, &limits) != 0;
          failed |= raise(SIGUSR1) != 0 || kill(getpid(), SIGUSR1) != 0;
          failed |= process_vm_writev(getpid(), &source, 1, &target, 1, 0) != 1;
          if (pthread_create(&other, NULL, waits, NULL) != 0) return 1;
          usleep(20000);
          failed |= pthread_kill(other, SIGUSR1) != 0;
          return failed | pthread_join(other, NULL);
        }
        """, arguments: ["-D_GNU_SOURCE"])

    @Test func onlyItsOwnProcessIsReached() throws {
      let folder = try TemporaryFolder()
      let path = try Self.plugin.build(in: folder)
      let finding = try #require(Discovery.test(in: folder).examine([SearchPath.File(path: path, isNamed: true)]).first)
      guard case .failure(let refusal) = finding.result else {
        Issue.record("it passed")
        return
      }
      #if arch(x86_64)
        let ways = 12
      #else
        let ways = 10
      #endif
      #expect(refusal.reason.contains("\(ways) ways are closed"), "\(refusal.reason)")
      #expect(!refusal.reason.contains("is open") && !refusal.reason.contains("fails"), "\(refusal.reason)")
    }
  }
#endif
