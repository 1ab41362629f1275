public import MezzoBackend
import MezzoPlugins
import MezzoPolicy

/// Tests whether a backend does what its rules say.
///
/// For every rule and all dtypes that its signature admits, the kit makes requests of many shapes, layouts, attributes
/// and epilogues, with ordinary and special values, and executes those that the rule takes. Each is compared with a
/// reference in plain loops over float64; the tolerance follows from the dtype and the length of the sums. Memory
/// around and between the elements is guarded, workspaces are poisoned, and what the rule's flags promise is tried:
/// same bits twice, results in the memory of operands, two threads at once, packed constants.
///
/// ```swift
/// let report = ConformanceKit(backend: backend, reference: nil).run()
/// print(report)
/// ```
public struct ConformanceKit: Sendable {
  public var backend: any Backend
  /// Another backend, such as the built-in one: multiplies in float64 what is too large for plain loops. Without it
  /// such cases are left out.
  public var reference: (any Backend)?
  /// Of the random values; the same seed gives the same cases.
  public var seed: UInt64
  public var effort: Effort
  /// Of each rule, every how manieth case is run; all by default. For where each takes ten times as long, as under a sanitizer. What
  /// is left out may be all that a rule takes, so a rule that declines the rest is no empty promise then.
  public var stride = 1
  /// What stands around operands and results; ``Guarding/pages`` only in a process whose death somebody watches.
  public var guarding: Guarding
  /// What is looked at. ``ConformanceReport/Level/load`` takes a file and is no part of this; see ``BackendCheck``.
  public var levels: Set<ConformanceReport.Level> = [.numerics, .contract]
  /// Handed to `prepare`.
  public var threads: Int

  public init(
    backend: any Backend, reference: (any Backend)?, seed: UInt64 = 0, effort: Effort = .quick,
    guarding: Guarding = .canaries
  ) {
    self.backend = backend
    self.reference = reference
    self.seed = seed
    self.effort = effort
    self.guarding = guarding
    threads = HostServices.threads
  }

  /// Where the kit is: who runs it in a process of its own knows from the last one what a backend died of.
  public struct Step: Sendable, CustomStringConvertible {
    public var level: ConformanceReport.Level
    public var rule: String
    public var request: OperationRequest?

    /// The request with all that tells it from others; empty where there is none.
    public var subject: String { request?.fullDescription ?? "" }

    public var description: String {
      [level.rawValue, rule, subject].filter { !$0.isEmpty }.joined(separator: ": ")
    }
  }

  /// Runs all cases on the calling thread.
  /// - Parameter progress: is told of each request before the backend sees it.
  public func run(progress: (Step) -> Void = { _ in }) -> ConformanceReport {
    var report = ConformanceReport(backend: backend.id, version: backend.version)
    let generator = CaseGenerator(effort: effort, threads: threads, hasReference: reference != nil)
    for rule in backend.rules {
      progress(Step(level: .numerics, rule: rule.name))
      let cases = generator.cases(rule).enumerated().filter { $0.offset % max(stride, 1) == 0 }.map(\.element)
      if levels.contains(.decline) {
        let requests = UnclaimedRequests(rule, cases.map(\.request), threads: threads)
        DeclineRun(backend: backend, rule: rule, threads: threads).run(requests, progress, &report)
      }
      var result = ConformanceReport.RuleResult(rule)
      if levels.contains(.numerics) { run(cases, rule, &result, progress, &report) }
      if levels.contains(.honesty) {
        CostRun(backend: backend, rule: rule, threads: threads, reference: reference).run(
          cases, progress, &result, &report)
      }
      report.rules.append(result)
    }
    return report
  }

  private func run(
    _ cases: [ConformanceCase], _ rule: Rule, _ result: inout ConformanceReport.RuleResult, _ progress: (Step) -> Void,
    _ report: inout ConformanceReport
  ) {
    let before = (report.cases, report.passed, report.declined)
    var random = SplitMix(state: seed &+ UInt64(rule.index))
    for item in cases {
      progress(Step(level: .numerics, rule: rule.name, request: item.request))
      let passed = report.passed
      run(item, rule, &random, &report)
      if report.passed > passed { result.dtypes[item.request.dtypes, default: 0] += 1 }
    }
    result.cases = report.cases - before.0
    result.passed = report.passed - before.1
    result.declined = report.declined - before.2
    if cases.isEmpty, let unmet = rule.condition?.unmetByProcessor {
      report.otherProcessorsRules.append(rule.name)
      result.obstacle = "\(unmet) is false"
    } else if cases.isEmpty {
      report.untestedRules.append(rule.name)
      result.obstacle = CaseGenerator(effort: effort, threads: threads, hasReference: reference != nil).obstacle(rule)
    } else if result.declined == cases.count, stride <= 1 {
      report.failures.append(
        .init(
          .numerics, rule: rule.name, request: cases[0].request.fullDescription, what: "the rule is an empty promise",
          expected: "some of the requests that it takes to be prepared", got: "all \(cases.count) declined",
          advice: "say in the rule's sig and when what plan takes"))
    }
  }

  private func run(
    _ item: ConformanceCase, _ rule: Rule, _ random: inout SplitMix, _ report: inout ConformanceReport
  ) {
    report.cases += 1
    do throws(BackendError) {
      let operation = try backend.prepare(item.request, rule: rule, threads: threads)
      if let contradiction = operation.contradiction(to: item.request) {
        report.failures.append(
          .init(
            .contract, rule: rule.name, request: item.request.fullDescription,
            what: "the prepared operation contradicts its request",
            expected: contradiction.expected, got: contradiction.got))
        return
      }
      var run = CaseRun(
        rule, item, operation, reference: reference.map { ReferenceProduct(backend: $0, threads: threads) },
        guarding: guarding, random: &random)
      run.run(isConcurrent: item.isConcurrent, withContract: levels.contains(.contract))
      report.failures += run.failures
      if run.failures.isEmpty { report.passed += 1 }
      let operands = item.request.ownInputs + item.request.results
      report.coverage.insert(.init(operation: rule.code.name, dtypes: operands.map(\.dtype)))
    } catch {
      guard !error.isDecline else {
        report.declined += 1
        return
      }
      report.failures.append(
        .init(
          .numerics, rule: rule.name, request: item.request.fullDescription, what: "prepare",
          expected: "an operation, or a decline", got: error.description))
    }
  }
}

extension PreparedOperation {
  /// Far more than any case needs, and still harmless to allocate.
  private static var byteLimit: Int { 1 << 30 }

  /// Claims about sizes become indices and allocations, so they are checked first.
  func contradiction(to request: OperationRequest) -> (expected: String, got: String)? {
    if !(0...request.epilogue.count).contains(consumedEpilogue) {
      return ("0 to \(request.epilogue.count) steps of the epilogue", "\(consumedEpilogue)")
    }
    if !(0...Self.byteLimit).contains(workspaceBytes) {
      return ("a workspace of at most \(Self.byteLimit) bytes", "\(workspaceBytes)")
    }
    guard let packing else { return nil }
    let consumed = request.inputs.count - request.epilogue[consumedEpilogue...].count { $0.operand != nil }
    if !(0..<consumed).contains(packing.operand) || !request.inputs[packing.operand].isConstant {
      return ("a constant operand to pack", "operand \(packing.operand)")
    }
    return (1...Self.byteLimit).contains(packing.bytes)
      ? nil : ("a packed form of 1 to \(Self.byteLimit) bytes", "\(packing.bytes)")
  }
}
