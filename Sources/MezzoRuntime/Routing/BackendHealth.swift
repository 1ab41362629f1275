import MezzoBackend
import MezzoPolicy

/// Which backends failed how often. One that fails again and again is asked no more, for as long as the runtime lives.
///
/// A request that was declined is no failure, and a success makes up for the failures before it.
final class BackendHealth: Sendable {
  private let failures = Locked<[String: Failure]>([:])

  struct Failure: Sendable {
    var count: Int
    var last: String
  }

  /// So many failures in a row, and a backend is retired.
  static let limit = 3

  /// Why a backend takes no part any more.
  func retirement(_ backend: String) -> String? {
    failures.withLock { failures in
      failures[backend].flatMap {
        $0.count >= Self.limit ? "retired after \($0.count) failures, the last: \($0.last)" : nil
      }
    }
  }

  /// - Returns: whether this very failure retires the backend.
  func failed(_ backend: String, _ message: String) -> Bool {
    failures.withLock { failures in
      failures[backend, default: Failure(count: 0, last: "")].count += 1
      failures[backend]?.last = message
      return failures[backend]?.count == Self.limit
    }
  }

  func succeeded(_ backend: String) {
    failures.withLock { failures in
      if let failure = failures[backend], failure.count < Self.limit { failures[backend] = nil }
    }
  }
}
