import Foundation
import Testing

/// `mezzo backend check` on libraries that break what the ABI promises between hosts and backends, one promise each.
@Suite struct BackendPromisesTests {
  struct Breach: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var level: String
    var changes: [(old: String, new: String)]
    /// Parts of what is printed.
    var found: [String]
    var isWarning = false
  }

  private static let keepsHost = ("args->self = NULL;", "args->self = (void *)args->host;")

  static let breaches = [
    Breach(
      testDescription: "walks operands by its own sizeof", level: "load",
      changes: [("(size_t)index * op->operand_stride", "(size_t)index * sizeof(mezzo_operand)")],
      found: ["plan takes longer structs and wider arrays"]),
    Breach(
      testDescription: "writes behind the open struct", level: "load",
      changes: [
        (
          "args->self = NULL;",
          "args->self = NULL;\n  if (args->h.struct_size > sizeof *args) ((char *)(args + 1))[7] = 1;"
        )
      ], found: ["open writes beyond the structs that it knows"]),
    Breach(
      testDescription: "declines unknown flags", level: "load",
      changes: [("args->self = NULL;", "if (args->h.flags != 0) return MEZZO_ABI;\n  args->self = NULL;")],
      found: ["open takes longer structs for something else"]),
    Breach(
      testDescription: "writes more text than there is room for", level: "load",
      changes: [("snprintf(err->msg, err->msg_cap, \"%s\", text)", "sprintf(err->msg, \"%s\", text)")],
      found: ["an error with room for", "it died of SIG"]),
    Breach(
      testDescription: "states a longer text than it wrote", level: "load",
      changes: [("(uint32_t)length < err->msg_cap ? (uint32_t)length : err->msg_cap - 1", "(uint32_t)length")],
      found: ["writes more of an error than there is room for"]),
    Breach(
      testDescription: "calls services that are not there", level: "contract",
      changes: [
        keepsHost,
        (
          "  const plan *made = args->plan;\n  float",
          "  const mezzo_host *host = self;\n  host->log(host->ctx, 0, \"at work\", 7);\n  const plan *made = args->plan;\n  float"
        ),
        (
          "backend_execute(void *self, mezzo_exec_args *args) {\n  (void)self;",
          "backend_execute(void *self, mezzo_exec_args *args) {"
        ),
      ], found: ["a host without services", "it died of SIGSEGV"]),
    Breach(
      testDescription: "keeps memory where a later allocation fails", level: "contract",
      changes: [
        (
          "args->self = NULL;",
          """
          const mezzo_host *host = args->host;
            if (host->alloc == NULL) return MEZZO_UNSUPPORTED;
            void *first = host->alloc(host->ctx, 64, 64, 0);
            if (first == NULL) return MEZZO_OOM;
            void *second = host->alloc(host->ctx, 64, 64, 0);
            if (second == NULL) return MEZZO_OOM;
            host->free(host->ctx, first);
            host->free(host->ctx, second);
            args->self = NULL;
          """
        )
      ], found: ["host memory is not given back where allocation 2 fails"], isWarning: true),
    Breach(
      testDescription: "shares what changes between plans", level: "contract",
      changes: [
        ("MEZZO_R_DETERMINISTIC | MEZZO_R_REENTRANT", "MEZZO_R_DETERMINISTIC"),
        ("#include <stdlib.h>", "#include <stdlib.h>\nint usleep(unsigned);\nstatic volatile int inside;"),
        (
          "  float *result = data(&args->out, 0);\n",
          "  float *result = data(&args->out, 0);\n  inside++;\n  usleep(20000);\n  int others = inside - 1;\n  inside--;\n"
        ),
        (
          "  return MEZZO_OK;\n}\n\nstatic mezzo_status backend_release",
          "  if (others > 0) *result = -7;\n  return MEZZO_OK;\n}\n\nstatic mezzo_status backend_release"
        ),
      ], found: ["two plans that execute at the same time give other bits than one alone"]),
    Breach(
      testDescription: "leaves another rounding mode", level: "contract",
      changes: [
        ("#include <stdlib.h>", "#include <stdlib.h>\n#include <fenv.h>"),
        (
          "  float *result = data(&args->out, 0);\n",
          "  float *result = data(&args->out, 0);\n  fesetround(FE_TOWARDZERO);\n"
        ),
      ], found: ["arithmetic in another state"]),
  ]

  @Test(arguments: Sample.every(4, of: breaches)) func isFound(breach: Breach) throws {
    try TemplateLibrary.with(replacing: breach.changes) { library, _ in
      let command = try Command("backend", "check", library, "--level", breach.level)
      #expect((command.status == 0) == breach.isWarning, "\(command.output) \(command.error)")
      let text = command.output.split(whereSeparator: \.isWhitespace).joined(separator: " ")
      for part in breach.found { #expect(text.contains(part), "\(part) is missing in \(command.output)") }
    }
  }

  @Test func aManifestsOwnWordsAreLookedAt() throws {
    try TemplateLibrary.with(
      replacing: [
        (
          "static void relu(const plan *made, const float *x, float *y) {",
          "void rectify(uint64_t n, const float *x, float *y) {\n  for (uint64_t i = 0; i < n; i++) y[i] = x[i] > 0 || x[i] != x[i] ? x[i] : 0;\n}\nstatic void relu(const plan *made, const float *x, float *y) {"
        )
      ],
      flags: ["-Wno-missing-prototypes"]
    ) { library, folder in
      let manifest = folder.appending(path: "mine.toml")
      try """
      manifest = 1
      [backend]
      id = "mine"
      version = "1"
      [library]
      names = ["\(library)"]
      [[bind]]
      name = "relu"
      op = "relu"
      sig = "x:f32 -> y:f32"
      when = "contiguous(x) and contiguous(y)"
      symbol = "rectify"
      args = [["size", "count(x)"], ["ptr", "x"], ["ptr", "y"]]
      [[bind]]
      name = "newer"
      op = "negate"
      sig = "x:f32 -> y:f32"
      when = "contiguous(x) and contiguous(y)"
      symbol = "not_yet"
      optional = true
      args = [["ptr", "x"], ["ptr", "y"]]
      """.write(to: manifest, atomically: true, encoding: .utf8)
      let command = try Command("backend", "check", manifest.path, "--level", "load", "--level", "contract", "--json")
      #expect(command.status == 0, "\(command.error)")
      let report = try #require(try command.json()["report"] as? [String: Any])
      let whats = try #require(report["warnings"] as? [[String: Any]]).compactMap { $0["what"] as? String }
      for part in ["absolute path", "no licence", "this machine's library does not serve it"] {
        #expect(whats.contains { $0.contains(part) }, "\(part) is missing in \(whats)")
      }
    }
  }
}
