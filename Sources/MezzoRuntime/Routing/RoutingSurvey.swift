package import MezzoBackend
import MezzoPolicy

/// Notes which requests were routed, each once, for who wants to look at them again.
package final class RoutingSurvey: Sendable {
  private let seen = Locked<(known: Set<OperationRequest>, order: [OperationRequest])>(([], []))

  package init() {}

  /// In the order in which they first came.
  package var requests: [OperationRequest] { seen.withLock { $0.order } }

  func note(_ request: OperationRequest) {
    seen.withLock { seen in
      if seen.known.insert(request).inserted { seen.order.append(request) }
    }
  }
}
