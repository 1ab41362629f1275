import CMezzoABI
import MezzoBackend
import MezzoPlugins

/// Level 0, behind the table: how the entry points bear hosts of later versions, whose structs are longer and whose arrays are
/// wider, and callers who leave no room for an error's text.
struct OpenCheck {
  let native: any Backend
  let table: UnsafePointer<mezzo_backend>
  let progress: (ConformanceKit.Step) -> Void

  func run(_ report: inout ConformanceReport) {
    let services = ScriptedHost(.oneThread)
    begin("open")
    guard let plain = open(services, added: 0, &report) else { return }
    defer { close(plain.object) }
    begin("open by a later host")
    if let grown = open(services, added: GrownStruct<mezzo_open_args>.addedBytes, &report) {
      if grown.status != plain.status {
        fail(
          &report, "open takes longer structs for something else", expected: "status \(plain.status)",
          got: "status \(grown.status)", advice: "read the members that you know, and no others")
      }
      close(grown.object)
    }
    guard plain.status == mezzo_status(MEZZO_OK) else { return }
    for rule in native.rules {
      let cases = CaseGenerator(effort: .quick, threads: 1, hasReference: false).cases(rule)
      // Where strides are ignored, the first step is right all the same.
      guard let item = cases.max(by: { $0.request.epilogue.count < $1.request.epilogue.count }) else { continue }
      compare(rule, item.request, plain.object, &report)
      if let unclaimed = UnclaimedRequests(rule, cases.map(\.request), threads: 1).items.last {
        errors(rule, unclaimed.request, plain.object, &report)
      }
    }
  }

  private func begin(_ what: String, _ request: OperationRequest? = nil) {
    progress(.init(level: .load, rule: what, request: request))
  }

  private func fail(
    _ report: inout ConformanceReport, _ what: String, rule: String = "", _ request: OperationRequest? = nil,
    expected: String, got: String, advice: String? = nil
  ) {
    report.failures.append(
      .init(
        .load, rule: rule, request: request?.fullDescription ?? "", what: what, expected: expected, got: got,
        advice: advice))
  }

  // MARK: open

  private func open(
    _ services: ScriptedHost, added: Int, _ report: inout ConformanceReport
  ) -> (status: mezzo_status, object: UnsafeMutableRawPointer?)? {
    let buffer = ErrorBuffer()
    defer { buffer.deallocate() }
    // Never freed, as the backend may keep the host.
    let host = Unmanaged.passRetained(GrownStruct(services.pointer.pointee, added: added)).takeUnretainedValue()
    host.pointer.pointee.struct_size = host.byteCount
    if added > 0 { host.pointer.pointee.reserved = 0xA5A5_A5A5 }
    let arguments = GrownStruct(mezzo_open_args(), added: added)
    arguments.pointer.pointee.h = mezzo_call(
      struct_size: arguments.byteCount, flags: added > 0 ? 0x8000_0000 : 0, err: buffer.pointer, next: nil)
    arguments.pointer.pointee.host = UnsafePointer(host.pointer)
    let status = table.pointee.open(nil, arguments.pointer)
    if !arguments.isTailUntouched || !host.isTailUntouched {
      fail(
        &report, "open writes beyond the structs that it knows", expected: "the bytes that were there", got: "others")
    }
    return (status, status == mezzo_status(MEZZO_OK) ? arguments.pointer.pointee.`self` : nil)
  }

  private func close(_ object: UnsafeMutableRawPointer?) {
    let buffer = ErrorBuffer()
    defer { buffer.deallocate() }
    var head = mezzo_call(
      struct_size: UInt32(MemoryLayout<mezzo_call>.size), flags: 0, err: buffer.pointer, next: nil)
    _ = table.pointee.close(object, &head)
  }

  // MARK: plan

  private struct Answer: Equatable, CustomStringConvertible {
    var status: mezzo_status
    var workspace: UInt64 = 0
    var packedBytes: UInt64 = 0
    var steps: UInt32 = 0

    var description: String {
      status == mezzo_status(MEZZO_OK)
        ? "a plan with \(workspace) bytes of workspace, \(packedBytes) packed and \(steps) steps" : "status \(status)"
    }
  }

  private func compare(
    _ rule: Rule, _ request: OperationRequest, _ object: UnsafeMutableRawPointer?, _ report: inout ConformanceReport
  ) {
    begin("\(rule.name), plan", request)
    let plain = plan(rule, request, object, isGrown: false, &report)
    begin("\(rule.name), plan by a later host", request)
    let grown = plan(rule, request, object, isGrown: true, &report)
    if plain != grown {
      fail(
        &report, "plan takes longer structs and wider arrays for something else", rule: rule.name, request,
        expected: "\(plain.map { "\($0)" } ?? "nothing")", got: "\(grown.map { "\($0)" } ?? "nothing")",
        advice: "walk operands, attrs and epilogue by the strides that come with them")
    }
  }

