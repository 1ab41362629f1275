public import MezzoBackend
public import MezzoGraph
import MezzoPolicy

/// How a variable gets its first values, in Keras's words. The same seed and path give the same values on every machine.
public enum Initializer: Codable, Sendable, Hashable {
  case zeros
  case ones
  case constant(Double)
  /// Within ±√(6 ∕ (fan in + fan out)) (Glorot and Bengio, AISTATS 2010).
  case glorotUniform
  /// Within ±√(6 ∕ fan in) (He et al., ICCV 2015).
  case heUniform
  case randomUniform(minimum: Double, maximum: Double)
  case randomNormal(mean: Double, deviation: Double)

  /// What a variable begins with: what was asked for, or Keras's default for its dtype.
  ///
  /// - Throws: where there is no default, and where numbers would be drawn that the dtype cannot hold.
  static func usable(_ asked: Initializer?, path: String, dtype: DType) throws(LayerError) -> Initializer {
    guard let asked else {
      if dtype.isFloatingPoint { return .glorotUniform }
      if dtype.isInteger || dtype == .bool { return .zeros }
      throw .initializer(path: path, expected: "an initializer, since \(dtype) has no default", found: "none")
    }
    switch asked {
    case .zeros, .ones, .constant: return asked
    case .glorotUniform, .heUniform, .randomUniform, .randomNormal:
      guard dtype.isFloatingPoint else {
        throw .initializer(path: path, expected: "zeros, ones or a constant, since it is \(dtype)", found: "\(asked)")
      }
      return asked
    }
  }

  /// A tensor of `type`; values are drawn in float64 and rounded once.
  public func tensor(_ type: TensorType, seed: UInt64, path: String) throws -> Tensor {
    // FNV-1a over the path, so that a variable's values do not depend on which others there are.
    let hash = path.utf8.reduce(0xCBF2_9CE4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
    var random = SplitMix64(seed: seed &+ hash)
    let (fanIn, fanOut) = Self.fans(type.shape)
    func uniform(_ limit: Double) throws -> Tensor {
      try Tensor(type) { (random.unit() * 2 - 1) * limit }
    }
    switch self {
    case .zeros: return try Tensor(zeros: type)
    case .ones: return try Tensor(type) { 1 }
    case .constant(let value): return try Tensor(type) { value }
    case .glorotUniform: return try uniform((6 / max(fanIn + fanOut, 1)).squareRoot())
    case .heUniform: return try uniform((6 / max(fanIn, 1)).squareRoot())
    case .randomUniform(let minimum, let maximum):
      return try Tensor(type) { minimum + random.unit() * (maximum - minimum) }
    case .randomNormal(let mean, let deviation): return try Tensor(type) { mean + random.normal() * deviation }
    }
  }

  /// As Keras counts them: the last two axes, times the receptive field before them.
  static func fans(_ shape: [Int]) -> (fanIn: Double, fanOut: Double) {
    switch shape.count {
    case 0: return (1, 1)
    case 1: return (Double(shape[0]), Double(shape[0]))
    default:
      let field = shape.dropLast(2).reduce(1.0) { $0 * Double($1) }
      return (Double(shape[shape.count - 2]) * field, Double(shape[shape.count - 1]) * field)
    }
  }
}
