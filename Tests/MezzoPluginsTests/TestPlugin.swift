import Foundation

/// A backend in C, written and compiled by a test: relu for float32, with pieces of C put in where it is to
/// misbehave.
struct TestPlugin {
  /// Runs when the host asks for the table, before `return &table;`.
  var query = ""
  var open = ""
  var plan = ""
  var execute = ""
  var release = ""
  var pack = "return MEZZO_INTERNAL;"
  /// Members of `mezzo_rule`, for one rule behind the working one.
  var rule: String?
  var flags = "MEZZO_R_REENTRANT | MEZZO_R_DETERMINISTIC"
  /// Declarations in front of everything.
  var declarations = ""
  /// More for the compiler.
  var arguments: [String] = []
  /// The whole text, instead of all the above.
  var source: String?
  /// That text is C++.
  var isCPlusPlus = false

  static let headers = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().appending(path: "Sources/CMezzoABI/include")

  /// The first of the usual C compilers on the PATH.
  static let compiler: String? = {
    let folders = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":")
    let candidates = ["cc", "clang", "gcc"].flatMap { name in folders.map { "\($0)/\(name)" } }
    return candidates.first { FileManager.default.isExecutableFile(atPath: $0) }
  }()

  struct CompilerError: Error {
    var text: String
  }

  /// Compiles into `folder` and returns the library's path. A name is good for one library: the loader knows files it has
  /// open already, and an open library must not be written over.
  func build(in folder: TemporaryFolder, as name: String = "plugin") throws -> String {
    guard let compiler = Self.compiler else { throw CompilerError(text: "no C compiler on the PATH") }
    let path = folder.file("\(name).\(isCPlusPlus ? "cpp" : "c")")
    try (source ?? text).write(toFile: path, atomically: true, encoding: .utf8)
    let library = folder.file("\(name)\(Self.suffix)")
    let process = Process()
    process.executableURL = URL(filePath: compiler)
    let headers = Self.headers.path(percentEncoded: false)
    process.arguments =
      (isCPlusPlus ? ["-std=c++17"] : ["-std=c11"]) + ["-w", "-shared", "-fPIC", "-I", headers, path, "-o", library]
      + Self.allowUndefined + arguments
      + (isCPlusPlus ? ["-lstdc++"] : [])
    let output = Pipe()
    process.standardError = output
    try process.run()
    let said = try output.fileHandleForReading.readToEnd() ?? Data()
    process.waitUntilExit()
    guard process.terminationStatus == 0 else { throw CompilerError(text: String(decoding: said, as: UTF8.self)) }
    return library
  }

  #if canImport(Darwin)
    static let suffix = ".dylib"
    private static let allowUndefined = ["-undefined", "dynamic_lookup"]
  #else
    static let suffix = ".so"
    private static let allowUndefined: [String] = []
  #endif

  private var text: String {
    """
    #include "mezzo_backend.h"
    #include <stdlib.h>
    #include <string.h>

    static mezzo_status say(mezzo_error *err, mezzo_status status, const char *text) {
      err->why = MEZZO_WHY_DEVICE;
      err->msg_len = (uint32_t)strlen(text);
      memcpy(err->msg, text, err->msg_len);
      return status;
    }

    \(declarations)

    static mezzo_status do_open(void *self, mezzo_open_args *args) {
      args->self = "self";
      \(open)
      return MEZZO_OK;
    }

    static mezzo_status do_close(void *self, mezzo_call *call) { return MEZZO_OK; }

    static mezzo_status do_plan(void *self, mezzo_plan_args *args) {
      if (strcmp(self, "self") != 0) return say(args->h.err, MEZZO_INTERNAL, "not its own object");
      uint64_t *count = malloc(sizeof *count);
      *count = 1;
      for (int32_t i = 0; i < args->op->operands[0].ndim; i++) *count *= (uint64_t)args->op->operands[0].shape[i];
      args->plan = count;
      \(plan)
      return MEZZO_OK;
    }

    static mezzo_status do_pack(void *self, mezzo_pack_args *args) { \(pack) }

    static mezzo_status do_execute(void *self, mezzo_exec_args *args) {
      \(execute)
      const float *x = args->in.at[0].data;
      float *y = args->out.at[0].data;
      for (uint64_t i = 0; i < *(uint64_t *)args->plan; i++) y[i] = x[i] > 0 || x[i] != x[i] ? x[i] : 0;
      return MEZZO_OK;
    }

    static mezzo_status do_release(void *self, mezzo_release_args *args) {
      \(release)
      free(args->plan);
      return MEZZO_OK;
    }

    static mezzo_rule rules[] = {
        {.struct_size = sizeof(mezzo_rule), .op = MEZZO_OP_RELU, .name = "relu", .sig = "x:f32 -> y:f32",
         .when = "contiguous(x) and contiguous(y)",
         .numerics = {.accum = {MEZZO_FLOAT, 32, 1}}, .flags = \(flags), .cost = {.fixed_ns = 7}},
        \(rule.map { "{.struct_size = sizeof(mezzo_rule), \($0)}," } ?? "")
    };

    static mezzo_backend table = {
        .struct_size = sizeof(mezzo_backend), .abi_major = 1, .abi_minor = 0, .id = "test", .version = "1.2.3",
        .rules = rules, .n_rules = sizeof rules / sizeof rules[0], .rule_stride = sizeof(mezzo_rule), .open = do_open,
        .close = do_close, .plan = do_plan, .pack = do_pack, .execute = do_execute, .release = do_release,
    };

    MEZZO_EXPORT const mezzo_backend *mezzo_backend_query(const mezzo_offer *offer) {
      \(query)
      return &table;
    }
    """
  }
}
