public import CMezzoABI

/// Something that computes operations: the built-in kernels, or a shared library behind the C ABI.
///
/// Its rules say as data what it can do. The router matches them without asking the backend; only the backend of the
/// rule that was chosen is asked to `prepare`, and it may still decline.
public protocol Backend: AnyObject, Sendable {
  var id: String { get }
  var version: String { get }
  /// Which build of that version it is: another one where any of its code is another. May read files, and is kept.
  var fingerprint: String { get }
  /// Which code it runs, in this process: another one where any of it is another, `nil` where nothing tells. What it packs can
  /// be kept on disk under it, and is taken for what the same code would pack again from the same operand under the same key.
  var codeIdentity: String? { get }
  /// Where it came from: a path, or `linked into the program`.
  var origin: String { get }
  var rules: [Rule] { get }
  /// Rules that it would have if this machine, or the library behind it, were another; each with the reason.
  var droppedRules: [(rule: Rule, reason: String)] { get }

  /// How the operations that a rule prepares are called.
  func callKind(of rule: Rule) -> CallKind

  /// Makes an operation ready to run with final shapes, on any thread.
  func prepare(_ request: OperationRequest, rule: Rule, threads: Int) throws(BackendError) -> any PreparedOperation
}

extension Backend {
  public var fingerprint: String { version }

  public var codeIdentity: String? { nil }

  public var droppedRules: [(rule: Rule, reason: String)] { [] }

  public func callKind(of rule: Rule) -> CallKind { .direct }
}

/// An operation with everything decided but the addresses of its operands.
public protocol PreparedOperation: AnyObject, Sendable {
  /// Bytes, aligned to 64, that every execution is given.
  var workspaceBytes: Int { get }
  var packing: Packing? { get }
  /// How many leading steps of the request's epilogue it does.
  var consumedEpilogue: Int { get }

  /// Rearranges a constant operand into `destination`, which has `packing.bytes` bytes.
  func pack(_ source: UnsafePointer<mezzo_tensor>, into destination: UnsafeMutableRawPointer) throws(BackendError)

  /// The run path. `frame` belongs to the caller and to no other thread during the call.
  func execute(_ frame: UnsafeMutablePointer<mezzo_exec_args>) -> mezzo_status
}

/// A constant operand that a prepared operation wants in a form of its own.
public struct Packing: Sendable, Hashable {
  public var operand: Int
  public var bytes: Int
  /// Equal keys mean equal packed forms of equal operands.
  public var key: [UInt64]

  public init(operand: Int, bytes: Int, key: [UInt64]) {
    self.operand = operand
    self.bytes = bytes
    self.key = key
  }
}
