import MezzoBackend
public import MezzoPlugins

/// Why a backend does not compute what it might: each operation that it did not take, grouped by the reason.
public struct WhyNot: Sendable, Codable {
  public var backend: String
  /// Why it takes no part at all; `nil`: it does.
  public var refusal: String?
  /// How many operations of a run it takes, and their estimated nanoseconds.
  public var taken: Share
  public var all: Share
  /// From the most estimated time on.
  public var groups: [Group]

  public struct Share: Sendable, Codable, Equatable {
    public var count = 0
    public var nanoseconds = 0.0

    mutating func add(_ record: RouteRecord) {
      count += 1
      if !record.isComputedOnce { nanoseconds += record.estimatedNanoseconds }
    }
  }

  /// Operations that it did not take for the same reason.
  public struct Group: Sendable, Codable {
    /// One of the ABI's reasons; `cost` where it could but is dearer; `operation` where it has no rule.
    public var reason: String
    public var why: String
    public var hint: String?
    public var share: Share
    public var operations: [Operation]
  }

  public struct Operation: Sendable, Codable {
    public var operation: String
    public var dtypes: String
    public var layers: [String]
    /// Who does it instead.
    public var by: String
    public var share: Share
  }

  /// - Returns: `nil` if there is no backend of that name, ready or refused.
  public init?(_ backend: String, _ records: [RouteRecord], registry: BackendRegistry) {
    self.backend = backend
    let isReady = registry.backends.contains { $0.id == backend }
    refusal = isReady ? nil : registry.refused.first { $0.name == backend }?.reason
    guard isReady || refusal != nil else { return nil }
    taken = Share()
    all = Share()
    var groups: [Group] = []
    for record in records {
      all.add(record)
      if record.backend == backend {
        taken.add(record)
      } else if isReady {
        let (reason, why, hint) = Self.reason(record, backend)
        if !groups.contains(where: { $0.reason == reason && $0.why == why }) {
          groups.append(Group(reason: reason, why: why, hint: hint, share: Share(), operations: []))
        }
        if let place = groups.firstIndex(where: { $0.reason == reason && $0.why == why }) { groups[place].add(record) }
      }
    }
    self.groups = groups.sorted { left, right in
      // What it never offered is no loss, and comes last.
      if (left.reason == "operation") != (right.reason == "operation") { return right.reason == "operation" }
      return left.share.nanoseconds > right.share.nanoseconds
    }
  }

  private static func reason(_ record: RouteRecord, _ backend: String) -> (String, String, String?) {
    let own = record.candidates.filter { $0.backend == backend }
    if let able = own.first(where: { $0.verdict == .possible }) {
      return (
        "cost", "\(able.rule) would take it, but is estimated to be slower",
        able.casts.isEmpty ? nil : "it needs conversions, which a policy in its own dtypes would not"
      )
    }
    guard let closest = Router.closest(own).first else {
      return ("operation", "it has no rule for the operation", nil)
    }
    return (closest.reason ?? "none", "\(closest.rule): \(closest.why)", closest.hint)
  }
}

extension WhyNot.Group {
  fileprivate mutating func add(_ record: RouteRecord) {
    share.add(record)
    let layer = record.layer.isEmpty ? "–" : record.layer
    let by = "\(record.backend)/\(record.rule)"
    let place = operations.firstIndex {
      $0.operation == record.operation && $0.dtypes == record.dtypes && $0.by == by
    }
    guard let place else {
      operations.append(
        .init(operation: record.operation, dtypes: record.dtypes, layers: [layer], by: by, share: .init()))
      operations[operations.count - 1].share.add(record)
      return
    }
    operations[place].share.add(record)
    if !operations[place].layers.contains(layer) { operations[place].layers.append(layer) }
  }
}
