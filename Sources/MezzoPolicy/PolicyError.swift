/// What a policy, a dtype name or the global state refuses.
public enum PolicyError: Error, Equatable, Sendable, CustomStringConvertible {
  /// The name is none of a policy's.
  case unknownPolicy(name: String)
  /// The name is one of the `…_float32_vars` policies, which TensorFlow removed in 2.4. `suggestion` names what took
  /// its place, if anything did.
  case removedPolicy(name: String, suggestion: String?)
  /// The name is no dtype's.
  case unknownDType(name: String)
  /// The policy cannot be the default of new layers, because it does not compute in floating point.
  case nonFloatingGlobalPolicy(name: String)
  /// With TensorFlow 1's dtype behaviour there is no global policy to set.
  case globalPolicyNeedsV2Behavior
  /// The name is not one that `floatx` may have.
  case unknownFloatx(name: String)

  public var description: String {
    switch self {
    case .unknownPolicy(let name):
      """
      Cannot convert "\(name)" to a dtype policy. Use "mixed_float16", "mixed_bfloat16", "_infer" or the name of a \
      dtype such as "float32", in lower case and without spaces.
      """
    case .removedPolicy(let name, let suggestion):
      """
      Policies whose name ends in "_float32_vars" have been removed. \
      Use \(suggestion ?? "a mixed policy or the name of a dtype") instead. Got policy name "\(name)".
      """
    case .unknownDType(let name):
      """
      "\(name)" is not the name of a dtype. Use one such as "float32", "bfloat16" or "int32", in lower case and \
      without spaces.
      """
    case .nonFloatingGlobalPolicy(let name):
      """
      The global policy must be a floating-point policy such as "float32" or "mixed_float16", but got "\(name)". \
      Give this policy to the layers that need it.
      """
    case .globalPolicyNeedsV2Behavior:
      """
      The global policy can only be set while dtypes behave as in TensorFlow 2. Call enableV2DTypeBehavior() first, or \
      give the policy to the layers that need it.
      """
    case .unknownFloatx(let name):
      """
      "\(name)" cannot be floatx. Use "float16", "float32" or "float64"; for bfloat16 set the global policy instead.
      """
    }
  }
}
