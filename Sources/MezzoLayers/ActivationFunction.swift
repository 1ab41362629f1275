public import MezzoGraph

/// An activation by its Keras name. Exponentials and sums are computed in at least float32, whatever the policy.
public enum ActivationFunction: String, Codable, Sendable, Hashable, CaseIterable {
  case linear, relu, gelu, sigmoid, tanh, softmax
  case logSoftmax = "log_softmax"
  case silu

  public func callAsFunction(_ x: SymbolicTensor) throws -> SymbolicTensor {
    switch self {
    case .linear: x
    case .relu: try x.relu()
    case .gelu: try x.gelu()
    case .sigmoid: try x.sigmoid()
    case .tanh: try x.tanh()
    case .softmax: try x.softmax()
    case .logSoftmax: try x.logSoftmax()
    case .silu: try x * x.sigmoid()
    }
  }
}
