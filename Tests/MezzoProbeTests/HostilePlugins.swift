import Foundation
import Testing

@testable import MezzoPlugins

/// Backends that break every promise, one each, in C and C++; written and compiled by the tests.
struct Hostile: Sendable, CustomTestStringConvertible {
  var name: String
  /// Part of the reason for which it has to be refused.
  var reason: String
  /// Part of the phase in which it has to be caught; `nil` where the kit's findings tell.
  var phase: String?
  /// It takes for ever, so the probe's patience decides how long the test takes.
  var hangs = false
  var plugin: TestPlugin

  var testDescription: String { name }

  private static let count = "*(uint64_t *)args->plan"
  private static let constructor = "__attribute__((constructor)) static void boom(void)"

  static let all: [Hostile] = [
    Hostile(
      name: "aborts-on-load", reason: "SIGABRT", phase: "dlopen",
      plugin: TestPlugin(declarations: "\(constructor) { abort(); }")),
    Hostile(
      name: "exits-on-load", reason: "ended the process with status 0", phase: "dlopen",
      plugin: TestPlugin(declarations: "\(constructor) { exit(0); }")),
    Hostile(
      name: "loops-on-load", reason: "hung", phase: "dlopen", hangs: true,
      plugin: TestPlugin(declarations: "\(constructor) { for (volatile int i = 0;; i++) {} }")),
    Hostile(
      name: "loops-in-query", reason: "hung", phase: "query", hangs: true,
      plugin: TestPlugin(query: "for (volatile int i = 0;; i++) {}")),
    Hostile(
      name: "loops-in-execute", reason: "hung", phase: "execute of rule relu", hangs: true,
      plugin: TestPlugin(execute: "for (volatile int i = 0;; i++) {}")),
    Hostile(
      name: "prints-for-ever", reason: "hung", phase: "open", hangs: true,
      plugin: TestPlugin(open: "for (;;) puts(\"buy now\");", declarations: "#include <stdio.h>")),
    Hostile(
      name: "exits-in-execute", reason: "ended the process with status 0", phase: "execute of rule relu",
      plugin: TestPlugin(execute: "exit(0);")),
    Hostile(
      name: "quits-in-execute", reason: "ended the process with status 0", phase: "execute of rule relu",
      plugin: TestPlugin(execute: "_exit(0);", declarations: "void _exit(int);")),
    Hostile(
      name: "crashes-in-execute", reason: "SIGSEGV", phase: "execute of rule relu",
      plugin: TestPlugin(execute: "*(volatile int *)8 = 1;")),
    Hostile(
      name: "crashes-in-plan", reason: "SIG", phase: "plan of rule relu",
      plugin: TestPlugin(plan: "__builtin_trap();")),
    Hostile(
      name: "writes-past-its-output", reason: "in quarantine",
      plugin: TestPlugin(execute: "((float *)args->out.at[0].data)[\(count)] = 1;")),
    Hostile(
      name: "reads-past-its-input", reason: "SIGSEGV", phase: "execute of rule relu",
      plugin: TestPlugin(execute: "volatile char c = ((char *)args->in.at[0].data)[\(count) * 4 + 64]; (void)c;")),
    Hostile(
      name: "states-a-huge-workspace", reason: "states a workspace",
      plugin: TestPlugin(plan: "args->workspace = ~0ull;")),
    Hostile(
      name: "states-a-huge-packing", reason: "states a workspace",
      plugin: TestPlugin(plan: "args->packed_bytes = 1ull << 50; args->packed_operand = 7;")),
    Hostile(
      name: "consumes-steps-that-are-not", reason: "steps of an epilogue",
      plugin: TestPlugin(plan: "args->n_epilogue = 40;")),
    Hostile(
      name: "writes-its-operand", reason: "operand 0 was written",
      plugin: TestPlugin(execute: "if (\(count)) ((float *)args->in.at[0].data)[0] += 1;")),
    Hostile(
      name: "answers-differently", reason: "does not do what its rules say",
      plugin: TestPlugin(
        execute: """
          static unsigned calls;
          if (calls++ % 3 == 2) { memset(args->out.at[0].data, 0, 4 * \(count)); return MEZZO_OK; }
          """)),
    Hostile(
      name: "leaks-in-execute", reason: "leaks memory with each execution",
      plugin: TestPlugin(
        execute: "keep = malloc(1000); ((char *)keep)[0] = 1;", declarations: "static void *volatile keep;")),
    Hostile(
      name: "leaks-in-plan", reason: "leaks memory with each plan",
      plugin: TestPlugin(
        plan: "keep = malloc(1000); ((char *)keep)[0] = 1;", declarations: "static void *volatile keep;")),
    Hostile(
      name: "lies-about-its-version", reason: "obeys ABI 9.0",
      plugin: TestPlugin(query: "table.abi_major = 9;")),
    Hostile(
      name: "lies-about-its-rules", reason: "60000 rules of 8 bytes",
      plugin: TestPlugin(query: "table.n_rules = 60000; table.rule_stride = 8;")),
    Hostile(name: "states-no-rules", reason: "states no rules", plugin: TestPlugin(query: "table.n_rules = 0;")),
    Hostile(
      name: "exports-nothing", reason: "does not export mezzo_backend_query",
      plugin: TestPlugin(source: "static int nothing; int *something(void) { return &nothing; }")),
    Hostile(
      name: "fakes-a-verdict", reason: "wrote to the probe's own channel",
      plugin: TestPlugin(
        declarations: """
          #include <unistd.h>
          \(constructor) {
            const char *text = "verdict 00000000000000000000000000000000 {\\"passed\\":{}}\\n";
            for (int file = 3; file < 256; file++) write(file, text, strlen(text));
            _exit(0);
          }
          """)),
    Hostile(
      name: "closes-descriptors", reason: "ended the process with status 4",
      plugin: TestPlugin(open: "for (int i = 0; i < 256; i++) close(i);", declarations: "#include <unistd.h>")),
    Hostile(
      name: "writes-files", reason: "SIGXFSZ",
      plugin: TestPlugin(
        open: "FILE *file = tmpfile(); if (file) { fputs(\"text\", file); fflush(file); }",
        declarations: "#include <stdio.h>")),
    Hostile(
      name: "kills-its-parent", reason: "SIGSYS, as it reached for another process", phase: "open",
      plugin: TestPlugin(
        open: "kill(getppid(), SIGKILL); for (;;) pause();",
        declarations: "#include <signal.h>\n#include <unistd.h>\nint kill(int, int);")),
    Hostile(
      name: "kills-its-group", reason: "SIGSYS", phase: "open",
      plugin: TestPlugin(
        open: "kill(0, SIGTERM); for (;;) pause();",
        declarations: "#include <signal.h>\n#include <unistd.h>\nint kill(int, int);")),
    // With a signal that does nothing, as a test that fails must not end all that runs on the machine.
    Hostile(
      name: "signals-everybody", reason: "SIGSYS", phase: "dlopen",
      plugin: TestPlugin(
        declarations: "#include <signal.h>\nint kill(int, int);\n\(constructor) { kill(-1, SIGURG); }")),
    Hostile(
      name: "signals-the-program", reason: "SIGSYS", phase: "open",
      plugin: TestPlugin(
        open: "int host = program(); if (host > 1) kill(host, SIGURG);",
        declarations: "\(findsTheProgram)\nint kill(int, int);")),
    Hostile(
      name: "has-a-descriptor-signal-the-program", reason: "SIGSYS", phase: "open",
      plugin: TestPlugin(
        open: "int ends[2], host = program(); if (host > 1 && pipe(ends) == 0) fcntl(ends[0], 8 /* F_SETOWN */, host);",
        declarations: "\(findsTheProgram)\n#include <fcntl.h>")),
    Hostile(
      name: "opens-memory-of-the-program", reason: "it is closed, or there is no Landlock",
      plugin: TestPlugin(
        open: """
          char name[64];
          snprintf(name, sizeof name, "/proc/%d/mem", program());
          const long landlock = syscall(444, NULL, 0, 1);
          return say(args->h.err, MEZZO_UNSUPPORTED, open(name, O_RDWR) >= 0 && landlock > 0
                         ? "it is open" : "it is closed, or there is no Landlock");
          """, declarations: "\(findsTheProgram)\n#include <fcntl.h>\nlong syscall(long, ...);")),
    Hostile(
      name: "forks-in-execute", reason: "left a process running",
      plugin: TestPlugin(
        execute: "static int forked; if (!forked) { forked = 1; if (fork() == 0) for (;;) pause(); }",
        declarations: "#include <unistd.h>")),
    Hostile(
      name: "goes-on-in-two", reason: "left a process running",
      plugin: TestPlugin(
        execute: "static int forked; if (!forked) { forked = 1; if (fork() == 0) sleep(30); }",
        declarations: "#include <unistd.h>")),
    Hostile(name: "throws", reason: "SIGABRT", phase: "execute of rule relu", plugin: TestPlugin(source: throwing)),
  ]

