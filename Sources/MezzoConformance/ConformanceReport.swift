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
  public var failures: [Finding] = []
  /// What is worth a look and breaks no promise of the ABI.
  public var warnings: [Finding] = []
  /// Why nothing could be tried, where the machine lacks what the backend is for, such as a manifest's library.
  public var missing: String?
  /// Rules that take none of the kit's requests, so that nothing is known about them.
  public var untestedRules: [String] = []
  /// Rules whose condition asks for features that this processor lacks; another one can tell more.
  public var otherProcessorsRules: [String] = []
  /// In the order of the backend's table.
  public var rules: [RuleResult] = []
  /// What became of captured operations, where those were executed instead of the kit's cases.
  public var replays: [Replay] = []
  /// Every operation with every list of dtypes that ran.
  public var coverage: Set<Coverage> = []

  /// What the kit looks at, from the outside in. The numbers are those of ``Level/number``.
  public enum Level: String, Sendable, Codable, CaseIterable {
    /// 0: the library, its symbols, its table.
    case load
    /// 1: what no rule claims is declined, with a reason.
    case decline
    /// 2: results, against float64, and nothing written beside them.
    case numerics
    /// 3: what the rules' flags and the ABI promise: same bits, threads, memory that runs out.
    case contract
    /// 4: whether what the rules say of their cost is near what is measured.
    case honesty

    public var number: Int { Self.allCases.firstIndex(of: self) ?? 0 }
  }

  /// A way in which a backend broke its word, or that is worth a warning.
  public struct Finding: Sendable, Codable, Hashable, CustomStringConvertible {
    public var level: Level
    /// The rule's name; empty where none is to blame.
    public var rule: String
    /// The request, with strides and attributes where they are not plain; empty where there is none.
    public var request: String
    public var what: String
    public var expected: String
    public var got: String
    /// The distance from the exact value, and how large it may be; `nil` where no number is to blame.
    public var worstError: Double?
    public var tolerance: Double?
    /// What its author can do about it.
    public var advice: String?

    public init(
      _ level: Level, rule: String = "", request: String = "", what: String, expected: String, got: String,
      worstError: Double? = nil, tolerance: Double? = nil, advice: String? = nil
    ) {
      self.level = level
      self.rule = rule
      self.request = request
      self.what = what
      self.expected = expected
      self.got = got
      self.worstError = worstError
      self.tolerance = tolerance
      self.advice = advice
    }

    public var description: String {
      let numbers =
        if let worstError, let tolerance { ", off by \(worstError), allowed \(tolerance)" } else { "" }
      let place = rule.isEmpty ? level.rawValue : rule
      return ["\(place): \(what): expected \(expected), got \(got)\(numbers)", request]
        .filter { !$0.isEmpty }.joined(separator: "\n    ")
    }
  }

  /// What one rule did.
  public struct RuleResult: Sendable, Codable, Hashable {
    public var rule: String
    public var operation: String
    public var signature: String
    public var condition: String?
    public var cases = 0
    public var passed = 0
    public var declined = 0
    /// Why none of the kit's requests matches the rule, of the one that came closest; `nil` where some do.
    public var obstacle: String?
    /// How many cases passed of each list of dtypes, as `float32, float32 -> float32`.
    public var dtypes: [String: Int] = [:]
    /// Nanoseconds of the largest case that was timed, and what the rule's cost says of it; `nil` where none was timed.
    public var measured: Double?
    public var declared: Double?
    /// `measured`, on a machine where the reference backend takes just what its own cost says: it ran beside, in turns, so that
    /// a busy machine changes nothing. `nil` where there was no reference for the case.
    public var scaled: Double?

    init(_ rule: Rule) {
      self.rule = rule.name
      operation = rule.code.name
      signature = rule.signature.description
      condition = rule.condition?.description
    }
  }

  /// An operation on operands and results of these dtypes, in order.
  public struct Coverage: Sendable, Codable, Hashable {
    public var operation: String
    public var dtypes: [DType]
  }

  public init(backend: String, version: String) {
    self.backend = backend
    self.version = version
  }

  /// Whether nothing went wrong, and something is known of each rule; warnings do not count.
  public var isConforming: Bool { failures.isEmpty && untestedRules.isEmpty }

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
    for rule in rules where untestedRules.contains(rule.rule) {
      lines.append("  rule \(rule.rule) has no case: \(rule.obstacle ?? "")")
    }
    for rule in rules where otherProcessorsRules.contains(rule.rule) {
      lines.append("  rule \(rule.rule) is for other processors: \(rule.obstacle ?? "")")
    }
    lines += failures.prefix(Self.shownFailures).map { "  \($0)" }
    if failures.count > Self.shownFailures { lines.append("  and \(failures.count - Self.shownFailures) more") }
    return lines.joined(separator: "\n")
  }
}
