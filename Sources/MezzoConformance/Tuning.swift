package import MezzoBackend
package import MezzoPlugins
package import MezzoRuntime

/// Times every rule that could do an operation of a model, on operands of the model's shapes.
///
/// The rules of one operation take turns, so that whatever else the machine does disturbs them alike.
package struct Tuning: Sendable {
  /// One operation, and what each rule for it took.
  package struct Item: Sendable {
    package var request: OperationRequest
    package var times: [Time]
  }

  package struct Time: Sendable, Encodable {
    package var backend, rule: String
    /// As the router would have the backend do it: `direct`, `through float32 …`.
    package var how: String
    /// Nanoseconds, without the conversions around it.
    package var estimated, measured: Double
  }

  private let router: Router
  package private(set) var costs: TunedCosts
  package private(set) var items: [Item] = []

  package init(_ router: Router) {
    self.router = router
    costs = TunedCosts(threads: router.threads)
  }

  /// Why an operation is not timed.
  package enum Omission: String, Sendable, Encodable, CaseIterable {
    /// There is nothing to choose.
    case oneRule = "one rule alone does it"
    /// Each run would go on from what the last one left.
    case readsResults = "it goes on from what its result holds"
  }

  /// `nil`: it is to be timed.
  package func omission(_ request: OperationRequest) -> Omission? {
    request.readsResults ? .readsResults : router.ways(request).count > 1 ? nil : .oneRule
  }

  /// Times all ways of one operation and keeps what they took.
  package mutating func measure(_ request: OperationRequest) {
    var item = Item(request: request, times: [])
    let ways = router.ways(request)
    let runs = ways.compactMap { way in
      OperationRun(way.backend, way.rule, way.request, threads: router.threads).map { (way, $0) }
    }
    guard let first = runs.first?.1 else { return }
    for (way, run) in runs {
      guard let timing = PairedTiming(clock: OperationRun.clock, subject: run.execute, reference: first.execute) else {
        continue
      }
      item.times.append(
        Time(
          backend: way.backend.id, rule: way.rule.name, how: way.how, estimated: way.estimated, measured: timing.subject
        ))
      costs.set(timing.subject, way.request, way.backend, rule: way.rule.name)
    }
    items.append(item)
  }
}
