/// Which policy the sublayers of a layer follow, as long as they were given none of their own.
///
/// A sublayer to which a policy was given keeps it whatever this says.
public enum SublayerPolicy: String, Codable, Sendable, Hashable, CaseIterable {
  /// Each follows the policy it took when it was made, as in TensorFlow: the global one or that of a `withPolicy`.
  case own
  /// They follow the layer that calls them.
  case parent
  /// They follow the policy that is global when the model is built.
  case global
}
