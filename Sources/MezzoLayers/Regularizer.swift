public import MezzoGraph

/// What is added to the loss for the size of a variable, in Keras's words and with its factors.
public enum Regularizer: Codable, Sendable, Hashable {
  /// `factor · Σ |v|`
  case l1(Double = 0.01)
  /// `factor · Σ v²`
  case l2(Double = 0.01)
  /// `l1 · Σ |v| + l2 · Σ v²`
  case l1l2(l1: Double = 0.01, l2: Double = 0.01)

  func usable(path: String) throws(LayerError) -> Regularizer {
    let factors =
      switch self {
      case .l1(let factor), .l2(let factor): [factor]
      case .l1l2(let l1, let l2): [l1, l2]
      }
    guard factors.allSatisfy(\.isFinite) else { throw .regularizer(path: path, found: "\(factors)") }
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
    }
  }
}
