public import MezzoGraph
import MezzoPolicy
public import MezzoRuntime

/// Gradients of a ``ScaledLoss``. No optimizer takes them: ``Gradients`` come from ``unscaled()``.
public struct ScaledGradients<Value> {
  let values: [Value?]
  let scale: Value

  /// Gradients that were computed elsewhere, of a loss that had been multiplied by `scale`.
  ///
  /// - Parameters:
  ///   - values: one for each variable; nil for a variable that the loss does not depend on.
  ///   - scale: a scalar, float32.
  public init(_ values: [Value?], scale: Value) {
    self.values = values
    self.scale = scale
  }
}

/// Gradients with no loss scale in them: what optimizers take.
public struct Gradients<Value> {
  /// One for each variable; nil for a variable that the loss does not depend on, which stays as it is.
  public let values: [Value?]

  /// Gradients of a loss that was not scaled.
  public init(_ values: [Value?]) { self.values = values }
}

extension ScaledGradients: Sendable where Value: Sendable {}
extension Gradients: Sendable where Value: Sendable {}

// MARK: - In a graph

extension ScaledGradients where Value == SymbolicTensor {
  /// Each gradient times 1∕scale, which is rounded to float32 as in TensorFlow. The product is in at least float32 and
  /// rounded once to the gradient's dtype: in float16, 1∕scale would be 0 from 2²⁵ on, as it is in the dialects of
  /// TensorFlow and Keras 3.
  public func unscaled() throws(GraphError) -> Gradients<SymbolicTensor> {
    let inverse = try 1 / scale
    let isNarrow = PolicyEnvironment.current.dialect.scalesInNarrowDTypes
    return Gradients(
      try values.map { gradient throws(GraphError) in
        guard let gradient else { return nil }
        let wide = isNarrow ? gradient : try gradient.atLeastFloat32()
        return try (wide * inverse.cast(to: wide.dtype)).cast(to: gradient.dtype)
      })
  }

  /// Whether every element of every gradient is finite: a bool scalar; nil where there are no gradients.
  func areFinite() throws(GraphError) -> SymbolicTensor? { try values.allFinite() }
}

extension Gradients where Value == SymbolicTensor {
  /// Whether every element of every gradient is finite: a bool scalar; nil where there are no gradients.
  func areFinite() throws(GraphError) -> SymbolicTensor? { try values.allFinite() }
}

extension [SymbolicTensor?] {
  fileprivate func allFinite() throws(GraphError) -> SymbolicTensor? {
    var result: SymbolicTensor?
    for value in self {
      guard let value else { continue }
      let isFinite = try value.allFinite()
      result = if let known = result { try known.and(isFinite) } else { isFinite }
    }
    return result
  }
}

// MARK: - Eager

extension ScaledGradients where Value == Tensor {
  /// The same of gradients that have been computed.
  public func unscaled(on runtime: Runtime = .shared) throws -> Gradients<Tensor> {
    let given = values.compactMap { $0 }
    var results = try runtime.evaluate(given + [scale]) { symbols in
      try ScaledGradients<SymbolicTensor>(symbols.dropLast(), scale: symbols[given.count]).unscaled().values
        .compactMap { $0 }
    }[...]
    return Gradients(values.map { $0 == nil ? nil : results.popFirst() })
  }
}
