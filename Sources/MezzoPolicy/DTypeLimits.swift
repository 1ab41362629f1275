extension DType {
  /// The layout of this dtype if it is an 8- or 16-bit floating-point kind, else nil.
  public var smallFloat: SmallFloat? {
    switch self {
    case .float8E4M3FN: .float8E4M3FN
    case .float8E5M2: .float8E5M2
    case .float16: .float16
    case .bfloat16: .bfloat16
    default: nil
    }
  }

  /// The largest finite value, such as 65504 for `float16`; nil for anything but a floating-point kind.
  public var greatestFinite: Double? {
    limit(\.greatestFinite, float32: Double(Float.greatestFiniteMagnitude), float64: .greatestFiniteMagnitude)
  }

  /// The least positive value that has full precision; nil for anything but a floating-point kind.
  public var leastNormal: Double? {
    limit(\.leastNormal, float32: Double(Float.leastNormalMagnitude), float64: .leastNormalMagnitude)
  }

  /// The least positive value; nil for anything but a floating-point kind.
  public var leastSubnormal: Double? {
    limit(\.leastSubnormal, float32: Double(Float.leastNonzeroMagnitude), float64: .leastNonzeroMagnitude)
  }

  /// The distance from 1 to the next greater value; nil for anything but a floating-point kind.
  public var epsilon: Double? {
    limit(\.epsilon, float32: Double(Float.ulpOfOne), float64: .ulpOfOne)
  }

  private func limit(_ small: KeyPath<SmallFloat, Double>, float32: Double, float64: Double) -> Double? {
    switch self {
    case .float32: float32
    case .float64: float64
    default: smallFloat?[keyPath: small]
    }
  }
}
