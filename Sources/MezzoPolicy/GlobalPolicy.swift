/// The only mutable state of the process here. One lock over both values, so that no reader sees a policy of before
/// with a floatx of after.
private let globalState = Locked(GlobalState())

private struct GlobalState: Sendable {
  var policy: DTypePolicy?
  var floatx = DType.float32
}

/// The policy that a layer made now and here takes if it is given none: that of the innermost `withPolicy` around the
/// call, else the one set with ``setGlobalPolicy(_:)-(DTypePolicy?)``, else the one that ``floatx()`` implies at this
/// moment.
public func globalPolicy() -> DTypePolicy {
  if let scoped = PolicyScope.current { return scoped }
  return globalState.withLock { $0.policy ?? DTypePolicy($0.floatx) }
}

/// Sets the policy of the process, for every thread and task that is not inside a `withPolicy`. Layers that exist keep
/// theirs. Nil unsets it, and ``floatx()`` decides again.
///
/// - Throws: ``PolicyError/nonFloatingGlobalPolicy(name:)`` if the policy computes in anything but floating point.
///   The state is then as before. ``DTypePolicy/infer`` is allowed.
public func setGlobalPolicy(_ policy: DTypePolicy?) throws(PolicyError) {
  if let policy { try policy.requireFloatingPoint() }
  globalState.withLock { $0.policy = policy }
}

/// Sets the policy of the process by name.
///
/// - Throws: What ``DTypePolicy/init(_:)-(String)`` throws, or ``PolicyError/nonFloatingGlobalPolicy(name:)``. The
///   state is then as before.
public func setGlobalPolicy(_ name: String) throws(PolicyError) {
  try setGlobalPolicy(DTypePolicy(name))
}

/// The default floating-point dtype of the process, at first `float32`. It implies the global policy while none is set.
public func floatx() -> DType {
  globalState.withLock { $0.floatx }
}

/// Sets the default floating-point dtype of the process: float16, float32 or float64, as in TensorFlow 2.4.
///
/// - Throws: ``PolicyError/unknownFloatx(name:)``. The state is then as before.
public func setFloatx(_ dtype: DType) throws(PolicyError) {
  switch dtype {
  case .float16, .float32, .float64: globalState.withLock { $0.floatx = dtype }
  default: throw .unknownFloatx(name: dtype.name)
  }
}

/// Sets the default floating-point dtype of the process by its canonical name: `float16`, `float32` or `float64`.
///
/// - Throws: ``PolicyError/unknownFloatx(name:)``, also for the alias `half`. The state is then as before.
public func setFloatx(_ name: String) throws(PolicyError) {
  guard let dtype = DType(rawValue: name) else { throw .unknownFloatx(name: name) }
  try setFloatx(dtype)
}

extension DTypePolicy {
  func requireFloatingPoint() throws(PolicyError) {
    guard computeDType?.isFloatingPoint ?? true else { throw .nonFloatingGlobalPolicy(name: name) }
  }
}
