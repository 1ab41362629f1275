public import MezzoBackend
public import MezzoGraph
import MezzoPolicy

/// Chooses a rule for every operation: the one choke point through which all work goes, and which writes down why.
///
/// Candidates are rules that take the request as it is; rules that take it with its operands made dense; and rules that take
/// it in float32 where 16-bit floats were asked for, which is exact on the way in and rounds once on the way out. The
/// cheapest goes first. A backend that declines at `prepare` hands over to the next.
public struct Router: Sendable {
  public let backends: [any Backend]
  public let threads: Int

  public init(backends: [any Backend], threads: Int) {
    self.backends = backends
    self.threads = threads
  }

  public struct Route: Sendable {
    public var operation: any PreparedOperation
    /// As the backend was asked: with the dtypes and layouts that its rule takes.
    public var request: OperationRequest
    public var rule: Rule
    public var record: RouteRecord
  }

  public func route(_ request: OperationRequest, origin: Graph.Origin) throws(RuntimeError) -> Route {
    var candidates: [Candidate] = []
    var dropped: [RouteRecord.Candidate] = []
    for backend in backends {
      for rule in backend.rules where rule.code == request.code {
        switch adapt(request, to: rule) {
        case .success(let (adapted, adaptation)):
          candidates.append(
            Candidate(
              backend: backend, rule: rule, request: adapted, adaptation: adaptation,
              estimate: estimate(request, adapted, rule)))
        case .failure(let mismatch): dropped.append(.init(backend: backend.id, rule: rule, why: mismatch.why))
        }
      }
    }
    candidates.sort { $0.estimate < $1.estimate }
    for (place, candidate) in candidates.enumerated() {
      do throws(BackendError) {
        let prepared = try candidate.backend.prepare(candidate.request, rule: candidate.rule, threads: threads)
        try validate(prepared, candidate)
        let others = candidates[(place + 1)...]
        let record = record(
          request, candidate, prepared, origin: origin,
          others: others.map { .init($0) } + dropped)
        return Route(operation: prepared, request: candidate.request, rule: candidate.rule, record: record)
      } catch {
        dropped.append(.init(backend: candidate.backend.id, rule: candidate.rule, why: error.message))
      }
    }
    throw .noRoute(
      layer: origin.layer, request: request, reasons: dropped.map { "\($0.backend)/\($0.rule): \($0.why)" })
  }

  /// What a prepared operation claims becomes indices and addresses, so it is checked first.
  private func validate(_ prepared: any PreparedOperation, _ candidate: Candidate) throws(BackendError) {
    let request = candidate.request
    var contradiction: String?
    if !(0...request.epilogue.count).contains(prepared.consumedEpilogue) {
      contradiction = "it claims \(prepared.consumedEpilogue) steps of an epilogue of \(request.epilogue.count)"
    }
    if let operand = prepared.packing?.operand,
      !request.ownInputs.indices.contains(operand) || !request.inputs[operand].isConstant
    {
      contradiction = "it wants to pack operand \(operand), which is no constant"
    }
    if let contradiction {
      throw BackendError(backend: candidate.backend.id, kind: .invalid, message: contradiction)
    }
  }

  fileprivate struct Candidate {
    var backend: any Backend
    var rule: Rule
    var request: OperationRequest
    var adaptation: String
    var estimate: Double
  }

  private struct Mismatch: Error {
    var why: String
  }

  private func adapt(_ request: OperationRequest, to rule: Rule) -> Result<(OperationRequest, String), Mismatch> {
    let verdict = rule.match(request, threads: threads)
    guard case .differs(let why, let message) = verdict else { return .success((request, "direct")) }
    if why == .dtype, let widened = request.widened() {
      if rule.match(widened, threads: threads) == .matches {
        return .success((widened, "through float32, to which 16-bit values convert exactly"))
      }
      let dense = widened.dense()
      if rule.match(dense, threads: threads) == .matches {
        return .success((dense, "through float32, to which 16-bit values convert exactly"))
      }
    } else if why == .layout || why == .limit, request.code != .cast {
      // Making an operand dense is a cast itself.
      let dense = request.dense()
      if dense != request, rule.match(dense, threads: threads) == .matches {
        return .success((dense, "with its operands copied into row-major order"))
      }
    }
    return .failure(Mismatch(why: message))
  }

