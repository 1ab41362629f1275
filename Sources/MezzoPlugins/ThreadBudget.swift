import CMezzoHost

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// The threads that all backends share: what one uses at a time, another one does not get.
///
/// A thread that calls counts for itself, so a budget of `n` has `n - 1` helpers to give. Mezzo's own pool takes what is
/// there; a library with a pool of its own, whose width is fixed when it plans, waits until all are there. So two pools never
/// both run at full width. Inside a lease there is nothing more to have: nested parallelism runs on one thread.
///
/// Every other run of a plan that goes on has a thread that called it, which takes a processor from the helpers.
package final class ThreadBudget: @unchecked Sendable {
  // Sound to share: `free` is touched under the mutex alone.
  private let mutex: UnsafeMutablePointer<pthread_mutex_t>
  private let returned: UnsafeMutablePointer<pthread_cond_t>
  private let helpers: Int
  private var free: Int
  private let runs: @Sendable () -> Int

  package static let shared = ThreadBudget(threads: HostServices.threads) { Int(mezzo_runs()) }

  /// - Parameter runs: how many go on at the moment, with that of who asks.
  package init(threads: Int, runs: @escaping @Sendable () -> Int = { 1 }) {
    self.runs = runs
    helpers = max(threads - 1, 0)
    free = helpers
    mutex = .allocate(capacity: 1)
    mutex.initialize(to: pthread_mutex_t())
    pthread_mutex_init(mutex, nil)
    returned = .allocate(capacity: 1)
    returned.initialize(to: pthread_cond_t())
    pthread_cond_init(returned, nil)
  }

  deinit {
    pthread_cond_destroy(returned)
    pthread_mutex_destroy(mutex)
    returned.deallocate()
    mutex.deallocate()
  }

  /// What a call may use at this place.
  package var available: Int { mezzo_is_leased() == 0 ? helpers + 1 : 1 }

  /// Runs `body` with as many threads as there are, at most `wanted` and at least 1, without waiting.
  package func withSome<R>(_ wanted: Int, _ body: (Int) -> R) -> R {
    guard helpers > 0, wanted > 1, mezzo_is_leased() == 0 else { return body(1) }
    pthread_mutex_lock(mutex)
    let taken = max(min(free - max(runs() - 1, 0), wanted - 1), 0)
    free -= taken
    pthread_mutex_unlock(mutex)
    return run(taken, body)
  }

  /// Runs `body` when all threads are there.
  package func withAll<R>(_ body: (Int) -> R) -> R {
    guard helpers > 0, mezzo_is_leased() == 0 else { return body(1) }
    pthread_mutex_lock(mutex)
    while free < helpers { pthread_cond_wait(returned, mutex) }
    free = 0
    pthread_mutex_unlock(mutex)
    mezzo_rest_helpers(1)
    defer { mezzo_rest_helpers(-1) }
    return run(helpers, body)
  }

  private func run<R>(_ taken: Int, _ body: (Int) -> R) -> R {
    mezzo_set_leased(1)
    defer {
      mezzo_set_leased(0)
      if taken > 0 {
        pthread_mutex_lock(mutex)
        free += taken
        pthread_cond_broadcast(returned)
        pthread_mutex_unlock(mutex)
      }
    }
    return body(taken + 1)
  }
}
