package import MezzoBackend
import MezzoPlugins
import MezzoPolicy

/// A rule that could take a request, and how it would.
struct Candidate: Sendable {
  var backend: any Backend
  var rule: Rule
  /// As the backend would be asked: with the dtypes and layouts that its rule takes.
  var request: OperationRequest
  /// In words, as in "through float32".
  var how: String
  var changesDTypes: Bool
  /// Nanoseconds of the operation alone.
  var own: Double
  /// The same and its conversions, as if nobody shared them.
  var total: Double
  var casts: [String]

  var name: String { "\(backend.id)/\(rule.name)" }
}

/// All rules for an operation that were looked at, without a line of a backend's code.
struct CandidateSet: Sendable {
  /// From the cheapest on; between equals, exact ones first and the built-in backend last.
  var possible: [Candidate]
  var dropped: [RouteRecord.Candidate]
}

extension Router {
  /// A rule that could do an operation, and the request that its backend would get.
  package struct PossibleWay: Sendable {
    package var backend: any Backend
    package var rule: Rule
    package var request: OperationRequest
    package var how: String
    /// Nanoseconds, without the conversions around it.
    package var estimated: Double
  }

  /// From the cheapest on.
  package func ways(_ wanted: OperationRequest) -> [PossibleWay] {
    candidates(wanted).possible.map {
      PossibleWay(backend: $0.backend, rule: $0.rule, request: $0.request, how: $0.how, estimated: $0.own)
    }
  }

  func candidates(_ wanted: OperationRequest) -> CandidateSet {
    survey?.note(wanted)
    var set = CandidateSet(possible: [], dropped: [])
    let permitted = options.substitution(for: wanted.code)
    for backend in backends {
      // The built-in backend must be total: what it takes only through float32 is its own way of computing.
      let isBuiltin = backend.id == Self.builtin
      let ways = Substitution.of(wanted, isBuiltin && permitted == .exact ? .widen : permitted)
      for rule in backend.rules where rule.code == wanted.code {
        switch adapt(ways, to: rule) {
        case .success(let way): set.possible.append(candidate(wanted, backend, rule, way))
        case .failure(let mismatch):
          set.dropped.append(dropped(wanted, backend, rule, mismatch.verdict, permitted))
        }
      }
      for (rule, reason) in backend.droppedRules where rule.code == wanted.code {
        set.dropped.append(
          .init(
            backend: backend.id, rule: rule.name, verdict: .dropped, why: reason, reason: "symbol",
            hint: Hint.missing(rule, backend)))
      }
    }
    let order = Dictionary(backends.enumerated().map { ($1.id, $1.id == Self.builtin ? .max : $0) }) { $1 }
    set.possible = set.possible.enumerated().sorted { left, right in
      let (a, b) = (left.element, right.element)
      if a.total != b.total { return a.total < b.total }
      if a.changesDTypes != b.changesDTypes { return b.changesDTypes }
      return (order[a.backend.id] ?? 0, left.offset) < (order[b.backend.id] ?? 0, right.offset)
    }.map(\.element)
    return set
  }

  private struct Way {
    var substitution: Substitution
    var isCopied: Bool
  }

  private struct Mismatch: Error {
    var verdict: RuleVerdict
  }

  /// The nearest way in which `rule` takes the request; of the ways in which it does not, the one that came closest.
  private func adapt(_ ways: [Substitution], to rule: Rule) -> Result<Way, Mismatch> {
    var closest: RuleVerdict?
    for way in ways {
      var verdict = match(way.request, rule)
      if case .matches = verdict { return .success(Way(substitution: way, isCopied: false)) }
      guard case .differs(let why, _) = verdict else { continue }
      if why == .layout || why == .limit, way.request.code != .cast {
        // Making an operand dense is a cast itself, of which no cast is made.
        let dense = way.request.dense()
        if dense != way.request {
          verdict = match(dense, rule)
          if case .matches = verdict {
            return .success(Way(substitution: Substitution(request: dense, kind: way.kind), isCopied: true))
          }
        }
      }
      if closest == nil || (closest.isDTypeMismatch && why != .dtype) { closest = verdict }
    }
    return .failure(Mismatch(verdict: closest ?? .differs(.operation, "is for another operation")))
  }

