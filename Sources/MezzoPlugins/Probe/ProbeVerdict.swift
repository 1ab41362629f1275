package import MezzoBackend

/// What a backend that passed its probe is, so that it need not be opened to be matched.
package struct ProbeVerdict: Codable, Hashable, Sendable {
  package var id: String
  package var version: String
  var rules: [RuleRecord]
  /// How each rule is called, in the order of the rules.
  var calls: [CallKind]
  var dropped: [DroppedRule]
  package var cases: Int
  package var declined: Int
  /// Rules that none of the cases fits, so that nothing is known about them.
  package var untestedRules: [String]
  package var costs: [MeasuredCost]
  /// The files that were loaded with it, in order.
  package var libraries: [String]

  /// A rule that this machine cannot have, and why.
  struct DroppedRule: Codable, Hashable, Sendable {
    var rule: RuleRecord
    var reason: String
  }

  /// Nanoseconds of the largest case of a rule, scaled to what the built-in backend declares, which ran beside it; and what
  /// the rule's cost says of that case.
  package struct MeasuredCost: Codable, Hashable, Sendable {
    package var rule: String
    package var measured, declared: Double

    package init(rule: String, measured: Double, declared: Double) {
      self.rule = rule
      (self.measured, self.declared) = (measured, declared)
    }
  }

  package init(
    _ backend: any Backend, cases: Int, declined: Int, untestedRules: [String], costs: [MeasuredCost],
    libraries: [String]
  ) {
    id = backend.id
    version = backend.version
    rules = backend.rules.map(RuleRecord.init)
    calls = backend.rules.map(backend.callKind)
    dropped = backend.droppedRules.map { DroppedRule(rule: RuleRecord($0.rule), reason: $0.reason) }
    self.cases = cases
    self.declined = declined
    self.untestedRules = untestedRules
    self.costs = costs
    self.libraries = libraries
  }
}

extension ProbeVerdict {
  /// Rules with what they took when they were probed.
  func measured(_ rules: [Rule]) -> [Rule] {
    let costs = Dictionary(costs.map { ($0.rule, $0) }) { first, _ in first }
    return rules.map { rule in
      var rule = rule
      rule.measured = costs[rule.name].map {
        MezzoBackend.MeasuredCost(declaredNanoseconds: $0.declared, measuredNanoseconds: $0.measured)
      }
      return rule
    }
  }
}

/// Why a backend did not pass, and what it was doing.
public struct ProbeFailure: Codable, Hashable, Sendable, Error, CustomStringConvertible {
  /// What it was doing: `dlopen`, `execute rule relu …`.
  public var phase: String
  /// How it ended: `it died of SIGSEGV`.
  public var cause: String
  /// What the conformance kit found, one line each.
  public var findings: [String] = []
  /// The end of what it printed.
  public var log: String = ""
  /// The id that it gave itself before it failed.
  public var id: String?

  package init(phase: String, cause: String, findings: [String] = [], log: String = "", id: String? = nil) {
    self.phase = phase
    self.cause = cause
    self.findings = findings
    self.log = log
    self.id = id
  }

  public var description: String {
    var text = "\(cause), in phase \(phase)"
    if let first = findings.first { text += ": \(first)" }
    if findings.count > 1 { text += " (and \(findings.count - 1) more)" }
    let said = log.split(separator: "\n").last.map(String.init) ?? ""
    if !said.isEmpty { text += "; its last words: \(said)" }
    return text
  }
}

/// How a probe ended.
package enum ProbeOutcome: Codable, Hashable, Sendable {
  case passed(ProbeVerdict)
  /// It cannot work on this machine as it is, and says so.
  case declined(String)
  case failed(ProbeFailure)
}
