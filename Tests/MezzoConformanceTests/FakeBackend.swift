import CMezzoABI
import MezzoBackend
import MezzoPolicy
import Synchronization

/// A backend in Swift with one rule, which does what a test tells it to.
final class FakeBackend: Backend {
  typealias Kernel = @Sendable (borrowing Call) -> Void

  let id = "fake"
  let version = "1"
  let origin = "the tests"
  let rules: [Rule]
  private let kernel: Kernel
  private let packedBytes: Int
  private let consumedEpilogue: Int
  private let declines: Bool
  private let takesAttributes: Bool

  init(
    _ code: OperationCode, _ signature: String, when: String? = nil,
    traits: Rule.Traits = [.deterministic, .reentrant],
    accumulator: DType = .float32, packedBytes: Int = 0, consumedEpilogue: Int = 0, declines: Bool = false,
    takesAttributes: Bool = false, kernel: @escaping Kernel
  ) throws {
    let signature = try RuleSignature(parsing: signature)
    rules = [
      Rule(
        name: "fake", code: code, signature: signature,
        condition: try when.map { try RuleExpression(parsing: $0, signature: signature, code: code) },
        accumulator: accumulator, traits: traits, index: 0)
    ]
    self.kernel = kernel
    self.packedBytes = packedBytes
    self.consumedEpilogue = consumedEpilogue
    self.declines = declines
    self.takesAttributes = takesAttributes
  }

  func prepare(
    _ request: OperationRequest, rule: Rule, threads: Int
  ) throws(BackendError) -> any PreparedOperation {
    if declines { throw BackendError(backend: id, kind: .declined(.shape), message: "not today") }
    if let attribute = request.attributes.first, !takesAttributes {
      throw BackendError(backend: id, kind: .declined(.attribute), message: "it does not know \(attribute.name)")
    }
    return Prepared(
      request: request, kernel: kernel, packedBytes: request.inputs.contains(where: \.isConstant) ? packedBytes : 0,
      consumedEpilogue: consumedEpilogue)
  }

  private final class Prepared: PreparedOperation {
    let workspaceBytes = 16
    let packing: Packing?
    let consumedEpilogue: Int
    private let request: OperationRequest
    private let kernel: Kernel

    init(request: OperationRequest, kernel: @escaping Kernel, packedBytes: Int, consumedEpilogue: Int) {
      self.consumedEpilogue = consumedEpilogue
      self.request = request
      self.kernel = kernel
      packing = packedBytes == 0 ? nil : Packing(operand: 1, bytes: packedBytes, key: [0, 0])
    }

    /// Writes all bytes but the last.
    func pack(_ source: UnsafePointer<mezzo_tensor>, into destination: UnsafeMutableRawPointer) {
      for byte in 0..<((packing?.bytes ?? 1) - 1) { destination.storeBytes(of: 7, toByteOffset: byte, as: UInt8.self) }
    }

    func execute(_ frame: UnsafeMutablePointer<mezzo_exec_args>) -> mezzo_status {
      kernel(Call(request: request, arguments: frame))
      return mezzo_status(MEZZO_OK)
    }
  }
}

/// The operands of an execution, float32 unless a kernel reads their bytes itself.
struct Call {
  let request: OperationRequest
  let arguments: UnsafeMutablePointer<mezzo_exec_args>

  var workspace: UnsafeMutableRawPointer? { arguments.pointee.workspace }
  func input(_ index: Int) -> View { View(tensor: arguments.pointee.in.at[index]) }
  /// A float attribute, or its default.
  func number(_ name: String) -> Float {
    if case .float(let value)? = request.attribute(name) { Float(value) } else { .nan }
  }
  var result: View { View(tensor: arguments.pointee.out.at[0]) }

  struct View {
    let tensor: mezzo_tensor

    var shape: [Int] { (0..<Int(tensor.ndim)).map { Int(tensor.shape[$0]) } }
    var data: UnsafeMutablePointer<Float> { tensor.data.assumingMemoryBound(to: Float.self) }

    /// Of the elements in row-major order.
    var offsets: [Int] {
      var offsets = [0]
      for axis in 0..<Int(tensor.ndim) {
        let (extent, stride) = (Int(tensor.shape[axis]), Int(tensor.strides[axis]))
        offsets = offsets.flatMap { offset in (0..<extent).map { offset + $0 * stride } }
      }
      return offsets
    }

    var values: [Float] { offsets.map { data[$0] } }
    func write(_ values: [Float]) { for (offset, value) in zip(offsets, values) { data[offset] = value } }
  }
}

func sum(_ call: borrowing Call) -> [Float] { zip(call.input(0).values, call.input(1).values).map { $0 + $1 } }
