public import MezzoBackend
public import MezzoGraph
import MezzoPolicy

/// How a variable gets its first values, in Keras's words. The same seed and path give the same values on every
/// machine.
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
  /// Normal, but for what is more than two deviations from the mean, which is drawn again.
  case truncatedNormal(mean: Double = 0, deviation: Double = 0.05)
  /// Of the variance `scale ∕ fan`; the truncated normal has it after what was cut off.
  case varianceScaling(
    scale: Double = 1, mode: FanMode = .fanIn, distribution: ScaledDistribution = .truncatedNormal)
  /// `gain` on the diagonal of a matrix.
  case identity(gain: Double = 1)
  /// Numbers of this seed alone, whatever the model's seed and the variable's path are: two variables of one shape begin with
  /// the same values.
  indirect case seeded(Initializer, seed: UInt64)
  /// Rows, or columns where there are fewer of them, of length 1 at right angles to each other (Saxe et al., ICLR
  /// 2014).
  case orthogonal
  /// 1 in the second quarter of a vector and 0 elsewhere: the forget gate of an LSTM's bias.
  case forgetGateOnes

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
    case .zeros, .ones, .constant, .forgetGateOnes, .identity: return asked
    case .seeded(let inner, _):
      _ = try usable(inner, path: path, dtype: dtype)
      return asked
    case .glorotUniform, .heUniform, .randomUniform, .randomNormal, .truncatedNormal,
      .varianceScaling, .orthogonal:
      guard dtype.isFloatingPoint else {
        throw .initializer(path: path, expected: "zeros, ones or a constant, since it is \(dtype)", found: "\(asked)")
      }
      return asked
    }
  }

  /// A tensor of `type`; values are drawn in float64 and rounded once.
  public func tensor(_ type: TensorType, seed: UInt64, path: String) throws -> Tensor {
    // FNV-1a over the path, so that a variable's values do not depend on which others there are.
    let hash = path.utf8.reduce(0xCBF2_9CE4_8422_2325 as UInt64) {
      ($0 ^ UInt64($1)) &* 0x100_0000_01B3
    }
    return try tensor(type, SplitMix64(seed: seed &+ hash))
  }

  private func tensor(_ type: TensorType, _ source: SplitMix64) throws -> Tensor {
    var random = source
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
    case .randomNormal(let mean, let deviation):
      return try Tensor(type) { mean + random.normal() * deviation }
    case .truncatedNormal(let mean, let deviation):
      return try Tensor(type) { mean + random.truncatedNormal() * deviation }
    case .varianceScaling(let scale, let mode, let distribution):
      let variance = max(scale, 0) / max(mode.fan(fanIn, fanOut), 1)
      switch distribution {
      case .uniform: return try uniform((3 * variance).squareRoot())
      case .untruncatedNormal: return try Tensor(type) { random.normal() * variance.squareRoot() }
      case .truncatedNormal:
        return try Tensor(type) {
          random.truncatedNormal() * variance.squareRoot() / SplitMix64.truncatedDeviation
        }
      }
    case .identity(let gain):
      let columns = max(type.shape.last ?? 1, 1)
      var place = -1
      return try Tensor(type) {
        place += 1
        return place / columns == place % columns ? gain : 0
      }
    case .seeded(let inner, let seed): return try inner.tensor(type, SplitMix64(seed: seed))
    case .orthogonal:
      return try Tensor(Self.orthogonal(type.shape, &random), shape: type.shape, dtype: type.dtype)
    case .forgetGateOnes:
      let quarter = (type.checkedCount ?? 0) / 4
      var place = -1
      return try Tensor(type) {
        place += 1
        return (quarter..<2 * quarter).contains(place) ? 1 : 0
      }
    }
  }

  /// Normal with the variance `2 ∕ (fan in + fan out)` (Glorot and Bengio, AISTATS 2010).
  public static var glorotNormal: Initializer { .varianceScaling(mode: .fanAverage) }
  /// Normal with the variance `2 ∕ fan in` (He et al., ICCV 2015).
  public static var heNormal: Initializer { .varianceScaling(scale: 2) }
  /// Normal with the variance `1 ∕ fan in` (LeCun et al., 1998).
  public static var lecunNormal: Initializer { .varianceScaling() }
  /// Uniform with the variance `1 ∕ fan in`.
  public static var lecunUniform: Initializer { .varianceScaling(distribution: .uniform) }

  /// The same with numbers of a seed of its own.
  public func seeded(_ seed: UInt64) -> Initializer { .seeded(self, seed: seed) }

  /// Gram and Schmidt's method on normal vectors, twice, so that rounding leaves no angle.
  private static func orthogonal(_ shape: [Int], _ random: inout SplitMix64) -> [Double] {
    let columns = shape.last ?? 1
    let rows = shape.dropLast().reduce(1, *)
    let (count, length) = (min(rows, columns), max(rows, columns))
    var vectors: [[Double]] = []
    while vectors.count < count {
      var vector = (0..<length).map { _ in random.normal() }
      for _ in 0..<2 {
        for other in vectors {
          let share = zip(vector, other).reduce(0) { $0 + $1.0 * $1.1 }
          for index in vector.indices { vector[index] -= share * other[index] }
        }
      }
      let norm = vector.reduce(0) { $0 + $1 * $1 }.squareRoot()
      if norm > 1e-6 { vectors.append(vector.map { $0 / norm }) }
    }
    return (0..<rows * columns).map { place in
      let (row, column) = (place / columns, place % columns)
      return rows <= columns ? vectors[row][column] : vectors[column][row]
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

/// What a variance is divided by.
public enum FanMode: String, Codable, Sendable, Hashable, CaseIterable {
  case fanIn = "fan_in"
  case fanOut = "fan_out"
  case fanAverage = "fan_avg"

  func fan(_ fanIn: Double, _ fanOut: Double) -> Double {
    switch self {
    case .fanIn: fanIn
    case .fanOut: fanOut
    case .fanAverage: (fanIn + fanOut) / 2
    }
  }
}

/// How numbers of a given variance are drawn.
public enum ScaledDistribution: String, Codable, Sendable, Hashable, CaseIterable {
  case truncatedNormal = "truncated_normal"
  case untruncatedNormal = "untruncated_normal"
  case uniform
}
