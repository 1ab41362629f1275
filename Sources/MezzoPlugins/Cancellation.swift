#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Whether the work that a thread does for a task is still wanted.
///
/// A task is known on the thread that runs it; the threads of a parallel loop do not have one, and are lent that of the
/// thread which started the loop.
struct Cancellation {
  private let task: UnsafeCurrentTask?

  /// Of the calling thread; good until the work that it does for its task returns.
  static var current: Cancellation { withUnsafeCurrentTask { Cancellation(task: $0 ?? lent?.task) } }

  var isCancelled: Bool { task?.isCancelled ?? false }

  /// Runs `body` on a thread that works for this task.
  ///
  /// Sound because a parallel loop returns only when all its bodies have: the task outlives what is lent here, and asking
  /// whether a task was cancelled is allowed on any thread.
  func lend(_ body: () -> Void) {
    var lending = self
    withUnsafeMutablePointer(to: &lending) { pointer in
      let outer = pthread_getspecific(Self.key)
      pthread_setspecific(Self.key, pointer)
      body()
      pthread_setspecific(Self.key, outer)
    }
  }

  private static var lent: Cancellation? {
    pthread_getspecific(key)?.assumingMemoryBound(to: Cancellation.self).pointee
  }

  private static let key: pthread_key_t = {
    var key = pthread_key_t()
    let status = pthread_key_create(&key, nil)
    precondition(status == 0, "the system has no thread-specific storage left")
    return key
  }()
}
