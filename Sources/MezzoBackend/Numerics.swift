/// How results come about beside the accumulator: what an operation wants, and what a rule gives.
///
/// Rounding is always to nearest, ties to even, since no rule of Mezzo's language says anything else is wanted.
public struct Numerics: Hashable, Sendable {
  /// The same bits for the same inputs, plan and number of threads.
  public var isDeterministic: Bool
  /// Values below the smallest normal number are kept and not flushed to 0.
  public var keepsDenormals: Bool
  /// Products are of the operands as they are, and not of operands rounded to fewer digits, as TF32 does.
  public var isStrictMath: Bool
  public var roundsToNearestEven: Bool
  /// Against exact arithmetic; 0: as the dtype's own rounding and summation allow.
  public var relativeError: Double

  public init(
    isDeterministic: Bool = true, keepsDenormals: Bool = true, isStrictMath: Bool = true,
    roundsToNearestEven: Bool = true, relativeError: Double = 0
  ) {
    self.isDeterministic = isDeterministic
    self.keepsDenormals = keepsDenormals
    self.isStrictMath = isStrictMath
    self.roundsToNearestEven = roundsToNearestEven
    self.relativeError = relativeError
  }

  /// All that can be promised.
  public static let strict = Numerics()
  /// What an operation wants unless told otherwise: flushed denormals are tolerated, since no training depends on them.
  public static let usual = Numerics(keepsDenormals: false)
  /// No promise at all.
  public static let any = Numerics(
    isDeterministic: false, keepsDenormals: false, isStrictMath: false, roundsToNearestEven: false)

  /// The first promise of `wanted` that these do not keep, in words; `nil` where all are kept.
  func lacking(of wanted: Numerics) -> String? {
    if wanted.roundsToNearestEven && !roundsToNearestEven { return "does not round to nearest, ties to even" }
    if wanted.isStrictMath && !isStrictMath { return "computes in a relaxed math mode, strict is wanted" }
    if wanted.isDeterministic && !isDeterministic { return "is not deterministic, deterministic is wanted" }
    if wanted.keepsDenormals && !keepsDenormals { return "flushes denormals to 0, they are wanted" }
    return nil
  }
}
