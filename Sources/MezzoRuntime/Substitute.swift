import MezzoBackend
import MezzoGraph
import MezzoPolicy

/// Who computes a step whose backend, when it came to it, declined: some other rule that takes the very same operands.
final class Substitute: Sendable {
  private let router: Router
  private let request: OperationRequest
  private let declined: String
  private let layer: String
  /// Whether results may lie over their operands, which a substitute then has to bear.
  private let isInPlace: Bool
  private let chosen = Locked<Choice?>(nil)

  struct Choice: Sendable {
    var operation: any PreparedOperation
    /// What happened, for people.
    var report: Plan.Decline
  }

  /// - Parameters:
  ///   - request: as the backend was asked, with the steps of the epilogue that it does and no others.
  ///   - declined: the backend that is not asked again.
  init(_ router: Router, _ request: OperationRequest, declined: String, layer: String, isInPlace: Bool) {
    self.router = router
    self.declined = declined
    self.layer = layer
    self.isInPlace = isInPlace
    var request = request
    // What is packed is packed for one plan; the substitute reads the operands as they are.
    for index in request.inputs.indices { request.inputs[index].isConstant = false }
    self.request = request
  }

  var report: Plan.Decline? { chosen.withLock { $0?.report } }

  /// The substitute, found at the first call.
  func choose(_ error: BackendError) throws(RuntimeError) -> any PreparedOperation {
    if let known = chosen.withLock({ $0?.operation }) { return known }
    var reasons = ["\(declined): \(error.message)"]
    for (backend, rule) in candidates {
      do throws(BackendError) {
        let operation = try backend.prepare(request, rule: rule, threads: router.threads)
        guard operation.packing == nil, operation.consumedEpilogue == request.epilogue.count else { continue }
        let report = Plan.Decline(
          layer: layer, operation: request.code.name, backend: declined, message: error.message, substitute: backend.id)
        return chosen.withLock { known in
          let choice = known ?? Choice(operation: operation, report: report)
          known = choice
          return choice.operation
        }
      } catch {
        reasons.append("\(backend.id)/\(rule.name): \(error.message)")
      }
    }
    throw .noRoute(layer: layer, request: request, reasons: reasons)
  }

  private var candidates: [(backend: any Backend, rule: Rule)] {
    let matching = router.backends.filter { $0.id != declined }.flatMap { backend in
      backend.rules.filter {
        !$0.asksForAlignment && (!isInPlace || $0.traits.contains(.inPlace))
          && $0.match(request, threads: router.threads) == .matches
          && $0.epiloguePrefix(request) == request.epilogue.count
      }.map { (backend: backend, rule: $0) }
    }
    return matching.sorted { CostModel.estimate(request, $0.rule) < CostModel.estimate(request, $1.rule) }
  }
}

extension Plan {
  /// A step that its backend would not do when it came to it, and who does it instead.
  public struct Decline: Sendable, Codable, Equatable {
    public var layer: String
    public var operation: String
    public var backend: String
    /// Why, in the backend's words.
    public var message: String
    public var substitute: String
  }

  /// Steps that were declined in the runs so far, in the order of the plan.
  public var declines: [Decline] { steps.compactMap { $0.substitute.report } }
}
