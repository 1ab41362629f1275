import MezzoBackend
import MezzoRuntime

/// Times the largest case of a rule and compares it with what the rule's cost says: the router believes those numbers.
///
/// Times vary with the machine, so what it finds are warnings.
struct CostRun {
  var backend: any Backend
  var rule: Rule
  var threads: Int

  /// How far a declared time may be from the measured one, either way.
  static let factor = 2.0
  /// Below it, calling and the clock are most of what is measured.
  private static let leastNanoseconds = 2000.0
  private static let budget = Duration.milliseconds(20)

  func run(
    _ cases: [ConformanceCase], _ progress: (ConformanceKit.Step) -> Void,
    _ result: inout ConformanceReport.RuleResult, _ report: inout ConformanceReport
  ) {
    let plain = cases.map(\.request).filter { $0.epilogue.isEmpty && !$0.readsResults }
    guard let request = plain.max(by: { size($0) < size($1) }) else { return }
    progress(.init(level: .honesty, rule: rule.name, request: request))
    guard let measured = time(request) else { return }
    let declared = CostModel.estimate(request, rule)
    result.measured = measured
    result.declared = declared
    let isFar = measured > Self.factor * declared || declared > Self.factor * measured
    if isFar, max(measured, declared) > Self.leastNanoseconds {
      report.warnings.append(
        .init(
          .honesty, rule: rule.name, request: request.fullDescription,
          what: "the declared cost is not what is measured", expected: "\(Self.text(declared)), as the rule says",
          got: Self.text(measured), advice: advice(request, measured)))
    }
    comparePacked(request, measured, &report)
  }

  /// Packing that is claimed has to pay, once it is done.
  private func comparePacked(_ request: OperationRequest, _ unpacked: Double, _ report: inout ConformanceReport) {
    guard rule.traits.contains(.prepacks), request.inputs.count > 1 else { return }
    var constant = request
    constant.inputs[1].isConstant = true
    guard rule.match(constant, threads: threads) == .matches, let packed = time(constant, mustPack: true),
      packed > unpacked * 1.1
    else { return }
    report.warnings.append(
      .init(
        .honesty, rule: rule.name, request: constant.fullDescription, what: "packing does not pay",
        expected: "at most \(Self.text(unpacked)), as without", got: Self.text(packed),
        advice: "leave packed_bytes 0 for such extents"))
  }

  private func size(_ request: OperationRequest) -> Double { CostModel.operations(request) }

  private func advice(_ request: OperationRequest, _ measured: Double) -> String {
    let rate = size(request) / max(measured - rule.cost.fixed, 1)
    return rule.cost.operationsPerNanosecond > 0
      ? "flop_per_ns = \((rate * 100).rounded() / 100) would say this" : "measure it anew and correct the rule's cost"
  }

  /// The least time of an execution, in nanoseconds.
  private func time(_ request: OperationRequest, mustPack: Bool = false) -> Double? {
    guard let operation = try? backend.prepare(request, rule: rule, threads: threads),
      operation.contradiction(to: request) == nil, !mustPack || operation.packing != nil
    else { return nil }
    var random = SplitMix(state: 1)
    let inputs = request.inputs.map { operand in
      let buffer = GuardedBuffer(operand, poison: .first)
      buffer.write(ValueRecipe.positive.values(operand.type.checkedCount ?? 0, operand.dtype, &random))
      return buffer
    }
    var packed: GuardedBuffer?
    if let packing = operation.packing {
      let form = GuardedBuffer(byteCount: packing.bytes, poison: .first)
      do throws(BackendError) {
        try BackendCall.pack(operation, request.inputs[packing.operand], inputs[packing.operand], into: form)
      } catch { return nil }
      packed = form
    }
    let call = BackendCall(
      operation, request, inputs: inputs, results: request.results.map { GuardedBuffer($0, poison: .first) },
      workspace: GuardedBuffer(byteCount: operation.workspaceBytes, poison: .first), packed: packed)
    let clock = ContinuousClock()
    let start = clock.now
    var least = Duration.seconds(3600)
    var runs = 0
    repeat {
      var failed = false
      least = min(least, clock.measure { failed = call.execute() != nil })
      if failed { return nil }
      runs += 1
    } while runs < 3 || (start.duration(to: clock.now) < Self.budget && runs < 1000)
    return Double(least.components.attoseconds) / 1e9 + Double(least.components.seconds) * 1e9
  }

  private static func text(_ nanoseconds: Double) -> String {
    nanoseconds < 10_000 ? "\(Int(nanoseconds.rounded())) ns" : "\((nanoseconds / 100).rounded() / 10) µs"
  }
}
