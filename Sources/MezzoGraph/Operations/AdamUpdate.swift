public import MezzoBackend
import MezzoPolicy

/// One step of Adam (Kingma and Ba, arXiv 1412.6980), as Keras does it: `w m v g rate step apply -> w′ m′ v′`.
///
/// `weightDecay` is AdamW's (Loshchilov and Hutter, arXiv 1711.05101). `rate` is a float64 scalar, `step` an int64 scalar
/// that counts from 1; where the bool scalar `apply` is false, nothing changes.
public struct AdamUpdate: Operation {
  public static let name = "adam_update"
  public var beta1: Double
  public var beta2: Double
  public var epsilon: Double
  public var weightDecay: Double

  public init(beta1: Double, beta2: Double, epsilon: Double, weightDecay: Double) {
    self.beta1 = beta1
    self.beta2 = beta2
    self.epsilon = epsilon
    self.weightDecay = weightDecay
  }

  public var lowering: Lowering {
    .backend(
      .adamUpdate,
      [
        Attribute("beta1", .float(beta1)), Attribute("beta2", .float(beta2)), Attribute("epsilon", .float(epsilon)),
        Attribute("weight_decay", .float(weightDecay)),
      ])
  }

  public func resultTypes(_ operands: [TensorType]) throws(GraphError) -> [TensorType] {
    try requireCount(operands, 7)
    try requireFloatingPoint(Array(operands[..<4]))
    try requireEqualTypes(Array(operands[..<4]))
    guard operands[4] == TensorType(.float64, []), operands[5] == TensorType(.int64, []),
      operands[6] == TensorType(.bool, [])
    else { throw wrongShape("a rate float64[], a step int64[] and a bool[]", operands) }
    return Array(operands[..<3])
  }
}
