public import MezzoBackend
public import MezzoPolicy

/// What a backend did with the cases of a ``ConformanceKit``.
public struct ConformanceReport: Sendable, Codable, Hashable {
  /// The backend's id.
  public var backend: String
  public var version: String
  /// Requests that one of the backend's rules takes.
  public var cases = 0
  public var passed = 0
  /// Requests that a rule takes and that the backend then declined to prepare, as it may.
  public var declined = 0
  /// One entry for each thing that went wrong; a case can have several.
  public var failures: [Failure] = []
  /// Rules that take none of the kit's requests, so that nothing is known about them.
  public var untestedRules: [String] = []
  /// Every operation with every list of dtypes that ran.
  public var coverage: Set<Coverage> = []

  /// A way in which a backend broke its word.
  public struct Failure: Sendable, Codable, Hashable, CustomStringConvertible {
    public var rule: String
    /// The request, with strides and attributes where they are not plain.
    public var request: String
    public var what: String
    public var expected: String
    public var got: String
    /// The distance from the exact value, and how large it may be; `nil` where no number is to blame.
    public var worstError: Double?
    public var tolerance: Double?

    public var description: String {
      let numbers =
        if let worstError, let tolerance { ", off by \(worstError), allowed \(tolerance)" } else { "" }
      return "\(rule): \(what): expected \(expected), got \(got)\(numbers)\n    \(request)"
    }
  }

  /// An operation on operands and results of these dtypes, in order.
  public struct Coverage: Sendable, Codable, Hashable {
    public var operation: String
    public var dtypes: [DType]
  }

  /// Whether nothing went wrong.
  public var isConforming: Bool { failures.isEmpty }

  /// Whether `code` ran with an operand or result of `dtype`.
  public func covers(_ code: OperationCode, _ dtype: DType) -> Bool {
    coverage.contains { $0.operation == code.name && $0.dtypes.contains(dtype) }
  }
}

extension ConformanceReport: CustomStringConvertible {
  private static let shownFailures = 20

  /// The counts, then the first failures, for people.
  public var description: String {
    var lines = [
      "backend \(backend) \(version): \(isConforming ? "conforms" : "DOES NOT CONFORM")",
      "  \(cases) cases: \(passed) passed, \(cases - passed - declined) failed, \(declined) declined",
    ]
    if !untestedRules.isEmpty { lines.append("  rules without a case: \(untestedRules.joined(separator: ", "))") }
    lines += failures.prefix(Self.shownFailures).map { "  \($0)" }
    if failures.count > Self.shownFailures { lines.append("  and \(failures.count - Self.shownFailures) more") }
    return lines.joined(separator: "\n")
  }
}
