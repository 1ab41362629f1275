/// What TensorFlow 2.4 has under `tf.keras.mixed_precision.experimental`, for programs that were written for it. All of it
/// has a successor that new programs use.
public enum Experimental {
  /// The policy that a layer made now takes: `globalPolicy()` under its older name.
  public static func globalPolicy() -> DTypePolicy { MezzoPolicy.globalPolicy() }

  /// Sets the global policy: ``setGlobalPolicy(_:)-(DTypePolicy?)`` under its older name.
  ///
  /// - Throws: What ``PolicyEnvironment/setGlobalPolicy(_:)-(DTypePolicy?)`` throws. The state is then as before.
  public static func setPolicy(_ policy: DTypePolicy?) throws(PolicyError) { try setGlobalPolicy(policy) }

  /// Sets the global policy by name: ``setGlobalPolicy(_:)-(String)`` under its older name.
  ///
  /// - Throws: What ``PolicyEnvironment/setGlobalPolicy(_:)-(String)`` throws. The state is then as before.
  public static func setPolicy(_ name: String) throws(PolicyError) { try setGlobalPolicy(name) }

  /// Sets the dtypes of a policy with a loss scale as the global policy. The scale stays with `policy`; give
  /// ``Policy/lossScale`` to the training.
  ///
  /// - Throws: What ``PolicyEnvironment/setGlobalPolicy(_:)-(DTypePolicy?)`` throws. The state is then as before.
  public static func setPolicy(_ policy: Policy) throws(PolicyError) { try setGlobalPolicy(policy.dtypePolicy) }
}
