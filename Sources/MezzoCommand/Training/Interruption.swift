import CMezzoHost
import Dispatch
import Mezzo

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
    // Before the work begins: a signal source of Dispatch is there some time after it was asked for, and what comes before
    // would be lost.
    let pipe = mezzo_watch_interrupts()
    defer { mezzo_unwatch_interrupts() }
    let task = Task { try await body() }
    guard pipe >= 0 else { return try await task.value }
    let source = DispatchSource.makeReadSource(fileDescriptor: pipe, queue: .global())
    source.setEventHandler {
      task.cancel()
      source.cancel()
    }
    source.resume()
    defer { source.cancel() }
    do {
      return try await task.value
    } catch is CancellationError {
      throw Interruption(advice: advice)
    }
  }
}
