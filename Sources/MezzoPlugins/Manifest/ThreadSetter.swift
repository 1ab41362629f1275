import CMezzoFFI
import MezzoBackend
import MezzoPolicy

/// Tells a library how many threads it may use: when that changes, and not at every call.
final class ThreadSetter: @unchecked Sendable {
  // Sound to share: the number is read atomically and written under the lock; the plan is only read.
  private let plan: UnsafeMutablePointer<mezzo_ffi_plan>
  private let arena: ForeignArena
  private let type: CType
  private let isPerThread: Bool
  private let current: UnsafeMutablePointer<Int64>
  private let turn = Locked(false)

  /// `nil` where libffi cannot make such a call.
  init?(_ function: @escaping ForeignLibrary.Function, type: CType, isPerThread: Bool) {
    guard let interface = ForeignInterface.prepared([type], returns: nil, halfIsInteger: false) else { return nil }
    var plan = mezzo_ffi_plan()
    plan.interface = interface
    plan.function = function
    plan.n_arguments = 1
    plan.into = -1
    arena = ForeignArena()
    self.plan = arena.copy([plan])
    current = arena.copy([0])
    self.type = type
    self.isPerThread = isPerThread
  }

  @inline(__always)
  func ensure(_ threads: Int) {
    // A number of each thread's own is not known here, and set again.
    if isPerThread || mezzo_ffi_load(current) != Int64(threads) { set(threads) }
  }

  private func set(_ threads: Int) {
    turn.withLock { _ in
      guard isPerThread || current.pointee != Int64(threads) else { return }
      var slot: UInt64 = 0
      let fits = withUnsafeMutableBytes(of: &slot) { bytes in
        bytes.baseAddress.map { type.store(.int(threads), in: $0) } ?? false
      }
      guard fits else { return }
      withUnsafePointer(to: &slot) { slot in
        var plan = plan.pointee
        plan.slots = slot
        var result = mezzo_ffi_result()
        _ = mezzo_ffi_invoke(&plan, [nil], nil, 0, &result)
      }
      mezzo_ffi_publish(current, Int64(threads))
    }
  }
}
