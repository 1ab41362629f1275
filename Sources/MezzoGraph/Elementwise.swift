import MezzoBackend
import MezzoPolicy

/// An operation of one operand that keeps its type: `[…] -> […]`, floating point.
protocol UnaryOperation: Operation {}

extension UnaryOperation {
  public func resultTypes(_ operands: [TensorType]) throws(GraphError) -> [TensorType] {
    try requireCount(operands, 1)
    try requireFloatingPoint(operands)
    return operands
  }
}

/// An operation of two operands of one type that keeps it: `[…] […] -> […]`.
protocol BinaryOperation: Operation {}

extension BinaryOperation {
  public func resultTypes(_ operands: [TensorType]) throws(GraphError) -> [TensorType] {
    try requireCount(operands, 2)
    try requireEqualTypes(operands)
    guard operands[0].dtype.isFloatingPoint || operands[0].dtype == .int32 || operands[0].dtype == .int64 else {
      throw wrongDType("floating-point, int32 or int64 operands", operands)
    }
    return [operands[0]]
  }
}

/// The same for floating point alone.
protocol FloatingBinaryOperation: Operation {}

extension FloatingBinaryOperation {
  public func resultTypes(_ operands: [TensorType]) throws(GraphError) -> [TensorType] {
    try requireCount(operands, 2)
    try requireEqualTypes(operands)
    try requireFloatingPoint(operands)
    return [operands[0]]
  }
}

/// A comparison of two operands of one type: `[…] […] -> bool[…]`.
protocol ComparisonOperation: Operation {}

extension ComparisonOperation {
  public func resultTypes(_ operands: [TensorType]) throws(GraphError) -> [TensorType] {
    try requireCount(operands, 2)
    try requireEqualTypes(operands)
    guard operands[0].dtype.isFloatingPoint || comparable.contains(operands[0].dtype) else {
      throw wrongDType("floating-point, bool or integer operands that int64 holds", operands)
    }
    return [TensorType(.bool, operands[0].shape)]
  }
}

private let comparable: Set<DType> = [.bool, .int8, .int16, .int32, .int64, .uint8, .uint16, .uint32]
