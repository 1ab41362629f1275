import CMezzoABI
import Dispatch
import Foundation
import MezzoBackend
import MezzoPolicy
import Testing

@testable import MezzoPlugins

/// Libraries with threads of their own take turns, with each other and with Mezzo's.
@Suite(.enabled(if: TestPlugin.compiler != nil)) struct ThreadLeaseTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  /// Counts how many threads all its callers together would have at work.
  private static let source = """
    #include <stdatomic.h>
    #include <stdint.h>
    #include <unistd.h>
    static atomic_int active, most, threads = 1;
    void set_threads(int32_t n) { threads = n; }
    void work(const float *x, float *y, int64_t n) {
      int own = threads;
      int now = atomic_fetch_add(&active, own) + own;
      int before = most;
      while (before < now && !atomic_compare_exchange_weak(&most, &before, now)) {}
      usleep(300);
      atomic_fetch_sub(&active, own);
      y[0] = (float)most;
    }
    """

  private func backend(_ id: String, _ threads: String) throws -> ManifestBackend {
    let path = folder.file("library\(TestPlugin.suffix)")
    if !FileManager.default.fileExists(atPath: path) {
      var plugin = TestPlugin()
      plugin.source = Self.source
      _ = try plugin.build(in: folder, as: "library")
    }
    return try ManifestBackend(
      Manifest(
        parsing: """
          manifest = 1
          [backend]
          id = "\(id)"
          version = "1"
          [library]
          names = ["\(path)"]
          threads = { model = "\(threads)", set = "set_threads", set_type = "i32" }
          [[bind]]
          name = "work"
          op = "relu"
          sig = "x:f32 -> y:f32"
          when = "contiguous(x) and contiguous(y)"
          symbol = "work"
          args = [["ptr", "x"], ["ptr", "y"], ["i64", "count(x)"]]
          """, path: folder.file("\(id).toml")))
  }

  /// The most threads that were at work at once, with several callers of two backends.
  private func most(_ threads: String) throws -> Float {
    let operations = try ["one", "two"].map { id in
      let backend = try backend(id, threads)
      return try backend.prepare(reluRequest(1), rule: backend.rules[0], threads: HostServices.threads)
    }
    let results = Locked<[Float]>([])
    DispatchQueue.concurrentPerform(iterations: 4) { caller in
      for _ in 0..<20 {
        guard let result = try? execute(operations[caller % 2], on: [1])[0] else { return }
        results.withLock { $0.append(result) }
      }
    }
    #expect(results.withLock { $0.count } == 80)
    return results.withLock { $0.max() } ?? 0
  }

  /// Callers of a machine with one processor have no helpers to fight over.
  @Test(.enabled(if: HostServices.threads > 1)) func twoBackendsDoNotExceedTheBudget() throws {
    #expect(try most("own") == Float(HostServices.threads))
  }

  /// Without a pool nobody waits: the threads are the callers' own.
  @Test(.enabled(if: HostServices.threads > 1)) func librariesWithoutThreadsTakeNoLease() throws {
    let backend = try backend("plain", "none")
    let operation = try backend.prepare(reluRequest(1), rule: backend.rules[0], threads: 1)
    // Were a lease wanted, this would wait for ever: all of it is taken until it returns.
    let isDone = Locked(false)
    ThreadBudget.shared.withAll { _ in
      let done = DispatchSemaphore(value: 0)
      Thread.detachNewThread {
        let result = try? execute(operation, on: [1])
        isDone.withLock { $0 = result != nil }
        done.signal()
      }
      _ = done.wait(timeout: .now() + 30)
    }
    #expect(isDone.withLock { $0 })
  }

  /// Inside a lease there is one thread, and the library is told so.
  @Test func insideALeaseTheLibraryGetsOneThread() throws {
    let backend = try backend("nested", "own")
    let operation = try backend.prepare(reluRequest(1), rule: backend.rules[0], threads: HostServices.threads)
    let result = ThreadBudget.shared.withAll { _ in try? execute(operation, on: [1]) }
    #expect(result == [1])
  }
}
