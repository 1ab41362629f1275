import MezzoPolicy

/// A bounded queue between the task that prepares batches and the one that takes them, in the order in which they come.
final class Prefetch: Sendable {
  private struct State {
    var ready: [TrainingBatch] = []
    /// How the preparation ended.
    var end: Result<Void, any Error>?
    var isStopped = false
    var producer: CheckedContinuation<Void, Never>?
    var consumer: CheckedContinuation<Void, Never>?
  }

  private typealias Waiting = any WritableKeyPath<State, CheckedContinuation<Void, Never>?> & Sendable

  private let state = Locked(State())
  private let limit: Int
  private let preparation = Locked<Task<Void, Never>?>(nil)

  init(_ stream: BatchStream, epoch: Int, skipping: Int) {
    limit = stream.ahead
    let task = Task {
      let end: Result<Void, any Error>
      do {
        try await stream.produce(epoch, skipping) { await self.send($0) }
        end = .success(())
      } catch {
        end = .failure(error)
      }
      self.wake(\.consumer) { $0.end = end }
    }
    preparation.withLock { $0 = task }
  }

  /// Nothing more is wanted: whoever waits goes on, and what was prepared is dropped.
  func stop() {
    wake(\.producer) {
      $0.isStopped = true
      $0.ready = []
    }
    wake(\.consumer) { _ in }
    // It may wait for something that never comes.
    preparation.withLock { $0 }?.cancel()
  }

  /// - Returns: `nil` after the last batch.
  /// - Throws: what the preparation threw, after all batches before; `CancellationError`.
  func next() async throws -> TrainingBatch? {
    try Task.checkCancellation()
    await withTaskCancellationHandler {
      await wait(\.consumer) { $0.ready.isEmpty && $0.end == nil }
    } onCancel: {
      stop()
    }
    try Task.checkCancellation()
    var batch: TrainingBatch?
    var end: Result<Void, any Error>?
    wake(\.producer) {
      if $0.ready.isEmpty { end = $0.end } else { batch = $0.ready.removeFirst() }
    }
    if batch == nil { try end?.get() }
    return batch
  }

  /// Returns once there is room for another.
  private func send(_ batch: TrainingBatch) async -> Bool {
    wake(\.consumer) { if !$0.isStopped { $0.ready.append(batch) } }
    await wait(\.producer) { [limit] in $0.ready.count >= limit }
    return !state.withLock { $0.isStopped }
  }

  private func wait(
    _ who: Waiting,
    while isBlocked: @Sendable (State) -> Bool
  ) async {
    func mustWait(_ state: State) -> Bool { !state.isStopped && isBlocked(state) }
    if !state.withLock({ mustWait($0) }) { return }
    await withCheckedContinuation { continuation in
      let isReady = state.withLock { state in
        if !mustWait(state) { return true }
        state[keyPath: who] = continuation
        return false
      }
      if isReady { continuation.resume() }
    }
  }

  /// Changes the state and lets go on who waits for that.
  private func wake(
    _ who: Waiting, _ change: (inout State) -> Void
  ) {
    let waiting = state.withLock { state in
      change(&state)
      defer { state[keyPath: who] = nil }
      return state[keyPath: who]
    }
    waiting?.resume()
  }
}