  /// The helper's parent is the backend's parent's.
  private static let findsTheProgram = """
    #include <signal.h>
    #include <stdio.h>
    #include <unistd.h>
    static int program(void) {
      char name[64];
      int host = 0;
      snprintf(name, sizeof name, "/proc/%d/stat", (int)getppid());
      FILE *file = fopen(name, "r");
      return file && fscanf(file, "%*d %*s %*c %d", &host) == 1 ? host : 0;
    }
    """

  /// A C++ exception has nowhere to go once it has left the library.
  private static let throwing = """
    #include "mezzo_backend.h"
    static mezzo_status open_(void *, mezzo_open_args *args) { args->self = args; return MEZZO_OK; }
    static mezzo_status close_(void *, mezzo_call *) { return MEZZO_OK; }
    static mezzo_status plan_(void *, mezzo_plan_args *args) { args->plan = args; return MEZZO_OK; }
    static mezzo_status execute_(void *, mezzo_exec_args *) { throw 1; }
    static mezzo_status release_(void *, mezzo_release_args *) { return MEZZO_OK; }
    static mezzo_rule rule;
    static mezzo_backend table;
    extern "C" MEZZO_EXPORT const mezzo_backend *mezzo_backend_query(const mezzo_offer *) {
      rule.struct_size = sizeof rule;
      rule.op = MEZZO_OP_RELU;
      rule.name = "relu";
      rule.sig = "x:f32 -> y:f32";
      rule.numerics.accum = mezzo_dtype{MEZZO_FLOAT, 32, 1};
      rule.flags = MEZZO_R_DETERMINISTIC;
      table.struct_size = sizeof table;
      table.abi_major = 1;
      table.id = "throws";
      table.rules = &rule;
      table.n_rules = 1;
      table.rule_stride = sizeof rule;
      table.open = open_;
      table.close = close_;
      table.plan = plan_;
      table.execute = execute_;
      table.release = release_;
      return &table;
    }
    """