  private func match(_ request: OperationRequest, _ rule: Rule) -> RuleVerdict {
    let verdict = rule.match(request, threads: threads)
    let taken = rule.epiloguePrefix(request)
    guard case .matches = verdict, request.roundsTooEarly(before: taken) else { return verdict }
    return .differs(.epilogue, Self.roundsTooEarly(request, after: taken))
  }

  static func roundsTooEarly(_ request: OperationRequest, after taken: Int) -> String {
    "rounds to \(request.results.first?.dtype.name ?? "its result") before \(request.epilogue[taken]), "
      + "which belongs before the rounding"
  }

  private func candidate(
    _ wanted: OperationRequest, _ backend: any Backend, _ rule: Rule, _ way: Way
  ) -> Candidate {
    let request = way.substitution.request
    let own = CostModel.estimate(
      request, rule, backend.callKind(of: rule),
      tuned: options.tuned?.nanoseconds(request, backend: backend.id, rule: rule.name))
    var conversions = 0.0
    for (asked, given) in zip(wanted.inputs + wanted.results, request.inputs + request.results) where asked != given {
      conversions += CostModel.conversion(asked, to: given) * (asked.isConstant ? CostModel.constantShare : 1)
    }
    var how: [String] = []
    if case .widened(let dtype) = way.substitution.kind { how.append(Self.words(wanted, request, dtype.name)) }
    if way.isCopied { how.append("with its operands copied into row-major order") }
    return Candidate(
      backend: backend, rule: rule, request: request, how: how.isEmpty ? "direct" : how.joined(separator: ", "),
      changesDTypes: way.substitution.kind.changesDTypes, own: own, total: own + conversions,
      casts: Self.casts(wanted, request))
  }

  private static func words(_ wanted: OperationRequest, _ given: OperationRequest, _ dtype: String) -> String {
    if wanted.inputs == given.inputs { return "its \(dtype) result rounded once" }
    let narrow = Set(wanted.inputs.map(\.dtype)).subtracting(given.inputs.map(\.dtype)).map(\.name).sorted()
    return "through \(dtype), to which \(narrow.joined(separator: " and ")) converts exactly"
  }

  /// `operand 0 bfloat16 to float32`
  static func casts(_ wanted: OperationRequest, _ given: OperationRequest) -> [String] {
    zip(wanted.inputs + wanted.results, given.inputs + given.results).enumerated().compactMap { index, pair in
      let (asked, given) = pair
      guard asked != given else { return nil }
      guard index < wanted.inputs.count else {
        return asked.dtype == given.dtype
          ? "result laid out as it is read" : "result \(given.dtype.name) to \(asked.dtype.name)"
      }
      let copy = asked.strides == given.strides ? "" : "made row-major"
      if asked.dtype == given.dtype { return "operand \(index) \(copy)" }
      return "operand \(index) \(asked.dtype.name) to \(given.dtype.name)" + (copy.isEmpty ? "" : ", \(copy)")
    }
  }

  private func dropped(
    _ wanted: OperationRequest, _ backend: any Backend, _ rule: Rule, _ verdict: RuleVerdict,
    _ permitted: RoutingOptions.Substitution
  ) -> RouteRecord.Candidate {
    guard case .differs(let why, let message) = verdict else {
      return .init(backend: backend.id, rule: rule.name, verdict: .dropped, why: "")
    }
    var hint = Hint.text(why, verdict, rule, wanted)
    if why == .dtype, permitted != .any {
      for wider in [RoutingOptions.Substitution.widen, .any] where wider != permitted {
        if case .success = adapt(Substitution.of(wanted, wider), to: rule) {
          hint = "routing with \(wanted.code)=\(wider.rawValue) would let it take part, with conversions"
          break
        }
      }
    }
    return .init(
      backend: backend.id, rule: rule.name, verdict: .dropped, why: message, reason: "\(why)",
      decider: verdict.decision?.expression, values: verdict.decision?.values, hint: hint)
  }
}

extension RuleVerdict? {
  fileprivate var isDTypeMismatch: Bool {
    if case .differs(.dtype, _)? = self { true } else { false }
  }
}

extension RouteRecord.Candidate {
  init(_ candidate: Candidate) {
    self.init(
      backend: candidate.backend.id, rule: candidate.rule.name, verdict: .possible, why: candidate.how,
      casts: candidate.casts, estimatedNanoseconds: candidate.total)
  }
}
