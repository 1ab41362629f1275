import MezzoGraph
import MezzoPolicy

/// How gradients are made smaller before an update; always after the loss scale was taken out of them.
public enum GradientClipping: Sendable, Hashable {
  /// Every element is brought within ±limit: Keras's `clipvalue`.
  case value(Double)
  /// A variable's gradient whose norm is larger is scaled to this norm: `clipnorm`.
  case norm(Double)
  /// If the norm of all gradients together is larger, all are scaled by one factor: `global_clipnorm`.
  case globalNorm(Double)

  var limit: Double {
    switch self {
    case .value(let limit), .norm(let limit), .globalNorm(let limit): limit
    }
  }

  /// Norms are summed in at least float32.
  func callAsFunction(_ gradients: Gradients<SymbolicTensor>) throws(GraphError) -> Gradients<SymbolicTensor> {
    switch self {
    case .value(let limit):
      return try gradients.map { gradient throws(GraphError) in
        let trace = gradient.trace
        let high = try trace.constant(limit, dtype: gradient.dtype)
        return try gradient.maximum(trace.constant(-limit, dtype: gradient.dtype)).minimum(high)
      }
    case .norm(let limit):
      return try gradients.map { gradient throws(GraphError) in
        let wide = try gradient.atLeastFloat32()
        let norm = try (wide * wide).sum().sqrt()
        let bound = try norm.maximum(wide.trace.constant(limit, dtype: wide.dtype))
        return try (wide * limit / bound).cast(to: gradient.dtype)
      }
    case .globalNorm(let limit):
      guard let factor = try Self.factor(gradients, limit) else { return gradients }
      return try gradients.map { gradient throws(GraphError) in
        let wide = try gradient.atLeastFloat32()
        return try (wide * factor.cast(to: wide.dtype)).cast(to: gradient.dtype)
      }
    }
  }

  /// `limit · min(1∕norm, 1∕limit)`; nil where there are no gradients.
  private static func factor(
    _ gradients: Gradients<SymbolicTensor>, _ limit: Double
  ) throws(GraphError) -> SymbolicTensor? {
    var sum: SymbolicTensor?
    for gradient in gradients.values {
      guard let gradient else { continue }
      let wide = try gradient.atLeastFloat32()
      let square = try (wide * wide).sum().cast(to: .float64)
      sum = if let known = sum { try known + square } else { square }
    }
    guard let norm = try sum?.sqrt() else { return nil }
    return try (1 / norm).minimum(norm.trace.constant(1 / limit, dtype: norm.dtype)) * limit
  }
}

extension Gradients where Value == SymbolicTensor {
  func map(
    _ transform: (SymbolicTensor) throws(GraphError) -> SymbolicTensor
  ) throws(GraphError) -> Gradients<SymbolicTensor> {
    Gradients(
      try values.map { value throws(GraphError) in
        guard let value else { return nil }
        return try transform(value)
      })
  }
}
