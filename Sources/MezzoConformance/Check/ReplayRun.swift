import MezzoBackend
import MezzoCheckpoint
import MezzoPlugins
import MezzoPolicy
import MezzoRuntime

/// Executes captured operations on one backend and compares with float64.
struct ReplayRun {
  var backend: any Backend
  var guarding: Guarding

  func run(_ paths: [String], _ progress: (ConformanceKit.Step) -> Void) -> ConformanceReport {
    var report = ConformanceReport(backend: backend.id, version: backend.version)
    for path in paths {
      do throws(CheckpointError) {
        let found = try CapturedCase(checked: path)
        let replay = replay(found, path, progress, &report)
        report.replays.append(replay)
        report.cases += 1
        switch replay.verdict {
        case .right: report.passed += 1
        case .declined: report.declined += 1
        case .wrong: break
        }
      } catch {
        report.failures.append(
          .init(
            .load, request: path, what: "the case cannot be read", expected: "a captured operation", got: "\(error)"))
      }
    }
    return report
  }

  private func replay(
    _ found: CapturedCase, _ path: String, _ progress: (ConformanceKit.Step) -> Void, _ report: inout ConformanceReport
  ) -> Replay {
    var replay = Replay(
      path: path, request: found.request.fullDescription, source: found.source, verdict: .declined)
    let reference = Self.product
    let captured = CapturedResults(found, reference)
    guard let (rule, operation) = prepare(found.request, progress, &replay) else {
      if replay.verdict == .wrong {
        report.failures.append(
          .init(
            .numerics, request: replay.request, what: "prepare", expected: "an operation, or a decline",
            got: replay.reason ?? ""))
      }
      replay.results = captured.beside(nil)
      return replay
    }
    replay.rule = rule.name
    if let contradiction = operation.contradiction(to: found.request) {
      replay.verdict = .wrong
      replay.reason = "expected \(contradiction.expected), got \(contradiction.got)"
      report.failures.append(
        .init(
          .contract, rule: rule.name, request: replay.request,
          what: "the prepared operation contradicts its request", expected: contradiction.expected,
          got: contradiction.got))
      return replay
    }
    var run = CaseRun(
      rule, found.request, operation, reference: reference, guarding: guarding
    ) { index, _, buffer in
      buffer.write(content: found.operands[index])
    } fillOld: { _, _, _ in
    }
    progress(.init(level: .numerics, rule: rule.name, request: found.request))
    run.run(isConcurrent: false, withContract: false)
    report.failures += run.failures
    replay.verdict = run.failures.isEmpty ? .right : .wrong
    replay.reason = run.failures.first.map { "\($0.what): expected \($0.expected), got \($0.got)" }
    replay.stepsLeft = found.request.epilogue.count - operation.consumedEpilogue
    replay.results =
      replay.stepsLeft == 0
      ? captured.beside(run.results)
      : zip(run.results ?? [], run.expectations).enumerated().compactMap { index, pair in
        let dtype = found.request.results[index].dtype
        return ResultComparison(pair.1, dtype, got: pair.0.read(), captured: nil, isSame: nil).entry
      }
    return replay
  }

  /// As the router would: the first rule that takes it and whose backend prepares it.
  private func prepare(
    _ request: OperationRequest, _ progress: (ConformanceKit.Step) -> Void, _ replay: inout Replay
  ) -> (Rule, any PreparedOperation)? {
    var reasons: [String] = []
    for rule in backend.rules where rule.code == request.code {
      if case .differs(_, let message) = rule.match(request, threads: HostServices.threads) {
        reasons.append("\(rule.name) \(message)")
        continue
      }
      progress(.init(level: .numerics, rule: rule.name, request: request))
      do throws(BackendError) {
        return (rule, try backend.prepare(request, rule: rule, threads: HostServices.threads))
      } catch {
        reasons.append("\(rule.name): \(error.message)")
        if !error.isDecline { replay.verdict = .wrong }
      }
    }
    replay.reason = reasons.isEmpty ? "no rule is for \(request.code)" : reasons.joined(separator: "; ")
    return nil
  }

  private static var product: ReferenceProduct? {
    BackendRegistry.builtin().backends.first.map { ReferenceProduct(backend: $0, threads: HostServices.threads) }
  }
}

/// What was captured, in its own right: compared with float64 like a backend's results.
private struct CapturedResults {
  private let found: CapturedCase
  private let results: [GuardedBuffer]
  private let expectations: [Expectation]

  init(_ found: CapturedCase, _ product: ReferenceProduct?) {
    self.found = found
    let request = found.request
    func buffers(_ operands: [Operand], _ bytes: [[UInt8]]) -> [GuardedBuffer] {
      zip(operands, bytes).map { operand, bytes in
        let buffer = GuardedBuffer(operand, poison: .first)
        buffer.write(content: bytes)
        return buffer
      }
    }
    results = buffers(request.results, found.results)
    let values = buffers(request.inputs, found.operands).map { $0.read() }
    expectations =
      product?.expectation(request, values, old: []).map { [$0] } ?? Reference.results(request, values)
  }

  /// - Parameter got: what the backend under test made of it, `nil` if nothing.
  func beside(_ got: [GuardedBuffer]?) -> [Replay.Result] {
    zip(results.indices, expectations).compactMap { index, expectation in
      ResultComparison(
        expectation, found.request.results[index].dtype, got: got.map { $0[index].read() },
        captured: results[index].read(),
        isSame: got.map { $0[index].elementBytes() == results[index].elementBytes() }
      ).entry
    }
  }
}

/// One result of a backend and of a capture, against float64.
private struct ResultComparison {
  /// `nil` where there are no elements.
  let entry: Replay.Result?

  init(_ expectation: Expectation, _ dtype: DType, got: [Double]?, captured: [Double]?, isSame: Bool?) {
    let count = expectation.values.count
    guard count > 0, [got, captured].allSatisfy({ $0?.count ?? count == count }) else {
      entry = nil
      return
    }
    let wrong = got.flatMap { expectation.check($0, dtype) }
    let capturedWrong = captured.flatMap { expectation.check($0, dtype) }
    let element =
      wrong?.index ?? capturedWrong?.index ?? Self.farthest(got ?? captured ?? expectation.values, expectation)
    entry = Replay.Result(
      element: element, count: count, exact: expectation.values[element].inWords, got: got.map { $0[element].inWords },
      captured: captured.map { $0[element].inWords }, wrong: got.map { _ in wrong?.count ?? 0 },
      capturedWrong: captured.map { _ in capturedWrong?.count ?? 0 }, isSameAsCaptured: isSame)
  }

  private static func farthest(_ values: [Double], _ expectation: Expectation) -> Int {
    var best = (index: 0, distance: -1.0)
    for (index, (value, exact)) in zip(values, expectation.values).enumerated() {
      let distance = abs(value - exact)
      if distance > best.distance { best = (index, distance) }
    }
    return best.index
  }
}
