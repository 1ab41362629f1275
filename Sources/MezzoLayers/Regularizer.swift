public import MezzoGraph

/// What is added to the loss for the size of a variable, in Keras's words and with its factors.
public enum Regularizer: Codable, Sendable, Hashable {
  /// `factor · Σ |v|`
  case l1(Double = 0.01)
  /// `factor · Σ v²`
  case l2(Double = 0.01)
  /// `l1 · Σ |v| + l2 · Σ v²`
  case l1l2(l1: Double = 0.01, l2: Double = 0.01)
  /// `factor` times the mean of `|cos|` over all pairs of rows of a matrix, or of columns: 0 where all are at right angles.
  case orthogonal(Double = 0.01, ofColumns: Bool = false)

  func usable(path: String, rank: Int) throws(LayerError) -> Regularizer {
    if case .orthogonal = self, rank != 2 {
      throw .regularizer(path: path, expected: "a matrix", found: "\(rank) axes")
    }
    let factors =
      switch self {
      case .l1(let factor), .l2(let factor), .orthogonal(let factor, _): [factor]
      case .l1l2(let l1, let l2): [l1, l2]
      }
    guard factors.allSatisfy(\.isFinite) else {
      throw .regularizer(path: path, expected: "finite factors", found: "\(factors)")
    }
    return self
  }

  /// The penalty for a variable: a scalar in at least float32, since squares and long sums leave the range of 16 bits.
  ///
  /// - Parameter value: what is stored, not what a mixed layer reads.
  public func penalty(_ value: SymbolicTensor) throws -> SymbolicTensor {
    let value = try value.atLeastFloat32()
    return switch self {
    case .l1(let factor): try value.abs().sum() * factor
    case .l2(let factor): try (value * value).sum() * factor
    case .l1l2(let l1, let l2): try value.abs().sum() * l1 + (value * value).sum() * l2
    case .orthogonal(let factor, let ofColumns):
      try Self.angles(ofColumns ? value.transposed([1, 0]) : value) * factor
    }
  }

  /// The mean of the cosines between rows, without their signs.
  private static func angles(_ rows: SymbolicTensor) throws -> SymbolicTensor {
    let square = try (rows * rows).sum(axes: [-1], keepDims: true)
    let units = try rows / square.maximum(rows.trace.constant(1e-12, dtype: rows.dtype)).sqrt()
    // Each pair comes twice, and each row with itself.
    let all = try units.matmul(units.transposed([1, 0])).abs().sum()
    let own = try (units * units).sum()
    let count = Double(rows.shape[0])
    return try (all - own) / Swift.max(count * (count - 1), 1)
  }
}
