import CMezzoHost
import Dispatch
import MezzoBackend
import MezzoPolicy

/// One case on one prepared operation: executes it in the ways that its rule promises to bear, and collects what is
/// wrong.
struct CaseRun {
  let rule: Rule
  /// With the epilogue that the operation does, and the inputs of that.
  let request: OperationRequest
  let operation: any PreparedOperation
  let inputs: [GuardedBuffer]
  let expectations: [Expectation]
  private(set) var failures: [ConformanceReport.Finding] = []
  private let guarding: Guarding
  /// What the results hold before, where the operation reads that; else empty.
  private let old: [GuardedBuffer]
  /// Errors that end the case without being a failure.
  var mayStop: (BackendError) -> Bool = { _ in false }
  private var packed: GuardedBuffer?
  /// What the first execution wrote; `nil` where it did not succeed.
  private(set) var results: [GuardedBuffer]?

  init(
    _ rule: Rule, _ item: ConformanceCase, _ operation: any PreparedOperation, reference: ReferenceProduct?,
    guarding: Guarding, random: inout SplitMix
  ) {
    self.init(rule, item.request, operation, reference: reference, guarding: guarding) { index, operand, buffer in
      guard index < item.recipes.count else { return }
      buffer.write(item.recipes[index].values(operand.type.checkedCount ?? 0, operand.dtype, &random))
    } fillOld: { _, operand, buffer in
      buffer.write(item.old.values(operand.type.checkedCount ?? 0, operand.dtype, &random))
    }
  }

  /// - Parameters:
  ///   - fill: writes what the input of this place in the request holds.
  ///   - fillOld: writes what the result of this place holds before, where the operation reads that.
  init(
    _ rule: Rule, _ request: OperationRequest, _ operation: any PreparedOperation, reference: ReferenceProduct?,
    guarding: Guarding, fill: (_ index: Int, Operand, GuardedBuffer) -> Void,
    fillOld: (_ index: Int, Operand, GuardedBuffer) -> Void
  ) {
    self.rule = rule
    self.guarding = guarding
    self.operation = operation
    let request = request.consuming(operation.consumedEpilogue)
    self.request = request
    inputs = request.inputs.enumerated().map { index, operand in
      let buffer = GuardedBuffer(operand, poison: .first, guarding: guarding, alignment: rule.alignment)
      fill(index, operand, buffer)
      return buffer
    }
    old =
      request.readsResults
      ? request.results.enumerated().map { index, operand in
        let buffer = GuardedBuffer(operand, poison: .first, guarding: guarding, alignment: rule.alignment)
        fillOld(index, operand, buffer)
        return buffer
      } : []
    // What lies in memory, since strides of 0 repeat and dtypes round.
    let (values, before) = (inputs.map { $0.read() }, old.map { $0.read() })
    expectations =
      reference?.expectation(request, values, old: before).map { [$0] }
      ?? Reference.results(request, values, old: before)
  }

  /// Executes until something is wrong; after that nothing more can be learned.
  mutating func run(isConcurrent: Bool, withContract: Bool) {
    guard preparePacked() else { return }
    guard let first = execute(.first, "execute") else { return }
    results = first
    for (index, expectation) in expectations.enumerated() {
      let operand = request.results[index]
      guard let mismatch = expectation.check(first[index].read(), operand.dtype) else { continue }
      fail(
        .numerics,
        "result \(index) is wrong in \(mismatch.count) of \(expectation.values.count) elements, worst at "
          + "\(mismatch.index)", expected: mismatch.expected, got: mismatch.got, mismatch)
    }
    guard failures.isEmpty, withContract else { return }
    if rule.traits.contains(.deterministic), let second = execute(.second, "execute again") {
      compare(
        second, first, "a second execution, with other bytes in the workspace and the results, gives other bits",
        advice: "initialise what is read, or leave MEZZO_R_DETERMINISTIC out")
    }
    if rule.traits.contains(.inPlace), let inPlace = executeInPlace() {
      compare(
        inPlace, first, "results in the memory of the operands differ, although the rule is in-place",
        advice: "read each element before its result is written, or leave MEZZO_R_INPLACE_OK out")
    }
    if isConcurrent && rule.traits.contains(.reentrant) { runConcurrently(first) }
  }

  /// Packs twice over different bytes, as pack has to write all of them.
  private mutating func preparePacked() -> Bool {
    guard let packing = operation.packing else { return true }
    var forms: [GuardedBuffer] = []
    for poison in [GuardedBuffer.Poison.first, .second] {
      let form = GuardedBuffer(byteCount: packing.bytes, poison: poison, guarding: guarding)
      do throws(BackendError) {
        try BackendCall.pack(operation, request.inputs[packing.operand], inputs[packing.operand], into: form)
      } catch {
        if !mayStop(error) { fail(.contract, "pack", expected: "success", got: error.description) }
        return false
      }
      check(form, except: .content, "the packed operand")
      forms.append(form)
    }
    if forms[0].contentBytes() != forms[1].contentBytes() {
      fail(
        .contract, "pack depends on what was in its destination", expected: "every byte written",
        got: "some are left", advice: "write the padding too; packed forms are compared and shared by their bytes")
    }
    forms[0].keep()
    packed = forms[0]
    return true
  }

  private mutating func execute(_ poison: GuardedBuffer.Poison, _ what: String) -> [GuardedBuffer]? {
    let results = makeResults(poison)
    return execute(poison, inputs: makeInputs(poison), results: results, what) ? results : nil
  }

