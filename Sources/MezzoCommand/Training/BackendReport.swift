import Mezzo

/// A backend of the program, ready or refused.
struct BackendReport: Encodable, Sendable {
  var name: String
  var path: String
  var state: State
  /// Why it was refused, and what to do.
  var reason: OrNull<String>
  var version: OrNull<String>
  /// Why it may be loaded.
  var trust: OrNull<String>
  var notes: [String]
  /// Where its probe found a fault.
  var failure: OrNull<ProbeFailure>
  var ruleCount: Int
  var operations: [Operation]

  enum State: String, Encodable, Sendable {
    case ready, refused, quarantined
    /// It takes no part, and nothing is wrong.
    case absent
  }

  /// An operation, and the dtypes that any of its rules speaks of.
  struct Operation: Encodable, Sendable {
    var name: String
    var dtypes: [String]
  }

  private enum CodingKeys: String, CodingKey {
    case name, path, state, reason, version, trust, notes, failure, operations
    case ruleCount = "rules"
  }

  init(_ entry: BackendRegistry.Entry) {
    name = entry.name
    path = entry.path
    trust = OrNull(entry.trust?.rawValue)
    notes = entry.notes
    failure = OrNull(entry.failure)
    switch entry.state {
    case .ready(let backend):
      state = .ready
      reason = OrNull(nil)
      version = OrNull(backend.version)
      ruleCount = backend.rules.count
      operations = Self.operations(backend.rules)
    case .refused(let reason):
      state = entry.failure != nil ? .quarantined : entry.isAbsent ? .absent : .refused
      self.reason = OrNull(reason)
      version = OrNull(nil)
      ruleCount = 0
      operations = []
    }
  }

  private static func operations(_ rules: [Rule]) -> [Operation] {
    OperationCode.allCases.compactMap { code in
      let rules = rules.filter { $0.code == code }
      if rules.isEmpty { return nil }
      let named = Set(rules.flatMap { dtypes(in: $0.signature) })
      return Operation(name: code.name, dtypes: DType.allCases.filter(named.contains).map(\.name))
    }
  }

  private static func dtypes(in signature: RuleSignature) -> [DType] {
    signature.description.split { !$0.isLetter && !$0.isNumber }.compactMap { DType(shortName: String($0)) }
  }
}

extension BackendRegistry {
  /// A note for each backend that takes no part, and that the work goes on without it.
  func noteRefused() {
    let others = backends.map(\.id).joined(separator: " and ")
    for entry in faults {
      Console.note("backend \(entry.name) was refused: \(entry.reason). Its work goes to \(others).")
    }
  }
}