  /// All of them, compiled and tried once, several at a time.
  static let tried = Result { try Tried() }

  struct Tried {
    /// With the libraries and the verdicts on them.
    let folder: TemporaryFolder
    let files: [String]
    /// By the name of the plugin.
    let findings: [String: Discovery.Finding]
  }
}

extension Hostile.Tried {
  init() throws {
    let folder = try TemporaryFolder()
    var files: [(isHanging: Bool, file: SearchPath.File)] = []
    for hostile in Hostile.all {
      var plugin = hostile.plugin
      let name = hostile.name
      plugin.query = "table.id = \"\(name)\"; \(plugin.query)"
      plugin.isCPlusPlus = name == "throws"
      files.append((hostile.hangs, SearchPath.File(path: try plugin.build(in: folder, as: name), isNamed: true)))
    }
    var findings: [String: Discovery.Finding] = [:]
    for isHanging in [true, false] {
      var discovery = Discovery.test(in: folder)
      // A deadline for all bounds the test where a phase is not told.
      discovery.limits.total = 60
      if isHanging { discovery.limits.phase = 1 }
      for finding in discovery.examine(files.filter { $0.isHanging == isHanging }.map(\.file)) {
        let file = finding.path.split(separator: "/").last?.split(separator: ".").first ?? ""
        findings[String(file)] = finding
      }
    }
    self.folder = folder
    self.files = files.map(\.file.path)
    self.findings = findings
  }
}

extension Discovery {
  /// With the helper beside the test runner, and nothing kept from or for other runs.
  static func test(in folder: TemporaryFolder) -> Discovery {
    Discovery(
      helper: ProbeHelper.find(), cache: VerdictCache(folder: folder.file("verdicts")),
      approved: TrustFile(path: folder.file("config/trust.toml")))
  }
}
