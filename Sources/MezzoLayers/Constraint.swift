public import MezzoGraph

/// What a variable is brought back to after every update, in Keras's words and with its defaults.
///
/// ```swift
/// let layer = Dense(8, kernelConstraint: .maxNorm(3))
/// let output = try Model(layer)(Tensor(zeros: TensorType(.float32, [2, 4])))  // float32[2, 8]
/// ```
/// Norms are along axes of the variable: with the default, 0, of what comes into each unit of a ``Dense``.
public enum Constraint: Codable, Sendable, Hashable {
  /// No norm above the limit.
  case maxNorm(Double = 2, axis: [Int] = [0])
  /// No element below 0.
  case nonNegative
  /// Norms of 1.
  case unitNorm(axis: [Int] = [0])
  /// Norms brought between the limits, by `rate` of the way.
  case minMaxNorm(minimum: Double = 0, maximum: Double = 1, rate: Double = 1, axis: [Int] = [0])

  /// - Throws: ``LayerError/constraint(path:expected:found:)`` for axes that the variable does not have, and limits that are not
  ///   numbers from 0 up.
  func usable(path: String, rank: Int) throws(LayerError) -> Constraint {
    let (axes, numbers): ([Int], [Double]) =
      switch self {
      case .nonNegative: ([], [])
      case .maxNorm(let limit, let axis): (axis, [limit])
      case .unitNorm(let axis): (axis, [])
      case .minMaxNorm(let minimum, let maximum, let rate, let axis): (axis, [minimum, maximum, rate])
      }
    let places = axes.map { $0 < 0 ? $0 + rank : $0 }
    guard places.allSatisfy((0..<rank).contains), Set(places).count == places.count else {
      throw .constraint(path: path, expected: "different axes of the \(rank) that it has", found: "\(axes)")
    }
    guard numbers.allSatisfy({ $0 >= 0 && $0.isFinite }) else {
      throw .constraint(path: path, expected: "limits from 0 up", found: "\(numbers)")
    }
    return self
  }

  /// What replaces a variable that was updated; norms are computed in at least float32.
  public func callAsFunction(_ value: SymbolicTensor) throws -> SymbolicTensor {
    let wide = try value.atLeastFloat32()
    func constant(_ number: Double) throws -> SymbolicTensor { try wide.trace.constant(number, dtype: wide.dtype) }
    func norms(_ axes: [Int]) throws -> SymbolicTensor {
      try (wide * wide).sum(axes: axes.isEmpty ? nil : axes, keepDims: true).sqrt()
    }
    let constrained: SymbolicTensor
    switch self {
    case .nonNegative: constrained = try wide.maximum(constant(0))
    case .unitNorm(let axis): constrained = try wide / (norms(axis) + Self.epsilon)
    case .maxNorm(let limit, let axis):
      let norms = try norms(axis)
      constrained = try wide * (norms.minimum(constant(limit)) / (norms + Self.epsilon))
    case .minMaxNorm(let minimum, let maximum, let rate, let axis):
      let norms = try norms(axis)
      let wanted = try norms.maximum(constant(minimum)).minimum(constant(maximum)) * rate + norms * (1 - rate)
      constrained = try wide * (wanted / (norms + Self.epsilon))
    }
    return try constrained.cast(to: value.dtype)
  }

  private static let epsilon = 1e-7
}
