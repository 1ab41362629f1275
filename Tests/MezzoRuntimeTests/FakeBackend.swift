import CMezzoABI
import MezzoBackend
import MezzoPlugins
import MezzoPolicy
import MezzoRuntime

/// A backend with rules of the test's own, which lets the built-in one compute and writes down what it was asked.
final class FakeBackend: Backend {
  let id: String
  let version: String
  let origin = "a test"
  let rules: [Rule]
  let fingerprint: String
  let codeIdentity: String?
  private let decline: @Sendable (OperationRequest) -> BackendError.Kind?
  private let wrap: @Sendable (any PreparedOperation, OperationRequest) -> any PreparedOperation
  private let asked = Locked<[OperationRequest]>([])

  var requests: [OperationRequest] { asked.withLock { $0 } }

  init(
    _ id: String = "fake", _ rules: [Rule], version: String = "1", fingerprint: String = "1", code: String? = nil,
    decline: @escaping @Sendable (OperationRequest) -> BackendError.Kind? = { _ in nil },
    wrap: @escaping @Sendable (any PreparedOperation, OperationRequest) -> any PreparedOperation = { prepared, _ in
      prepared
    }
  ) {
    self.id = id
    self.rules = rules
    self.version = version
    self.fingerprint = fingerprint
    codeIdentity = code
    self.decline = decline
    self.wrap = wrap
  }

  func prepare(_ request: OperationRequest, rule: Rule, threads: Int) throws(BackendError) -> any PreparedOperation {
    asked.withLock { $0.append(request) }
    if let kind = decline(request) { throw BackendError(backend: id, kind: kind, message: "not today") }
    // Whatever epilogue the fake rule does not take is left to the host.
    var own = request
    own.epilogue = Array(request.epilogue.prefix(rule.epiloguePrefix(request)))
    let leftOver = request.epilogue[own.epilogue.count...].compactMap(\.operand)
    own.inputs = request.inputs.enumerated().filter { !leftOver.contains($0.offset) }.map(\.element)
    for builtin in BackendRegistry.builtin().backends {
      for candidate in builtin.rules where candidate.match(own, threads: threads) == .matches {
        return wrap(try builtin.prepare(own, rule: candidate, threads: threads), request)
      }
    }
    throw BackendError(backend: id, kind: .declined(.dtype), message: "not even the built-in backend can")
  }
}

/// Passes everything on to another operation, but for what a test sets.
class WrappedOperation: PreparedOperation, @unchecked Sendable {
  // Sound: nothing changes after init.
  let inner: any PreparedOperation
  let packing: Packing?
  let consumedEpilogue: Int
  var workspaceBytes: Int { inner.workspaceBytes }

  init(_ inner: any PreparedOperation, packing: Packing? = nil, consumedEpilogue: Int? = nil) {
    self.inner = inner
    self.packing = packing
    self.consumedEpilogue = consumedEpilogue ?? inner.consumedEpilogue
  }

  func pack(_ source: UnsafePointer<mezzo_tensor>, into destination: UnsafeMutableRawPointer) throws(BackendError) {}

  func execute(_ frame: UnsafeMutablePointer<mezzo_exec_args>) -> mezzo_status { inner.execute(frame) }
}

/// Wants its second operand packed: here, copied as it is. Refuses to compute with one that is not.
final class PackingOperation: WrappedOperation, @unchecked Sendable {
  let packs: Locked<Int>

  /// - Parameter key: by default one that nobody else has, so that tests do not find each other's forms.
  init(_ inner: any PreparedOperation, bytes: Int, packs: Locked<Int>, key: [UInt64] = [.random(in: 1 ... .max), 1]) {
    self.packs = packs
    super.init(inner, packing: Packing(operand: 1, bytes: bytes, key: key))
  }

  override func pack(
    _ source: UnsafePointer<mezzo_tensor>, into destination: UnsafeMutableRawPointer
  ) throws(BackendError) {
    guard let data = source.pointee.data, let bytes = packing?.bytes else {
      throw BackendError(backend: "packing", kind: .invalid, message: "nothing to pack")
    }
    destination.copyMemory(from: data, byteCount: bytes)
    packs.withLock { $0 += 1 }
  }

  override func execute(_ frame: UnsafeMutablePointer<mezzo_exec_args>) -> mezzo_status {
    guard let tensors = frame.pointee.in.at, tensors[1].layout == 1 else { return mezzo_status(MEZZO_INVALID) }
    tensors[1].layout = 0
    defer { tensors[1].layout = 1 }
    return inner.execute(frame)
  }
}

extension Rule {
  /// A rule that costs `nanoseconds` whatever the shapes.
  static func fake(
    _ code: OperationCode, _ signature: String, when condition: String? = nil, nanoseconds: Double = 1,
    accumulator: DType = .float64, traits: Traits = [.reentrant], epilogue: [EpilogueStep] = []
  ) throws -> Rule {
    let signature = try RuleSignature(parsing: signature)
    return Rule(
      name: "\(code).fake", code: code, signature: signature,
      condition: try condition.map { try RuleExpression(parsing: $0, signature: signature) }, accumulator: accumulator,
      traits: traits, epilogue: EpilogueMask(rawValue: epilogue.reduce(0) { $0 | 1 << $1.abiKind }),
      cost: Cost(fixed: nanoseconds), index: 0)
  }
}

extension Runtime {
  /// With the fakes before the built-in backend, or in place of it.
  static func with(_ fakes: [FakeBackend], builtin: Bool = true) -> Runtime {
    Runtime(BackendRegistry(fakes + (builtin ? BackendRegistry.builtin().backends : [])), threads: 2)
  }
}

final class FailingOperation: WrappedOperation, @unchecked Sendable {
  init(_ inner: any PreparedOperation) { super.init(inner) }

  override func execute(_ frame: UnsafeMutablePointer<mezzo_exec_args>) -> mezzo_status {
    mezzo_status(MEZZO_INTERNAL)
  }
}

final class CountingOperation: WrappedOperation, @unchecked Sendable {
  private let runs: Locked<Int>

  init(_ inner: any PreparedOperation, _ runs: Locked<Int>) {
    self.runs = runs
    super.init(inner)
  }

  override func execute(_ frame: UnsafeMutablePointer<mezzo_exec_args>) -> mezzo_status {
    runs.withLock { $0 += 1 }
    return super.execute(frame)
  }
}
