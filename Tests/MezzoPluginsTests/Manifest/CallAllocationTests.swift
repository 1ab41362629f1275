#if os(Linux) && canImport(Glibc)
  import Foundation
  import Glibc
  import MezzoBackend
  import Testing

  @testable import MezzoPlugins

  /// They have an allocator of their own, in whose place nothing can be put.
  enum Sanitizers {
    static let arePresent = ["__asan_init", "__tsan_init"].contains { (name: String) in dlsym(nil, name) != nil }
  }

  /// The run path allocates nothing, counted: this program runs itself again under a library that counts.
  @Suite(.enabled(if: TestPlugin.compiler != nil && !Sanitizers.arePresent)) struct CallAllocationTests {
    private static let child = "MEZZO_COUNTS_ALLOCATIONS"

    private static let counter = """
      #include <stddef.h>
      extern void *__libc_malloc(size_t), *__libc_calloc(size_t, size_t), *__libc_realloc(void *, size_t);
      extern void *__libc_memalign(size_t, size_t);
      static _Thread_local long count __attribute__((tls_model("initial-exec")));
      void *malloc(size_t n) { count++; return __libc_malloc(n); }
      void *calloc(size_t n, size_t m) { count++; return __libc_calloc(n, m); }
      void *realloc(void *p, size_t n) { count++; return __libc_realloc(p, n); }
      void *aligned_alloc(size_t a, size_t n) { count++; return __libc_memalign(a, n); }
      int posix_memalign(void **p, size_t a, size_t n) { count++; *p = __libc_memalign(a, n); return *p ? 0 : 12; }
      long mezzo_allocations(void) { return count; }
      """

    @Test(.enabled(if: ProcessInfo.processInfo.environment[child] == nil)) func runsAllocateNothing() throws {
      let folder = try TemporaryFolder()
      var plugin = TestPlugin()
      plugin.source = Self.counter
      let library = try plugin.build(in: folder, as: "counter")
      let process = Process()
      process.executableURL = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath()
      process.arguments = ["--testing-library", "swift-testing", "--filter", "CallAllocationTests/countsInThisProcess"]
      process.environment = ProcessInfo.processInfo.environment.merging([
        "LD_PRELOAD": library, Self.child: folder.file("result"),
      ]) { $1 }
      process.standardOutput = FileHandle.nullDevice
      process.standardError = FileHandle.nullDevice
      try process.run()
      process.waitUntilExit()
      let result = try String(contentsOfFile: folder.file("result"), encoding: .utf8)
      #expect(result == "manifest 0, native 0, array 1")
    }

    /// In the child alone, where allocations are counted.
    @Test(.enabled(if: ProcessInfo.processInfo.environment[child] != nil)) func countsInThisProcess() throws {
      let symbol = try #require(dlsym(nil, "mezzo_allocations"))
      let allocations = unsafeBitCast(symbol, to: (@convention(c) () -> Int).self)
      let folder = try TemporaryFolder()
      var plugin = TestPlugin()
      plugin.source = CallCost.source
      let cost = try CallCost(library: try plugin.build(in: folder, as: "nothing"))
      func count(_ operation: any PreparedOperation) -> Int {
        var counted = -1
        CallCost.run(operation, count: 1000) { calls in
          let before = allocations()
          calls()
          counted = allocations() - before
        }
        return counted
      }
      // That the counter counts.
      let before = allocations()
      free(malloc(64))
      let counted = allocations() - before
      let text = "manifest \(count(cost.manifest)), native \(count(cost.native)), array \(counted)"
      try text.write(
        toFile: try #require(ProcessInfo.processInfo.environment[Self.child]), atomically: true, encoding: .utf8)
    }
  }
#endif
