/// Where the policy of a layer came from.
///
/// It travels with the policy and is no part of what it means: policies that differ in it alone are equal.
public enum PolicyOrigin: String, CaseIterable, Sendable, Hashable, Codable {
  /// It was given to the layer.
  case own
  /// A `withPolicy` around the making of the layer.
  case scope
  /// A ``DTypePolicyMap`` of the model.
  case map
  /// ``setGlobalPolicy(_:)-(DTypePolicy?)``.
  case global
  /// The default while no global policy is set.
  case floatx
}
