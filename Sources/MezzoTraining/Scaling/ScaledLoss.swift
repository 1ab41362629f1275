public import MezzoGraph
import MezzoPolicy
public import MezzoRuntime

/// A loss that was multiplied by a loss scale.
///
/// A type of its own, so that the scale can be neither forgotten nor taken twice: no optimizer takes ``ScaledGradients``,
/// the only way from them to ``Gradients`` divides by the very scale that the loss was multiplied by, and that way is
/// open once.
///
/// ```swift
/// let gradients = try ScaledLoss(loss, scale: scale).gradients(by: variables).unscaled()
/// ```
/// `Value` is `SymbolicTensor` in a graph, and `Tensor` in eager computation.
public struct ScaledLoss<Value> {
  let value: Value
  let scale: Value
}

extension ScaledLoss: Sendable where Value: Sendable {}

extension ScaledLoss where Value == SymbolicTensor {
  /// `loss · scale`, in at least float32: in float16 a loss of 2 is infinite already under TensorFlow's first scale, 2¹⁵.
  /// In the dialects of TensorFlow and Keras 3 it is in the dtype of the loss, as there.
  ///
  /// - Parameters:
  ///   - loss: a scalar.
  ///   - scale: a scalar, float32.
  public init(_ loss: SymbolicTensor, scale: SymbolicTensor) throws(GraphError) {
    let wide = PolicyEnvironment.current.dialect.scalesInNarrowDTypes ? loss : try loss.atLeastFloat32()
    self.init(value: try wide * scale.cast(to: wide.dtype), scale: scale)
  }

  /// The gradients by each of `variables`, each in its variable's dtype, with the scale still in them.
  public func gradients(by variables: [SymbolicTensor]) throws(GraphError) -> ScaledGradients<SymbolicTensor> {
    ScaledGradients(try value.trace.gradients(of: value, by: variables), scale: scale)
  }
}

extension PolicyDialect {
  /// Whether losses and gradients are scaled and unscaled in their own dtypes, though a scale may be infinite there.
  var scalesInNarrowDTypes: Bool {
    switch self {
    case .mezzo, .jmp: false
    case .tensorFlow24, .tfKeras, .keras3: true
    }
  }
}

extension ScaledLoss where Value == Tensor {
  /// The same of a loss that has been computed.
  public init(_ loss: Tensor, scale: Float, on runtime: Runtime = .shared) throws {
    let scale = try Tensor(Double(scale), dtype: .float32)
    let value = try runtime.evaluate([loss, scale]) { [try ScaledLoss<SymbolicTensor>($0[0], scale: $0[1]).value] }
    self.init(value: value[0], scale: scale)
  }

  /// The scaled loss, to be looked at: from a tensor that has been computed no gradient is taken.
  public var tensor: Tensor { value }
}
