public import MezzoBackend
import MezzoPolicy

/// A kind of operation: its shape and dtype rule, what it asks of a backend, and its gradient as further operations.
///
/// One file in `Operations/` holds all of one kind.
public protocol Operation: Hashable, Sendable {
  static var name: String { get }

  /// The types of the results, or what is wrong with the operands.
  func resultTypes(_ operands: [TensorType]) throws(GraphError) -> [TensorType]

  var lowering: Lowering { get }

  /// The gradients of the loss by each operand, given those by each result; `nil` where there is none.
  func gradient(_ context: GradientContext) throws(GraphError) -> [SymbolicTensor?]
}

/// What an operation becomes when it is planned.
public enum Lowering: Hashable, Sendable {
  /// Work for a backend.
  case backend(OperationCode, [Attribute] = [])
  /// No work: another way to look at the operand's memory.
  case view(View)
  /// A scalar known when the graph was made.
  case constant(Double)

  public enum View: Hashable, Sendable {
    case transpose([Int])
    case reshape
    case broadcast
    /// Over the axes behind the first, as many as there are strides.
    case windows(strides: [Int], dilations: [Int])
  }
}

/// What an operation's gradient is made from.
public struct GradientContext {
  public let operands: [SymbolicTensor]
  public let results: [SymbolicTensor]
  /// By each result; `nil` where the loss does not depend on it.
  public let resultGradients: [SymbolicTensor?]

  /// The gradient by the only result. `gradient` is called only where there is at least one.
  func only() throws(GraphError) -> SymbolicTensor {
    guard let first = resultGradients.compactMap({ $0 }).first else {
      throw GraphError(.notDifferentiable(operation: "an operation whose result is not used"))
    }
    return first
  }
}

extension GradientContext {
  /// The gradient by one of several results, zeros where the loss does not depend on it.
  func gradientOrZero(_ result: Int) throws(GraphError) -> SymbolicTensor {
    if let gradient = resultGradients[result] { return gradient }
    let type = results[result].type
    return try results[result].trace.constant(0, dtype: type.dtype).broadcast(to: type.shape)
  }
}

extension GradientContext {
  /// The gradients of an operation that is written out in simpler ones, whose own gradients are followed: for what is a
  /// gradient itself, and so is seldom differentiated.
  ///
  /// - Parameter written: gives the results from the floating-point operands, which it gets in at least float32.
  func gradient(
    of written: ([SymbolicTensor]) throws(GraphError) -> [SymbolicTensor]
  ) throws(GraphError) -> [SymbolicTensor?] {
    // Views of their own, so that nothing is followed behind the operands.
    let own = try operands.map { operand throws(GraphError) in try operand.apply(Reshape(to: operand.shape)) }
    let written = try written(try own.map { operand throws(GraphError) in try operand.atLeastFloat32() })
    var loss: SymbolicTensor?
    for (result, gradient) in zip(written, resultGradients) {
      guard let gradient else { continue }
      let term = try (result * gradient.cast(to: result.dtype)).sum()
      loss = try loss.map { sum throws(GraphError) in try sum + term } ?? term
    }
    guard let loss else { return operands.map { _ in nil } }
    return try loss.trace.gradients(of: loss, by: own)
  }
}

extension Operation {
  /// For operations that have no gradient, such as comparisons.
  public func gradient(_ context: GradientContext) throws(GraphError) -> [SymbolicTensor?] {
    throw GraphError(.notDifferentiable(operation: Self.name))
  }

  func wrongShape(_ expected: String, _ found: [TensorType]) -> GraphError {
    GraphError(.shape(operation: Self.name, expected: expected, found: found))
  }

  func wrongDType(_ expected: String, _ found: [TensorType]) -> GraphError {
    GraphError(.dtype(operation: Self.name, expected: expected, found: found))
  }

  func requireCount(_ operands: [TensorType], _ count: Int) throws(GraphError) {
    guard operands.count == count else { throw wrongShape("\(count) operands", operands) }
  }

  func requireFloatingPoint(_ operands: [TensorType]) throws(GraphError) {
    guard operands.allSatisfy({ $0.dtype.isFloatingPoint }) else {
      throw wrongDType("floating-point operands", operands)
    }
  }

  func requireEqualTypes(_ operands: [TensorType]) throws(GraphError) {
    guard let first = operands.first else { return }
    guard operands.allSatisfy({ $0.dtype == first.dtype }) else {
      throw wrongDType("operands of one dtype", operands)
    }
    guard operands.allSatisfy({ $0.shape == first.shape }) else {
      throw wrongShape("operands of one shape", operands)
    }
  }
}
