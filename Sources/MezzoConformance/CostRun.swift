import MezzoBackend
import MezzoRuntime

/// Times the largest case of a rule and compares it with what the rule's cost says: the router believes those numbers.
///
/// Times vary with the machine, so what it finds are warnings.
struct CostRun {
  var backend: any Backend
  var rule: Rule
  var threads: Int
  /// Runs the same beside it, for comparison.
  var reference: (any Backend)?

  /// How far a declared time may be from the measured one, either way.
  static let factor = 2.0
  /// Below it, calling and the clock are most of what is measured.
  private static let leastNanoseconds = 2000.0

  func run(
    _ cases: [ConformanceCase], _ progress: (ConformanceKit.Step) -> Void,
    _ result: inout ConformanceReport.RuleResult, _ report: inout ConformanceReport
  ) {
    let plain = cases.map(\.request).filter { $0.epilogue.isEmpty && !$0.readsResults }
    guard let largest = plain.max(by: { size($0) < size($1) }) else { return }
    let request = grown(largest) ?? largest
    progress(.init(level: .honesty, rule: rule.name, request: request))
    guard let (measured, scaled) = time(request) else { return }
    let declared = CostModel.estimate(request, rule)
    result.measured = measured
    result.declared = declared
    result.scaled = scaled
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
    guard rule.match(constant, threads: threads) == .matches, let packed = time(constant, mustPack: true)?.measured,
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

  /// The same element by element on more elements, so that the rate counts and not the call; `nil` for other operations.
  private func grown(_ request: OperationRequest) -> OperationRequest? {
    let shapes = Set((request.inputs + request.results).map(\.shape))
    guard let shape = shapes.first, shapes.count == 1, let last = shape.last, last > 0 else { return nil }
    let rows = shape.dropLast().reduce(1, *)
    guard rows > 0 else { return nil }
    let longer = Array(shape.dropLast()) + [last * max(1, 65_536 / (rows * last))]
    var request = request
    request.inputs = request.inputs.map { Operand(dtype: $0.dtype, shape: longer, isConstant: $0.isConstant) }
    request.results = request.results.map { Operand(dtype: $0.dtype, shape: longer) }
    return rule.match(request, threads: threads) == .matches ? request : nil
  }

  /// The least time of an execution in nanoseconds; and the same where the reference takes just what it declares, which is
  /// the time that other estimates can be compared with.
  private func time(_ request: OperationRequest, mustPack: Bool = false) -> (measured: Double, scaled: Double?)? {
    guard let run = OperationRun(backend, rule, request, threads: threads, mustPack: mustPack) else { return nil }
    let other = other(request)
    let timing = PairedTiming(
      clock: OperationRun.clock, subject: run.execute, reference: { other?.run.execute() ?? true })
    guard let timing else { return nil }
    let scaled = other.map { CostModel.estimate(request, $0.rule) * timing.subject / max(timing.reference, 1) }
    return (timing.subject, scaled)
  }

  /// The reference on the same numbers; `nil` where it has no rule for them as they are.
  private func other(_ request: OperationRequest) -> (run: OperationRun, rule: Rule)? {
    guard let reference, reference.id != backend.id,
      let rule = reference.rules.first(where: { $0.match(request, threads: threads) == .matches }),
      let run = OperationRun(reference, rule, request, threads: threads)
    else { return nil }
    return (run, rule)
  }

  private static func text(_ nanoseconds: Double) -> String {
    nanoseconds < 10_000 ? "\(Int(nanoseconds.rounded())) ns" : "\((nanoseconds / 100).rounded() / 10) µs"
  }
}
