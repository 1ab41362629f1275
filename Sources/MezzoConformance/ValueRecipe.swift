import MezzoPolicy

/// What an input of a case holds.
enum ValueRecipe {
  /// Of both signs and moderate size.
  case ordinary
  case positive
  /// Both zeros, infinities, NaN, subnormals and the ends of the range; `period` > 1 repeats each so that two inputs
  /// with different periods meet in every combination.
  case special(period: Int)
  /// The same of floats; ordinary integers, since what an integer overflows to is not said.
  case specialFloats(period: Int)
  /// Ordinary, with a NaN or an infinity here and there.
  case scattered
  /// Labels for a depth, with some that lie outside of it.
  case labels(depth: Int)
  case constant(Double)
  case constants([Double])

  func values(_ count: Int, _ dtype: DType, _ random: inout SplitMix) -> [Double] {
    switch self {
    case .ordinary: return (0..<count).map { _ in ordinary(dtype, &random) }
    case .positive: return (0..<count).map { _ in abs(ordinary(dtype, &random)) + (dtype.isFloatingPoint ? 0.01 : 1) }
    case .specialFloats where !dtype.isFloatingPoint: return (0..<count).map { _ in ordinary(dtype, &random) }
    case .special(let period), .specialFloats(let period):
      let specials = Self.specials(dtype)
      return (0..<count).map { specials[$0 / period % specials.count] }
    case .scattered:
      let rare: [Double] = [.nan, .infinity, -.infinity]
      return (0..<count).map { _ in
        let choice = Int(random.next() % 40)
        return rare.indices.contains(choice) && dtype.isFloatingPoint ? rare[choice] : ordinary(dtype, &random)
      }
    case .labels(let depth): return (0..<count).map { _ in Double(Int(random.next() % UInt64(depth + 2)) - 1) }
    case .constant(let value): return Array(repeating: value, count: count)
    case .constants(let values): return (0..<count).map { values[$0 % values.count] }
    }
  }

  private func ordinary(_ dtype: DType, _ random: inout SplitMix) -> Double {
    if dtype == .bool { return Double(random.next() & 1) }
    if dtype.isFloatingPoint { return random.uniform() * 4 - 2 }
    let isUnsigned = dtype.name.hasPrefix("u")
    return Double(random.next() % 101) - (isUnsigned ? 0 : 50)
  }

  /// Values at which kernels go wrong; of integers only those that a Double holds.
  static func specials(_ dtype: DType) -> [Double] {
    if dtype == .bool { return [0, 1] }
    guard let greatest = dtype.greatestFinite, let epsilon = dtype.epsilon, let normal = dtype.leastNormal,
      let subnormal = dtype.leastSubnormal
    else { return integers(dtype) }
    let positive = [0, 1, 1 + epsilon, 1 - epsilon / 2, 2.5, 100, normal, subnormal, normal - subnormal, greatest]
    // float8_e4m3fn would store an infinity as NaN, which is in the list anyway.
    return positive.flatMap { [$0, -$0] } + [.infinity, -.infinity, .nan, 0.5, 3.5]
  }

  private static func integers(_ dtype: DType) -> [Double] {
    let bits = Double(dtype.bitWidth ?? 8)
    let isUnsigned = dtype.name.hasPrefix("u")
    let top = min(exponential(isUnsigned ? bits : bits - 1) - 1, 0x1p53)
    return [0, 1, 2, 3, 100, 127, top, top - 1]
      + (isUnsigned ? [] : [-1, -2, -100, -128, bits >= 64 ? -top : -top - 1])
  }

  private static func exponential(_ bits: Double) -> Double { Double(sign: .plus, exponent: Int(bits), significand: 1) }
}

/// SplitMix64 (Steele, Lea and Flood, 2014): small, and the same on every machine.
struct SplitMix {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  /// In [0, 1).
  mutating func uniform() -> Double { Double(next() >> 11) * 0x1p-53 }
}
