import MezzoBackend

/// `max(x, 0)`; its gradient at 0 is 0.
///
/// Not public: `ReLU` is the layer, and here it is `relu()`.
struct ReLU: UnaryOperation {
  public static let name = "relu"
  public var lowering: Lowering { .backend(.relu) }

  public func gradient(_ context: GradientContext) throws(GraphError) -> [SymbolicTensor?] {
    [try context.only().apply(ReLUGradient(), context.results[0])]
  }
}

/// The gradient by the result of a ReLU, where that result is above 0, else 0: `dy[…] y[…] -> […]`.
public struct ReLUGradient: FloatingBinaryOperation {
  public static let name = "relu_gradient"
  public var lowering: Lowering { .backend(.reluGradient) }

  public func gradient(_ context: GradientContext) throws(GraphError) -> [SymbolicTensor?] {
    [try context.only().apply(ReLUGradient(), context.operands[1]), nil]
  }
}

extension SymbolicTensor {
  public func relu() throws(GraphError) -> SymbolicTensor { try apply(ReLU()) }
}
