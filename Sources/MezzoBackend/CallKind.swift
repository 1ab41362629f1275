/// How a prepared operation is reached, which decides what a call costs before any work is done.
public enum CallKind: Hashable, Sendable, Codable {
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

  /// By what an estimate from the declared cost is multiplied. However cheap a rule says it is, the measurement counts: it is
  /// made in turns with the built-in backend's, so that a busy machine disturbs neither alone. A rule that was quicker than it
  /// says is believed only up to a factor of 64.
  public var correction: Double {
    let ratio = measuredNanoseconds / declaredNanoseconds
    return ratio.isFinite && ratio > 0 ? max(ratio, 1.0 / 64) : 1
  }
}
