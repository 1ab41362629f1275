/// The policy that a layer made now and here takes if it is given none: that of the innermost `withPolicy` around the
/// call, else the one set with ``setGlobalPolicy(_:)-(DTypePolicy?)``, else the one that ``floatx()`` implies at this
/// moment. Its ``DTypePolicy/origin`` says which of them it was.
public func globalPolicy() -> DTypePolicy {
  PolicyScope.current?.policyInEffect ?? PolicyEnvironment.shared.globalPolicy
}

/// Sets the policy of the current ``PolicyEnvironment``, by default the process, for every thread and task that is not
/// inside a `withPolicy`. Layers that exist keep theirs. Nil unsets it, and ``floatx()`` decides again.
///
/// - Throws: What ``PolicyEnvironment/setGlobalPolicy(_:)-(DTypePolicy?)`` throws. The state is then as before.
public func setGlobalPolicy(_ policy: DTypePolicy?) throws(PolicyError) {
  try PolicyEnvironment.current.setGlobalPolicy(policy)
}

/// Sets the policy of the current ``PolicyEnvironment`` by name.
///
/// - Throws: What ``PolicyEnvironment/setGlobalPolicy(_:)-(String)`` throws. The state is then as before.
public func setGlobalPolicy(_ name: String) throws(PolicyError) {
  try PolicyEnvironment.current.setGlobalPolicy(name)
}

/// The default floating-point dtype of the current ``PolicyEnvironment``, at first `float32`. It implies the global policy
/// while none is set.
public func floatx() -> DType { PolicyEnvironment.current.floatx }

/// Sets the default floating-point dtype of the current ``PolicyEnvironment``: float16, float32 or float64, as in
/// TensorFlow 2.4.
///
/// - Throws: ``PolicyError/unknownFloatx(name:)``. The state is then as before.
public func setFloatx(_ dtype: DType) throws(PolicyError) { try PolicyEnvironment.current.setFloatx(dtype) }

/// Sets the default floating-point dtype of the current ``PolicyEnvironment`` by its canonical name: `float16`, `float32`
/// or `float64`.
///
/// - Throws: ``PolicyError/unknownFloatx(name:)``, also for the alias `half`. The state is then as before.
public func setFloatx(_ name: String) throws(PolicyError) { try PolicyEnvironment.current.setFloatx(name) }

/// Forgets what belongs to a session of Keras in the current ``PolicyEnvironment``. As in TensorFlow 2.4 the global policy and
/// ``floatx()`` do not, so that nothing changes; with ``PolicyDialect/keras3`` the global policy is unset.
public func clearSession() { PolicyEnvironment.current.clearSession() }

/// Has dtypes behave as in TensorFlow 2 in the current ``PolicyEnvironment``, which they do at first. See
/// ``PolicyEnvironment/usesV2DTypeBehavior``.
public func enableV2DTypeBehavior() { PolicyEnvironment.current.usesV2DTypeBehavior = true }

/// Has dtypes behave as in TensorFlow 1 in the current ``PolicyEnvironment``: layers take their dtype from their first
/// input and cast nothing. See ``PolicyEnvironment/usesV2DTypeBehavior``.
public func disableV2DTypeBehavior() { PolicyEnvironment.current.usesV2DTypeBehavior = false }