  private func makeResults(_ poison: GuardedBuffer.Poison) -> [GuardedBuffer] {
    request.results.enumerated().map { index, operand in
      let buffer = GuardedBuffer(operand, poison: poison, guarding: guarding, alignment: rule.alignment)
      if old.indices.contains(index) {
        buffer.write(elementsOf: old[index])
      } else if poison == .first, operand.dtype.isFloatingPoint {
        buffer.writeNaN()
      }
      return buffer
    }
  }

  /// Between guard pages, the second execution reads copies that are flush with the page before them.
  private func makeInputs(_ poison: GuardedBuffer.Poison) -> [GuardedBuffer] {
    guard guarding == .pages, poison == .second else { return inputs }
    return zip(request.inputs, inputs).map { operand, source in
      let copy = GuardedBuffer(operand, poison: poison, guarding: guarding, alignment: rule.alignment)
      copy.write(bytesOf: source)
      return copy
    }
  }

  private mutating func execute(
    _ poison: GuardedBuffer.Poison, inputs: [GuardedBuffer], results: [GuardedBuffer], _ what: String
  ) -> Bool {
    let workspace = GuardedBuffer(byteCount: operation.workspaceBytes, poison: poison, guarding: guarding)
    let call = BackendCall(
      operation, request, inputs: inputs, results: results, workspace: workspace, packed: packed)
    // An argument that a manifest forgets is not to be found where the last call left it.
    mezzo_scribble_stack(poison.rawValue)
    if let error = call.execute() {
      if !mayStop(error) {
        fail(.numerics, what, expected: "success", got: error.description)
      }
      return false
    }
    for (index, result) in results.enumerated() { check(result, except: .elements, "result \(index)") }
    for (index, input) in inputs.enumerated() where !results.contains(where: { $0 === input }) {
      check(input, except: .nothing, "operand \(index)")
    }
    check(workspace, except: .content, "the workspace")
    if let packed { check(packed, except: .nothing, "the packed operand") }
    return true
  }

  /// `nil` where no result can lie in its operand: it takes the same dtype, and rows without gaps in both.
  private mutating func executeInPlace() -> [GuardedBuffer]? {
    guard request.inputs.count >= request.results.count, !request.readsResults else { return nil }
    for (input, result) in zip(request.inputs, request.results) {
      guard input.type == result.type, input.strides == result.strides, input.isDense else { return nil }
    }
    let shared = zip(request.inputs, inputs).prefix(request.results.count).map { operand, source in
      let copy = GuardedBuffer(operand, poison: .first, guarding: guarding, alignment: rule.alignment)
      copy.write(bytesOf: source)
      return copy
    }
    let operands = shared + inputs.dropFirst(shared.count)
    return execute(.second, inputs: operands, results: shared, "execute in place") ? shared : nil
  }

  private mutating func runConcurrently(_ expected: [GuardedBuffer]) {
    let threads = 2
    let results = (0..<threads).map { _ in makeResults(.second) }
    let calls = results.map { results in
      BackendCall(
        operation, request, inputs: inputs, results: results,
        workspace: GuardedBuffer(byteCount: operation.workspaceBytes, poison: .second, guarding: guarding),
        packed: packed)
    }
    // All wait until each has a thread of its own; else one thread could do them one after the other.
    let (ready, start) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
    let group = DispatchGroup()
    // A result that is read is another one after the first execution.
    let executions = request.readsResults ? 1 : 4
    for call in calls {
      DispatchQueue.global().async(group: group) {
        ready.signal()
        start.wait()
        for _ in 0..<executions where call.execute() != nil { break }
      }
    }
    for _ in calls { ready.wait() }
    for _ in calls { start.signal() }
    group.wait()
    for results in results {
      compare(
        results, expected, "two threads at once give other bits than one, on a reentrant rule",
        advice: "keep what changes in the workspace, or leave MEZZO_R_REENTRANT out")
    }
  }

  private mutating func compare(_ got: [GuardedBuffer], _ expected: [GuardedBuffer], _ what: String, advice: String) {
    for (index, (got, expected)) in zip(got, expected).enumerated() {
      let (left, right) = (got.elementBytes(), expected.elementBytes())
      guard let place = left.indices.first(where: { left[$0] != right[$0] }) else { continue }
      fail(
        .contract, "\(what), in byte \(place) of result \(index)", expected: "\(right[place])",
        got: "\(left[place])", advice: advice)
    }
  }

  private mutating func check(_ buffer: GuardedBuffer, except: GuardedBuffer.Allowed, _ name: String) {
    guard let place = buffer.firstChange(except: except) else { return }
    fail(
      .numerics, "\(name) was written outside of its elements, at byte \(place) from its start",
      expected: "the bytes that were there", got: "others")
  }

  private mutating func fail(
    _ level: ConformanceReport.Level, _ what: String, expected: String, got: String,
    _ mismatch: Expectation.Mismatch? = nil, advice: String? = nil
  ) {
    func finite(_ value: Double?) -> Double? { value.flatMap { $0.isFinite ? $0 : nil } }
    failures.append(
      .init(
        level, rule: rule.name, request: request.fullDescription, what: what, expected: expected, got: got,
        worstError: finite(mismatch?.error), tolerance: finite(mismatch?.tolerance), advice: advice))
  }
}
