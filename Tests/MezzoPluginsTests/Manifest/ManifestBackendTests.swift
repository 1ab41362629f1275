import CMezzoABI
import Foundation
import MezzoBackend
import MezzoPolicy
import Testing

@testable import MezzoPlugins

/// Calls of every shape, into a library that a test compiles.
@Suite(.enabled(if: TestPlugin.compiler != nil)) struct ManifestBackendTests {
  private let folder = try? TemporaryFolder()

  private static let source = """
    #include <stdint.h>
    #include <stdlib.h>
    #include <string.h>

    /* y = every number that came, in order; so a test sees what arrived. */
    int32_t show(const float *x, float *y, int8_t a, uint8_t b, int16_t c, uint16_t d, int32_t e, uint32_t f, int64_t g,
                 uint64_t h, float i, double j, size_t k, const char *l, const int64_t *m, const void *n) {
      float values[] = {x[0], a, b, c, d, e, f, g, h, i, j, k, l ? l[0] : -1, m ? m[0] * 10 + m[1] : -1, n == NULL};
      memcpy(y, values, sizeof values);
      return a;
    }

    typedef struct handle { int64_t count; float factor; } handle;
    int made, freed, begun;
    int32_t begin(int32_t code) { begun++; return code; }
    int32_t make(int64_t count, float factor, handle **out) {
      if (count == 13) return 2;
      if (count == 14) return 3;
      *out = malloc(sizeof(handle));
      **out = (handle){count, factor};
      made++;
      return 0;
    }
    int64_t measure(const handle *h) { return h->count * 4; }
    int32_t scale(const handle *h, const float *x, float *y, float *workspace) {
      for (int64_t i = 0; i < h->count; i++) workspace[i] = x[i];
      for (int64_t i = 0; i < h->count; i++) y[i] = workspace[i] * h->factor;
      return x[0] == 99 ? 7 : 0;
    }
    void drop(handle *h) { freed++; free(h); }
    int32_t counter(int32_t which) { return which == 0 ? made : which == 1 ? freed : begun; }

    int threads, set;
    void set_threads(int32_t n) { threads = n; set++; }
    void relu(const float *x, float *y, int64_t n) { for (int64_t i = 0; i < n; i++) y[i] = x[i] > 0 ? x[i] : threads * 0; }
    int32_t sets(void) { return set * 100 + threads; }

    _Bool finite(const float *x, size_t n) { for (size_t i = 0; i < n; i++) if (x[i] - x[i] != 0) return 0; return 1; }
    void negate_packed(const float *x, float *y, int64_t n) { for (int64_t i = 0; i < n; i++) y[i] = -x[i]; }
    void pack(const float *x, float *to, int64_t n) { memcpy(to, x, n * 4); }
    """

  private func backend(_ manifest: String) throws -> ManifestBackend {
    let folder = try #require(folder)
    var plugin = TestPlugin()
    plugin.source = Self.source
    _ = try plugin.build(in: folder, as: "subject")
    let path = folder.file("m.toml")
    let text = """
      manifest = 1
      [backend]
      id = "subject"
      version = "1"
      [library]
      names = ["./absent\(TestPlugin.suffix)", "./subject\(TestPlugin.suffix)"]
      \(manifest)
      """
    try text.write(toFile: path, atomically: true, encoding: .utf8)
    return try ManifestBackend(file: path)
  }

  private func error(_ body: () throws -> Void) -> BackendError? {
    do {
      try body()
      return nil
    } catch {
      return error as? BackendError
    }
  }

  private static let show = """
    [const]
    Word = "Z"
    [[bind]]
    name = "show"
    op = "relu"
    sig = "x:f32[n] -> y:f32[n]"
    when = "contiguous(x) and contiguous(y)"
    symbol = "show"
    returns = "i32"
    status = "ret == -5"
    args = [
      ["ptr", "x"], ["ptr", "y"], ["i8", -5], ["u8", 200], ["i16", "-300"], ["u16", 60000], ["i32", "-(n * 2)"], ["u32", "n"],
      ["i64", "if(n > 1, 7, 8)"], ["u64", "threads"], ["f32", 0.5], ["f64", "-1.25"], ["size", "count(x)"], ["cstr", "Word"],
      ["ptr", "array(i64, 4, n // 5)"], ["ptr", "null"],
    ]
    """

  @Test func argumentsOfEveryTypeArrive() throws {
    let backend = try backend(Self.show)
    let operation = try backend.prepare(reluRequest(15), rule: backend.rules[0], threads: 3)
    let values = try execute(operation, on: [42] + Array(repeating: 0, count: 14))
    #expect(values == [42, -5, 200, -300, 60000, -30, 15, 7, 3, 0.5, -1.25, 15, 90, 43, 1])
  }

  @Test func aValueThatDoesNotFitDeclines() throws {
    let text = Self.show.replacing("[\"u32\", \"n\"]", with: "[\"u32\", \"n - 20\"]")
    let backend = try backend(text)
    let found = self.error { _ = try backend.prepare(reluRequest(15), rule: backend.rules[0], threads: 1) }
    #expect(found?.kind == .declined(.limit))
    #expect(found?.message == "show: n - 20 of show is -5, which u32 does not hold")
  }

  private static let handle = """
    start = [{ symbol = "begin", returns = "i32", status = "ret == 4", args = [["i32", 4]] }]
    [[bind]]
    name = "scale"
    op = "relu"
    sig = "x:f32[n] -> y:f32[n]"
    when = "contiguous(x) and contiguous(y)"
    locals = { h = "ptr", bytes = "i64" }
    workspace = "bytes"
    prepare = [
      { symbol = "make", returns = "i32", status = "ret == 0", unsupported = "ret == 3", args = [["i64", "n"], ["f32", "2.5"], ["ptr", "&h"]] },
      { symbol = "measure", returns = "i64", into = "bytes", args = [["ptr", "h"]] },
    ]
    run = [{ symbol = "scale", returns = "i32", status = "ret == 0", args = [["ptr", "h"], ["ptr", "x"], ["ptr", "y"], ["ptr", "workspace"]] }]
    finish = [{ symbol = "drop", args = [["ptr", "h"]] }]
    """

  @Test func handlesAreMadeUsedAndFreed() throws {
    let backend = try backend(Self.handle)
    let rule = backend.rules[0]
    #expect(rule.traits == [.deterministic])
    do {
      let operation = try backend.prepare(reluRequest(3), rule: rule, threads: 1)
      #expect(operation.workspaceBytes == 12)
    }
    let failed = error { _ = try backend.prepare(reluRequest(13), rule: rule, threads: 1) }
    #expect(failed?.kind == .failed(status: 2))
    #expect(failed?.message == "make returned 2, expected ret == 0")
    let declined = error { _ = try backend.prepare(reluRequest(14), rule: rule, threads: 1) }
    #expect(declined?.kind == .declined(.limit))
    let counter = try #require(Library(folder, "subject")?.counter)
    #expect(counter(0) == 1 && counter(1) == 1 && counter(2) == 1)
  }

  /// No library gets more threads than there are.
  private var budget: Int { ThreadBudget.shared.available }

  @Test func threadsAreSetWhenTheyChange() throws {
    let backend = try backend(
      """
      threads = { model = "own", set = "set_threads" }
      [[bind]]
      name = "relu"
      op = "relu"
      sig = "x:f32 -> y:f32"
      when = "contiguous(x) and contiguous(y)"
      symbol = "relu"
      args = [["ptr", "x"], ["ptr", "y"], ["i64", "count(x)"]]
      """)
    #expect(backend.rules[0].traits.contains(.ownThreads))
    let sets = try #require(Library(folder, "subject")?.sets)
    let one = try backend.prepare(reluRequest(2), rule: backend.rules[0], threads: 1)
    let four = try backend.prepare(reluRequest(2), rule: backend.rules[0], threads: 4)
    #expect(try execute(one, on: [-1, 2]) == [0, 2])
    _ = try execute(one, on: [-1, 2])
    #expect(sets() == 101)
    _ = try execute(four, on: [-1, 2])
    #expect(sets() == 200 + min(4, budget))
  }

  @Test func threadsOfEachThreadAreSetBeforeEveryRun() throws {
    let backend = try backend(
      """
      threads = { model = "own", scope = "thread", set = "set_threads" }
      [[bind]]
      name = "relu"
      op = "relu"
      sig = "x:f32 -> y:f32"
      when = "contiguous(x) and contiguous(y)"
      symbol = "relu"
      args = [["ptr", "x"], ["ptr", "y"], ["i64", "count(x)"]]
      """)
    let sets = try #require(Library(folder, "subject")?.sets)
    let operation = try backend.prepare(reluRequest(2), rule: backend.rules[0], threads: 3)
    #expect(sets() == 0)
    for run in 1...3 {
      #expect(try execute(operation, on: [-1, 2]) == [0, 2])
      #expect(sets() == run * 100 + min(3, budget))
    }
  }

  private static let plain = """
    [[bind]]
    name = "relu"
    op = "relu"
    sig = "x:f32 -> y:f32"
    when = "contiguous(x) and contiguous(y)"
    symbol = "relu"
    args = [["ptr", "x"], ["ptr", "y"], ["i64", "count(x)"]]
    """

  @Test(arguments: [
    (#"cpu = ["warp_drive"]"#, "expected a processor with warp_drive, which this one lacks"),
    (#"os = ["windows"]"#, "expected one of the systems windows, found"),
    (#"arch = ["s390x"]"#, "expected one of the processors s390x, found"),
  ])
  func whatTheMachineLacksIsSaidBeforeTheLibraryIsOpened(requirement: String, message: String) throws {
    // The first of the file names is of no library, which nobody gets to find out.
    let found = error { _ = try backend("requires = { \(requirement) }\n" + Self.plain) }
    #expect(found?.kind == .unloadable && found?.message.hasPrefix(message) == true, "\(String(describing: found))")
    var registry = BackendRegistry()
    let text = "manifest = 1\n[backend]\nid = \"b\"\nversion = \"1\"\n[library]\nnames = [\"libabsent.so\"]\n"
    registry.load(try Manifest(parsing: text + "requires = { \(requirement) }\n" + Self.plain, path: "b.toml"))
    guard case .refused(let reason)? = registry.entries.first?.state else {
      Issue.record("it was not refused")
      return
    }
    #expect(reason.hasPrefix(message), "\(reason)")
  }

  @Test func whatTheMachineHasIsEnough() throws {
    guard let feature = ProcessorFeatures.names.sorted().first(where: { ProcessorFeatures.has($0) }) else { return }
    #expect(try backend("requires = { cpu = [\"\(feature)\"] }\n" + Self.plain).rules.count == 1)
  }

  @Test func whatIsMissingIsSaid() throws {
    let bind = """
      [[bind]]
      name = "one"
      op = "relu"
      sig = "x:f32 -> y:f32"
      when = "contiguous(x) and contiguous(y)"
      symbol = "absent"
      args = [["ptr", "x"], ["ptr", "y"], ["i64", "count(x)"]]
      """
    let refused = error { _ = try backend(bind) }
    #expect(refused?.message.contains("symbol absent is not exported by") == true, "\(String(describing: refused))")
    let optional = try backend(
      bind + "\noptional = true\n" + bind.replacing("\"one\"", with: "\"two\"").replacing("absent", with: "relu"))
    #expect(optional.rules.map(\.name) == ["two"])
    #expect(optional.droppedRules.map(\.rule.name) == ["one"])
  }

  /// What the test itself calls in the library.
  private struct Library {
    var counter: @convention(c) (Int32) -> Int32
    var sets: @convention(c) () -> Int32

    init?(_ folder: TemporaryFolder?, _ name: String) {
      guard let folder, let handle = dlopen(folder.file("\(name)\(TestPlugin.suffix)"), RTLD_NOW),
        let counter = dlsym(handle, "counter"), let sets = dlsym(handle, "sets")
      else { return nil }
      self.counter = unsafeBitCast(counter, to: (@convention(c) (Int32) -> Int32).self)
      self.sets = unsafeBitCast(sets, to: (@convention(c) () -> Int32).self)
    }
  }
}
