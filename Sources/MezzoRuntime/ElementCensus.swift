public import MezzoGraph
public import MezzoPolicy

/// How many elements of a tensor are infinite or NaN, and how large the others are.
public struct ElementCensus: Sendable, Hashable, Codable {
  public let dtype: DType
  /// All elements.
  public let count: Int
  public let nans: Int
  public let positiveInfinities: Int
  public let negativeInfinities: Int
  /// The largest magnitude among the finite elements; 0 if there is none.
  public let largestFinite: Double

  /// Counts the elements of `tensor`. Integers and booleans are always finite.
  public init(_ tensor: Tensor) {
    var (nans, positive, negative, largest) = (0, 0, 0, 0.0)
    for value in tensor.scalars() {
      if value.isFinite {
        largest = max(largest, value.magnitude)
      } else if value.isNaN {
        nans += 1
      } else if value > 0 {
        positive += 1
      } else {
        negative += 1
      }
    }
    dtype = tensor.dtype
    count = tensor.count
    self.nans = nans
    positiveInfinities = positive
    negativeInfinities = negative
    largestFinite = largest
  }

  /// Elements that are infinite or NaN.
  public var nonFinite: Int { nans + positiveInfinities + negativeInfinities }

  public var isFinite: Bool { nonFinite == 0 }

  /// The largest magnitude that the dtype can hold, such as 65504 for `float16`; nil for integers and booleans.
  public var limit: Double? { dtype.greatestFinite }
}

extension ElementCensus: CustomStringConvertible {
  /// `3 of 128 elements are not finite (2 NaN, 1 +inf), the others reach 4096`
  public var description: String {
    let kinds = [(nans, "NaN"), (positiveInfinities, "+inf"), (negativeInfinities, "-inf")]
    let counts = kinds.filter { $0.0 > 0 }.map { "\($0.0) \($0.1)" }.joined(separator: ", ")
    let reach = "reach \(Self.short(largestFinite))"
    if isFinite { return "all \(count) elements are finite and \(reach)" }
    let verb = nonFinite == 1 ? "is" : "are"
    return "\(nonFinite) of \(count) elements \(verb) not finite (\(counts))"
      + (nonFinite < count ? ", the others \(reach)" : "")
  }

  /// A magnitude as people write it: whole numbers below a million as they are, others with three digits.
  static func short(_ magnitude: Double) -> String {
    guard magnitude.isFinite, magnitude != 0 else { return magnitude == 0 ? "0" : "\(magnitude)" }
    if magnitude < 1e6, let whole = Int(exactly: magnitude) { return "\(whole)" }
    var (mantissa, exponent) = (magnitude, 0)
    while mantissa >= 9.995 { (mantissa, exponent) = (mantissa / 10, exponent + 1) }
    while mantissa < 0.9995 { (mantissa, exponent) = (mantissa * 10, exponent - 1) }
    let hundredths = (mantissa * 100).rounded()
    if (-1...2).contains(exponent) { return "\((magnitude * 100).rounded() / 100)" }
    return "\(hundredths / 100)e\(exponent)"
  }
}
