public import MezzoBackend
import MezzoPlugins
import MezzoPolicy

/// Tests whether a backend does what its rules say.
///
/// For every rule and all dtypes that its signature admits, the kit makes requests of many shapes, layouts, attributes and
/// epilogues, with ordinary and special values, and executes those that the rule takes. Each is compared with a reference in
/// plain loops over float64; the tolerance follows from the dtype and the length of the sums. Memory around and between the
/// elements is guarded, workspaces are poisoned, and what the rule's flags promise is tried: same bits twice, results in the
/// memory of operands, two threads at once, packed constants.
///
/// ```swift
/// let report = ConformanceKit(backend: backend, reference: nil).run()
/// print(report)
/// ```
public struct ConformanceKit: Sendable {
  public var backend: any Backend
  /// Another backend, such as the built-in one: multiplies in float64 what is too large for plain loops. Without it such
  /// cases are left out.
  public var reference: (any Backend)?
  /// Of the random values; the same seed gives the same cases.
  public var seed: UInt64
  public var effort: Effort
  /// Handed to `prepare`.
  public var threads: Int

  public init(
    backend: any Backend, reference: (any Backend)?, seed: UInt64 = 0, effort: Effort = .quick
  ) {
    self.backend = backend
    self.reference = reference
    self.seed = seed
    self.effort = effort
    threads = HostServices.threads
  }

  /// Runs all cases on the calling thread.
  /// - Parameter progress: is told of each rule before its cases run.
  public func run(progress: (Rule) -> Void = { _ in }) -> ConformanceReport {
    var report = ConformanceReport(backend: backend.id, version: backend.version)
    let generator = CaseGenerator(effort: effort, threads: threads, hasReference: reference != nil)
    for rule in backend.rules {
      progress(rule)
      let cases = generator.cases(rule)
      let declinedBefore = report.declined
      var random = SplitMix(state: seed &+ UInt64(rule.index))
      for item in cases { run(item, rule, &random, &report) }
      if cases.isEmpty {
        report.untestedRules.append(rule.name)
      } else if report.declined - declinedBefore == cases.count {
        report.failures.append(
          ConformanceReport.Failure(
            rule: rule.name, request: cases[0].request.fullDescription, what: "the rule is an empty promise",
            expected: "some of the requests that it takes to be prepared", got: "all \(cases.count) declined"))
      }
    }
    return report
  }

  private func run(
    _ item: ConformanceCase, _ rule: Rule, _ random: inout SplitMix, _ report: inout ConformanceReport
  ) {
    report.cases += 1
    do throws(BackendError) {
      let operation = try backend.prepare(item.request, rule: rule, threads: threads)
      if let contradiction = operation.contradiction(to: item.request) {
        report.failures.append(
          ConformanceReport.Failure(
            rule: rule.name, request: item.request.fullDescription,

            what: "the prepared operation contradicts its request",
            expected: contradiction.expected, got: contradiction.got))
        return
      }
      var run = CaseRun(
        rule, item, operation, reference: reference.map { ReferenceProduct(backend: $0, threads: threads) },
        random: &random)
      run.run(isConcurrent: item.isConcurrent)
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
        ConformanceReport.Failure(
          rule: rule.name, request: item.request.fullDescription, what: "prepare",
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