  private func plan(
    _ rule: Rule, _ request: OperationRequest, _ object: UnsafeMutableRawPointer?, isGrown: Bool,
    _ report: inout ConformanceReport
  ) -> Answer? {
    let buffer = ErrorBuffer()
    defer { buffer.deallocate() }
    let added = isGrown ? GrownStruct<mezzo_plan_args>.addedBytes : 0
    var answer: Answer?
    var isIntact = true
    try? RequestMarshaller.withOperation(request, backend: native.id) { operation throws(BackendError) in
      let laidOut = LaidOut(operation.pointee, added: added)
      let arguments = GrownStruct(mezzo_plan_args(), added: added)
      arguments.pointer.pointee.h = mezzo_call(
        struct_size: arguments.byteCount, flags: isGrown ? 0x8000_0000 : 0, err: buffer.pointer, next: nil)
      arguments.pointer.pointee.op = UnsafePointer(laidOut.operation.pointer)
      arguments.pointer.pointee.rule = UInt32(rule.index)
      arguments.pointer.pointee.threads = 1
      let status = table.pointee.plan(object, arguments.pointer)
      isIntact = arguments.isTailUntouched && laidOut.operation.isTailUntouched
      let made = arguments.pointer.pointee
      if status == mezzo_status(MEZZO_OK) {
        answer = Answer(
          status: status, workspace: made.workspace, packedBytes: made.packed_bytes, steps: made.n_epilogue)
        release(made.plan, object)
      } else {
        answer = Answer(status: status)
      }
    }
    if !isIntact {
      fail(
        &report, "plan writes beyond the structs that it knows", rule: rule.name, request,
        expected: "the bytes that were there", got: "others")
    }
    return answer
  }

  private func release(_ plan: UnsafeMutableRawPointer?, _ object: UnsafeMutableRawPointer?) {
    let buffer = ErrorBuffer()
    defer { buffer.deallocate() }
    var arguments = mezzo_release_args()
    arguments.h = mezzo_call(
      struct_size: UInt32(MemoryLayout<mezzo_release_args>.size), flags: 0, err: buffer.pointer, next: nil)
    arguments.plan = plan
    _ = table.pointee.release(object, &arguments)
  }

  /// An operation with everything that it points to in structs and arrays of a later host.
  private final class LaidOut {
    let operation: GrownStruct<mezzo_op>
    private let operands: GrownArray<mezzo_operand>?
    private let attributes: GrownArray<mezzo_attr>?
    private let epilogue: GrownArray<mezzo_epilogue>?

    init(_ plain: mezzo_op, added: Int) {
      var changed = plain
      guard added > 0 else {
        (operands, attributes, epilogue) = (nil, nil, nil)
        operation = GrownStruct(plain, added: 0)
        return
      }
      func array<Element>(_ start: UnsafePointer<Element>?, _ count: UInt32) -> GrownArray<Element> {
        GrownArray(Array(UnsafeBufferPointer(start: start, count: start == nil ? 0 : Int(count))))
      }
      let operands = array(plain.operands, plain.n_in + plain.n_out)
      let attributes = array(plain.attrs, plain.n_attrs)
      let epilogue = array(plain.epilogue, plain.n_epilogue)
      changed.operands = UnsafePointer(operands.pointer)
      changed.operand_stride = UInt32(operands.stride)
      changed.attrs = UnsafePointer(attributes.pointer)
      changed.attr_stride = UInt32(attributes.stride)
      changed.epilogue = UnsafePointer(epilogue.pointer)
      changed.epilogue_stride = UInt32(epilogue.stride)
      changed.reserved = 0xA5A5_A5A5
      (self.operands, self.attributes, self.epilogue) = (operands, attributes, epilogue)
      operation = GrownStruct(changed, added: added)
      operation.pointer.pointee.struct_size = operation.byteCount
    }
  }

  // MARK: Errors

  /// Asks for what has to be declined, with less and less room for the reason. A text that does not fit ends in memory that
  /// kills the process.
  private func errors(
    _ rule: Rule, _ request: OperationRequest, _ object: UnsafeMutableRawPointer?, _ report: inout ConformanceReport
  ) {
    for room in [8, 1, 0] {
      begin("\(rule.name), an error with room for \(room) bytes", request)
      let text = GuardedMemory(byteCount: room, alignment: 1, guarding: .pages, atStart: false)
      let error = GrownStruct(mezzo_error())
      error.pointer.pointee = mezzo_error(
        struct_size: error.byteCount, code: 0, why: 0, operand: .max,
        msg: room == 0
          ? nil : text.bytes.baseAddress.map { ($0 + text.offset).assumingMemoryBound(to: CChar.self) },
        msg_cap: UInt32(room), msg_len: 0)
      try? RequestMarshaller.withOperation(request, backend: native.id) { operation throws(BackendError) in
        var arguments = mezzo_plan_args()
        arguments.h = mezzo_call(
          struct_size: UInt32(MemoryLayout<mezzo_plan_args>.size), flags: 0, err: error.pointer, next: nil)
        arguments.op = operation
        arguments.rule = UInt32(rule.index)
        arguments.threads = 1
        let status = table.pointee.plan(object, &arguments)
        if status == mezzo_status(MEZZO_OK) { release(arguments.plan, object) }
      }
      if error.pointer.pointee.msg_len > UInt32(room) || !error.isTailUntouched {
        fail(
          &report, "it writes more of an error than there is room for", rule: rule.name, request,
          expected: "at most \(room) bytes, and nothing behind the struct",
          got: "a text of \(error.pointer.pointee.msg_len) bytes", advice: "cut the text off at err->msg_cap")
      }
      withExtendedLifetime(text) {}
    }
  }
}