  private func estimate(_ request: OperationRequest, _ adapted: OperationRequest, _ rule: Rule) -> Double {
    var total = CostModel.estimate(adapted, rule)
    for (wanted, given) in zip(request.inputs + request.results, adapted.inputs + adapted.results)
    where wanted != given && !wanted.isConstant {
      total += CostModel.conversion(wanted)
    }
    // Steps of the epilogue that the rule leaves over are passes of their own over the result.
    let left = request.epilogue.count - rule.epiloguePrefix(request)
    return total + Double(left) * request.results.reduce(0) { $0 + CostModel.conversion($1) }
  }

  private func record(
    _ request: OperationRequest, _ chosen: Candidate, _ prepared: any PreparedOperation, origin: Graph.Origin,
    others: [RouteRecord.Candidate]
  ) -> RouteRecord {
    let casts = zip(request.inputs + request.results, chosen.request.inputs + chosen.request.results).enumerated()
      .compactMap { index, pair -> String? in
        let (wanted, given) = pair
        guard wanted != given else { return nil }
        if wanted.dtype == given.dtype { return "operand \(index) made row-major" }
        return index < request.inputs.count
          ? "operand \(index) \(wanted.dtype.name) to \(given.dtype.name)"
          : "result \(given.dtype.name) to \(wanted.dtype.name)"
      }
    let steps = request.epilogue.prefix(prepared.consumedEpilogue).map(\.description)
    return RouteRecord(
      layer: origin.layer, phase: origin.phase, operation: ([request.code.name] + steps).joined(separator: "+"),
      dtypes: request.dtypes, request: request.description, backend: chosen.backend.id, rule: chosen.rule.name,
      why: why(chosen, others), casts: casts, isPacked: prepared.packing != nil,
      estimatedNanoseconds: chosen.estimate,
      candidates: [
        .init(
          backend: chosen.backend.id, rule: chosen.rule.name, verdict: .chosen, why: chosen.adaptation,
          estimatedNanoseconds: chosen.estimate)
      ] + others)
  }

  private func why(_ chosen: Candidate, _ others: [RouteRecord.Candidate]) -> String {
    var parts = [chosen.adaptation]
    if let next = others.first(where: { $0.verdict == .possible }), let estimate = next.estimatedNanoseconds {
      parts.append(
        "\(Self.duration(chosen.estimate)) estimated, \(next.backend)/\(next.rule) \(Self.duration(estimate))")
    } else {
      let rivals = backends.filter { $0.id != chosen.backend.id && $0.rules.contains { $0.code == chosen.rule.code } }
      parts.append(rivals.isEmpty ? "no other backend offers \(chosen.rule.code)" : "no other rule takes it")
    }
    // One reason for each backend that could not take part; of several, that of the rule that came closest, which is last.
    var told = Set(others.filter { $0.verdict == .possible }.map(\.backend) + [chosen.backend.id])
    for other in others.reversed() where other.verdict == .dropped && told.insert(other.backend).inserted {
      parts.append("\(other.backend)/\(other.rule): \(other.why)")
    }
    return parts.joined(separator: "; ")
  }

  static func duration(_ nanoseconds: Double) -> String {
    switch nanoseconds {
    case ..<1e3: "\(Int(nanoseconds)) ns"
    case ..<1e6: "\((nanoseconds / 100).rounded() / 10) µs"
    default: "\((nanoseconds / 1e5).rounded() / 10) ms"
    }
  }
}

extension RouteRecord.Candidate {
  fileprivate init(backend: String, rule: Rule, why: String) {
    self.init(backend: backend, rule: rule.name, verdict: .dropped, why: why, estimatedNanoseconds: nil)
  }

  fileprivate init(_ candidate: Router.Candidate) {
    self.init(
      backend: candidate.backend.id, rule: candidate.rule.name, verdict: .possible, why: candidate.adaptation,
      estimatedNanoseconds: candidate.estimate)
  }
}

extension OperationRequest {
  /// The same with every operand in row-major order.
  func dense() -> OperationRequest {
    var request = self
    request.inputs = inputs.map { $0.dense() }
    return request
  }

  /// The same in float32 where it has 16-bit floats, or `nil` where it has none, or where the dtypes are its very meaning.
  func widened() -> OperationRequest? {
    func isNarrow(_ operand: Operand) -> Bool { operand.dtype == .float16 || operand.dtype == .bfloat16 }
    guard code != .cast, (inputs + results).contains(where: isNarrow) else { return nil }
    func widen(_ operand: Operand) -> Operand {
      isNarrow(operand)
        ? Operand(
          dtype: .float32, shape: operand.shape, strides: operand.strides, isConstant: operand.isConstant) : operand
    }
    var request = self
    request.inputs = inputs.map(widen)
    request.results = results.map(widen)
    return request
  }
}
