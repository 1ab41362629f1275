public import MezzoBackend
import MezzoBuiltin
public import MezzoGraph
import MezzoPlugins
import MezzoPolicy

/// Chooses a rule for every operation: the one choke point through which all work goes, and which writes down why.
///
/// Candidates are rules that take the request as it is, then those that take it by a permitted substitution, with operands
/// copied into row-major order where a rule needs that. The cheapest goes first; the built-in backend takes everything. A
/// backend that declines or fails at `prepare` hands over to the next.
public struct Router: Sendable {
  public let backends: [any Backend]
  public let threads: Int
  public let options: RoutingOptions
  let health = BackendHealth()
  let notices: Notices
  /// Looks on as plans run.
  let recorder: CaseRecorder?
  let profiler: Profiler?
  /// Is told what is asked.
  let survey: RoutingSurvey?
  let packCache: PackCache?
  /// Why nothing is routed at all: options or pins that make no sense here.
  let problem: RoutingError?

  static let builtin = Builtin.name

  public init(backends: [any Backend], threads: Int, options: RoutingOptions = RoutingOptions()) {
    self.init(
      backends: backends, threads: threads, options: options, problem: nil, notices: Notices(label: "mezzo.routing"))
  }

  init(
    backends: [any Backend], threads: Int, options: RoutingOptions, problem: RoutingError?, notices: Notices,
    recorder: CaseRecorder? = nil, profiler: Profiler? = nil, survey: RoutingSurvey? = nil, packCache: PackCache? = nil
  ) {
    self.backends = backends
    self.threads = threads
    self.options = options
    self.problem = problem
    self.notices = notices
    self.recorder = recorder
    self.profiler = profiler
    self.survey = survey
    self.packCache = packCache
  }

  public struct Route: Sendable {
    public var operation: any PreparedOperation
    /// As the backend was asked: with the dtypes and layouts that its rule takes.
    public var request: OperationRequest
    public var rule: Rule
    public var record: RouteRecord
  }

  /// The route of one operation by itself.
  public func route(_ request: OperationRequest, origin: Graph.Origin) throws(RuntimeError) -> Route {
    let request = wanting(request)
    return try route(request, candidates(request), preferring: nil, origin: origin)
  }

  /// The request with the numerics that the options ask for.
  func wanting(_ request: OperationRequest) -> OperationRequest {
    var request = request
    request.numerics = options.numerics(for: request.code)
    return request
  }

  /// - Parameter preferred: the dtypes and layouts in which a region wants the operation; its rules are asked first.
  func route(
    _ request: OperationRequest, _ set: CandidateSet, preferring preferred: OperationRequest?, origin: Graph.Origin
  ) throws(RuntimeError) -> Route {
    if let problem { throw .routing(problem) }
    let pin = pin(for: request.code, in: origin.layer)
    let set = pin.map { restricted(set, to: $0) } ?? set
    var (possible, dropped) = (set.possible, set.dropped)
    if let preferred {
      possible =
        possible.filter { $0.request == preferred }.sorted { $0.own < $1.own }
        + possible.filter { $0.request != preferred }
    }
    for (place, candidate) in possible.enumerated() {
      if let retired = health.retirement(candidate.backend.id) {
        dropped.append(candidate.refusal(.failed, retired, reason: "retired", hint: "start the program anew"))
        continue
      }
      let prepared: any PreparedOperation
      do throws(BackendError) {
        prepared = try prepare(candidate)
      } catch {
        dropped.append(refused(candidate, error))
        continue
      }
      health.succeeded(candidate.backend.id)
      let rest = possible[(place + 1)...].sorted { $0.total < $1.total }
      let others = rest.map { RouteRecord.Candidate($0) } + dropped
      let record = record(request, candidate, prepared, origin: origin, pin: pin, others: others)
      try check(record, changesDTypes: candidate.changesDTypes)
      return Route(operation: prepared, request: candidate.request, rule: candidate.rule, record: record)
    }
    let reasons = dropped.filter { pin?.allows($0.backend, $0.rule) ?? true }.map { "\($0.name): \($0.why)" }
    if let pin {
      throw .routing(
        .pinned(pin, layer: origin.layer, request: request.description, reasons: reasons))
    }
    throw .noRoute(layer: origin.layer, request: request, reasons: reasons)
  }
}
