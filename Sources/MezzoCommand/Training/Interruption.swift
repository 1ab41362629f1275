import Dispatch
import Mezzo

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// The user ended the work, or the system did, and it ended in order.
struct Interruption: Error, CustomStringConvertible {
  /// How the work can go on.
  var advice: String?

  var description: String { "interrupted" + (advice.map { "; \($0)" } ?? "") }

  /// Runs `body` in a task that the first SIGINT or SIGTERM cancels; the second ends the process at once.
  ///
  /// - Throws: `Interruption` where the task gave in.
  static func watching<R: Sendable>(
    advice: String?, _ body: @escaping @Sendable () async throws -> R
  ) async throws -> R {
    let task = Task { try await body() }
    let sources = [SIGINT, SIGTERM].map { number in
      signal(number, SIG_IGN)
      let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
      source.setEventHandler {
        if task.isCancelled { _exit(128 + number) }
        task.cancel()
      }
      source.resume()
      return source
    }
    defer {
      for source in sources { source.cancel() }
      for number in [SIGINT, SIGTERM] { signal(number, SIG_DFL) }
    }
    do {
      return try await task.value
    } catch is CancellationError {
      throw Interruption(advice: advice)
    }
  }
}
