public import MezzoPolicy

/// What became of the cases of a run.
public struct GoldenReport: Sendable {
  /// In the order of the run.
  public var results: [Result]

  public init(_ results: [Result] = []) { self.results = results }

  /// One case's.
  public struct Result: Sendable {
    public let id: String
    public let group: String
    public let system: String
    public let expected: ConfigurationValue
    public let verdict: GoldenVerdict

    init(id: String, _ testCase: GoldenCase, _ verdict: GoldenVerdict) {
      self.id = id
      group = testCase.group
      system = testCase.system
      expected = testCase.expect
      self.verdict = verdict
    }
  }

  /// How many cases there are of each kind.
  public struct Tally: Sendable, Hashable, Codable {
    public var passed = 0
    public var failed = 0
    public var skipped = 0
    public var differentByDesign = 0
    public var unsupported = 0

    public init() {}

    /// The counts in one line, for people. What this version cannot run is told only where there is some.
    public var line: String {
      """
      \(passed) passed, \(failed) failed, \(skipped) skipped, \(differentByDesign) different by design\
      \(unsupported > 0 ? ", \(unsupported) unsupported" : "")
      """
    }

    mutating func count(_ verdict: GoldenVerdict) {
      switch verdict {
      case .passed: passed += 1
      case .failed: failed += 1
      case .skipped: skipped += 1
      case .differentByDesign: differentByDesign += 1
      case .unsupported: unsupported += 1
      }
    }
  }

  /// All cases together.
  public var tally: Tally { Self.tally(results) }

  /// The cases that failed.
  public var failing: [Result] {
    results.filter { result in
      if case .failed = result.verdict { true } else { false }
    }
  }

  /// The counts of the cases with one value of `key`, such as of one group.
  public func tallies<Key: Hashable>(by key: (Result) -> Key) -> [Key: Tally] {
    Dictionary(grouping: results, by: key).mapValues(Self.tally)
  }

  /// How many cases were skipped for each reason, in order of their names.
  public var skips: [(kind: GoldenSkip, count: Int)] {
    let kinds = results.compactMap { result in
      if case .skipped(let kind) = result.verdict { kind } else { nil }
    }
    return GoldenSkip.allCases.compactMap { kind in
      let count = kinds.count { $0 == kind }
      return count > 0 ? (kind, count) : nil
    }
  }

  /// How many cases need what this version does not have, in order of its name.
  public var gaps: [(gap: GoldenGap, count: Int)] {
    let gaps = results.compactMap { result in
      if case .unsupported(let gap) = result.verdict { gap } else { nil }
    }
    return Dictionary(grouping: gaps) { $0 }.map { ($0.key, $0.value.count) }.sorted { $0.0.name < $1.0.name }
  }

  private static func tally(_ results: [Result]) -> Tally {
    results.reduce(into: Tally()) { $0.count($1.verdict) }
  }
}
