/// How a prepared operation is reached, which decides what a call costs before any work is done.
public enum CallKind: Hashable, Sendable {
  /// A C function that is linked into the program.
  case direct
  /// A function of an opened library, through libffi, with so many arguments.
  case foreign(arguments: Int)
}

/// What a rule took when it was measured, beside what it had declared for the same problem.
public struct MeasuredCost: Hashable, Sendable, Codable {
  public var declaredNanoseconds: Double
  public var measuredNanoseconds: Double

  public init(declaredNanoseconds: Double, measuredNanoseconds: Double) {
    self.declaredNanoseconds = declaredNanoseconds
    self.measuredNanoseconds = measuredNanoseconds
  }

  /// By what an estimate from the declared cost is multiplied. Within bounds: one disturbed measurement must not drive a
  /// backend out of all routes for ever.
  public var correction: Double {
    let ratio = measuredNanoseconds / declaredNanoseconds
    return ratio.isFinite && ratio > 0 ? min(max(ratio, 1.0 / 64), 64) : 1
  }
}
