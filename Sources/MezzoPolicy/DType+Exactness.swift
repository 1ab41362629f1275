/// What becomes of a number that a dtype cannot hold as it is meant.
public enum ConstantFate: Sendable, Hashable, CustomStringConvertible {
  /// It is not 0 and becomes 0, as 1e-8 in float16 does.
  case vanishes
  /// It is finite and becomes infinite, as 1e5 in float16 does.
  case overflows
  /// It is an integer and becomes another, as 2049 in float16 does.
  case becomes(Double)

  /// As in "the constant 1e-08 vanishes in float16".
  public var description: String {
    switch self {
    case .vanishes: "vanishes"
    case .overflows: "overflows"
    case .becomes(let value): "becomes \(value)"
    }
  }
}

extension DType {
  /// What is lost when `value` is rounded to this dtype, beyond the rounding of a fraction; nil where nothing is, and for a
  /// dtype that is not floating.
  ///
  /// ```swift
  /// DType.float16.fate(of: 1e-8)  // .vanishes
  /// DType.bfloat16.fate(of: 257)  // .becomes(256)
  /// DType.float16.fate(of: 0.1)   // nil
  /// ```
  public func fate(of value: Double) -> ConstantFate? {
    guard value.isFinite, let rounded = rounded(value) else { return nil }
    if !rounded.isFinite { return .overflows }
    if rounded == 0, value != 0 { return .vanishes }
    return rounded != value && value == value.rounded() ? .becomes(rounded) : nil
  }

  /// Whether every value of an integer dtype, or of `bool`, is one of this floating dtype.
  ///
  /// float16 holds all of int8, float32 all of int16; no float32 is 16,777,217.
  public func holdsAll(of integers: DType) -> Bool {
    guard let epsilon, let width = integers.bitWidth else { return false }
    if integers == .bool { return true }
    let isSigned = [.int4, .int8, .int16, .int32, .int64].contains(integers)
    guard isSigned || integers.isInteger else { return false }
    let digits = 1 - epsilon.exponent
    return isSigned ? width - 1 <= digits : width <= digits
  }

  /// To the nearest value, ties to even; nil for a dtype that is not floating.
  private func rounded(_ value: Double) -> Double? {
    switch self {
    case .float64: value
    case .float32: Double(Float(value))
    default: smallFloat.map { $0.decode($0.encode(value)) }
    }
  }
}
