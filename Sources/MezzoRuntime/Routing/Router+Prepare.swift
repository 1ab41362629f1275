import Logging
import MezzoBackend
import MezzoPlugins
import MezzoPolicy

extension Router {
  /// The last pin that concerns the operation. One for all operations of a place concerns those that its backend offers.
  func pin(for code: OperationCode, in layer: String) -> Pin? {
    options.pins.last { pin in
      pin.concerns(layer: layer, code) && (pin.operation == code || offers(pin.backend, code))
    }
  }

  func offers(_ id: String, _ code: OperationCode) -> Bool {
    backends.contains {
      $0.id == id && ($0.rules.contains { $0.code == code } || $0.droppedRules.contains { $0.rule.code == code })
    }
  }

  func restricted(_ set: CandidateSet, to pin: Pin) -> CandidateSet {
    let possible = set.possible.filter { pin.allows($0.backend.id, $0.rule.name) }
    let others = set.possible.filter { !pin.allows($0.backend.id, $0.rule.name) }
    return CandidateSet(
      possible: possible,
      dropped: others.map {
        $0.refusal(.dropped, "the pin \(pin) wants another", reason: "pin", hint: "another pin, or none")
      } + set.dropped)
  }

  /// Asks the backend, and checks what it answers, since that becomes indices and addresses.
  func prepare(_ candidate: Candidate) throws(BackendError) -> any PreparedOperation {
    let request = candidate.request
    let prepared = try candidate.backend.prepare(request, rule: candidate.rule, threads: threads)
    func invalid(_ message: String) -> BackendError {
      BackendError(backend: candidate.backend.id, kind: .invalid, message: message)
    }
    guard (0...request.epilogue.count).contains(prepared.consumedEpilogue) else {
      throw invalid("it claims \(prepared.consumedEpilogue) steps of an epilogue of \(request.epilogue.count)")
    }
    if let operand = prepared.packing?.operand,
      !request.ownInputs.indices.contains(operand) || !request.inputs[operand].isConstant
    {
      throw invalid("it wants to pack operand \(operand), which is no constant")
    }
    if request.roundsTooEarly(before: prepared.consumedEpilogue) {
      throw BackendError(
        backend: candidate.backend.id, kind: .declined(.epilogue),
        message: Self.roundsTooEarly(request, after: prepared.consumedEpilogue))
    }
    return prepared
  }

  /// Writes down that a backend did not do what its rule promised; failures are told once in the log as well.
  func refused(_ candidate: Candidate, _ error: BackendError) -> RouteRecord.Candidate {
    let id = candidate.backend.id
    if error.isDecline {
      guard case .declined(let why) = error.kind else {
        return candidate.refusal(.declined, error.message, reason: "none", hint: nil)
      }
      return candidate.refusal(
        .declined, error.message, reason: "\(why)",
        hint: Hint.declined(error, candidate.rule, candidate.request))
    }
    let retires = health.failed(id, error.message)
    notices.tell(.warning, key: "failed|\(candidate.name)|\(error.message)") {
      "\(error), for \(candidate.request) by its rule \(candidate.rule.name); the next candidate is asked"
    }
    if retires {
      notices.tell(.warning, key: "retired|\(id)") {
        "backend \(id) failed \(BackendHealth.limit) times in a row and is asked no more until the program is started anew"
      }
    }
    return candidate.refusal(
      .failed, error.message, reason: "failed", hint: "a bug of the backend: mezzo backend check finds out more")
  }

  /// What the options forbid is an error; what they want told is told, once.
  func check(_ record: RouteRecord, changesDTypes: Bool) throws(RuntimeError) {
    if DebugTopic.route.isOn { DebugTopic.route.write(Self.trace(record)) }
    let reasons = Self.closest(record.candidates.filter { !$0.takesPart && $0.backend != record.backend })
    let told = reasons.map { "\($0.name): \($0.why)" }
    if options.isStrict { try checkStrictly(record, changesDTypes: changesDTypes, told) }
    if record.isFallback {
      switch options.fallback {
      case .silent: break
      case .note:
        let key = reasons.map { "\($0.name) \($0.reason ?? "")" }.joined(separator: ",")
        notices.tell(.notice, key: "fallback|\(record.code)|\(key)") {
          "\(record.layer.isEmpty ? "" : "layer \(record.layer): ")\(record.request) falls back to the built-in backend: "
            + told.joined(separator: "; ")
        }
      case .error:
        throw .routing(.fallback(layer: record.layer, request: record.request, reasons: told))
      }
    }
    guard let lock = options.lock else { return }
    if let difference = lock.difference(of: record) { throw .routing(.lock([difference])) }
    if let rebuilt = lock.rebuilt(of: record) {
      if options.isStrict { throw .routing(.rebuilt(rebuilt)) }
      notices.tell(.warning, key: "rebuilt|\(record.backend)") { "\(rebuilt)" }
    }
  }

  /// A rule that does not match offers nothing here, and leaves its backend's word unbroken; one that matches is a promise.
  private func checkStrictly(_ record: RouteRecord, changesDTypes: Bool, _ told: [String]) throws(RuntimeError) {
    func refuse(_ problem: String, _ reasons: [String]) -> RuntimeError {
      .routing(.strict(layer: record.layer, request: record.request, problem: problem, reasons: reasons))
    }
    let broken = record.candidates.filter { $0.verdict == .declined || $0.verdict == .failed }
    if !broken.isEmpty {
      throw refuse(
        "goes to \(record.backend), since \(broken.count == 1 ? "a rule that takes it was" : "rules that take it were") "
          + "not kept",
        broken.map { "\($0.name): \($0.why)" })
    }
    if changesDTypes { throw refuse("is computed in other dtypes", record.casts + told) }
  }

  /// Of each backend the candidate that came closest: of several, one that got as far as being asked, then the one whose
  /// dtypes were right.
  static func closest(_ candidates: [RouteRecord.Candidate]) -> [RouteRecord.Candidate] {
    var best: [RouteRecord.Candidate] = []
    func rank(_ candidate: RouteRecord.Candidate) -> Int {
      switch (candidate.verdict, candidate.reason) {
      case (.failed, _), (.declined, _): 3
      case (_, "dtype"), (_, "operation"): 0
      case (_, "shape"): 1
      default: 2
      }
    }
    for candidate in candidates {
      if let place = best.firstIndex(where: { $0.backend == candidate.backend }) {
        if rank(candidate) > rank(best[place]) { best[place] = candidate }
      } else {
        best.append(candidate)
      }
    }
    return best
  }

  private static func trace(_ record: RouteRecord) -> String {
    var text = record.layer.isEmpty ? "" : "\(record.layer) \(record.phase): "
    text += "\(record.request) -> \(record.backend)/\(record.rule) (\(record.why))"
    if !record.casts.isEmpty { text += "; casts: \(record.casts.joined(separator: ", "))" }
    return text
  }
}

extension Candidate {
  func refusal(_ verdict: RouteRecord.Verdict, _ why: String, reason: String, hint: String?) -> RouteRecord.Candidate {
    .init(
      backend: backend.id, rule: rule.name, verdict: verdict, why: why, reason: reason, hint: hint, casts: casts,
      estimatedNanoseconds: total)
  }
}
