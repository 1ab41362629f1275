import Logging
public import MezzoPolicy

/// A number in a layer's configuration that the layer computes with, such as an epsilon.
public struct LayerConstant: Sendable, Hashable {
  /// What configurations call it.
  public let name: String
  public let value: Double
  /// What it is computed with in; nil while the policy is open.
  public let dtype: DType?

  public init(_ name: String, _ value: Double, dtype: DType?) {
    self.name = name
    self.value = value
    self.dtype = dtype
  }

  /// What is lost of it there, if anything.
  public var fate: ConstantFate? { dtype?.fate(of: value) }
}

extension DTypePolicy {
  /// What a layer works in that computes in at least float32; nil while the policy is open.
  var atLeastFloat32: DType? { computeDType.map { $0 == .float64 ? .float64 : .float32 } }
}

extension Layer {
  /// Logs a warning for each of ``constants`` that vanishes or overflows under the layer's policy. For the end of
  /// initializers; in strict mode such a constant is an error besides, as soon as a model calls the layer.
  public func warnOfLostConstants() {
    for loss in lostConstants { Logger(label: "mezzo.layers").warning("\(loss)") }
  }

  var lostConstants: [String] {
    constants(under: policy).compactMap { constant in
      guard let fate = constant.fate, let dtype = constant.dtype else { return nil }
      return
        "\(Self.className): \(constant.name) \(constant.value) \(fate) in \(dtype), under the policy \(policy.name)"
    }
  }
}
