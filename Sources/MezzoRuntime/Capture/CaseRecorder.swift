public import MezzoBackend
public import MezzoGraph
import MezzoPolicy

/// Keeps operations of a running model, with their operands and results, for a backend's author to repeat.
///
/// ```swift
/// let recorder = CaseRecorder(.init(layer: PathPattern("*dense_1"), operation: .matmul))
/// let model = Model(runtime: Runtime(recorder: recorder)) { … }
/// _ = try model(x)
/// try recorder.cases.first?.write(to: "bug.mezzocase")
/// ```
/// What is kept costs copies; when it has all it is to keep, runs cost what they always do.
public final class CaseRecorder: Sendable {
  /// Which executions are kept.
  public struct Selection: Sendable, Hashable {
    /// The paths of layers; `nil`: all.
    public var layer: PathPattern?
    public var operation: OperationCode?
    public var phase: Graph.Phase?
    /// The id of the backend that computes it.
    public var backend: String?
    /// How many that fit are passed over first.
    public var first: Int
    /// How many are kept.
    public var limit: Int

    public init(
      layer: PathPattern? = nil, operation: OperationCode? = nil, phase: Graph.Phase? = nil, backend: String? = nil,
      first: Int = 0, limit: Int = 1
    ) {
      self.layer = layer
      self.operation = operation
      self.phase = phase
      self.backend = backend
      self.first = max(first, 0)
      self.limit = max(limit, 0)
    }
  }

  public let selection: Selection
  private let state = Locked(State())

  private struct State {
    var cases: [CapturedCase] = []
    var matches = 0
    var passedBy: Set<String> = []
    var leftOut: Set<String> = []
  }

  public init(_ selection: Selection = Selection()) { self.selection = selection }

  /// In the order in which they were executed.
  public var cases: [CapturedCase] { state.withLock { $0.cases } }

  /// Whether there is nothing more to keep.
  public var isFull: Bool { state.withLock { $0.cases.count >= selection.limit } }

  /// Of operations that fit and cannot be kept: which, and why. In order.
  public var leftOut: [String] { state.withLock { $0.leftOut.sorted() } }

  /// Executions that fit the selection so far, kept or not; counted until the recorder is full.
  public var matches: Int { state.withLock { $0.matches } }

  /// Of operations that ran and did not fit: `layer matmul forward on builtin`, for whoever selected nothing. In order.
  public var passedBy: [String] { state.withLock { $0.passedBy.sorted() } }
}

extension CaseRecorder: StepObserver {
  func wants(_ step: StepLayout) -> Bool {
    let fits =
      (selection.layer?.matches(step.origin.layer) ?? true)
      && step.request.code == selection.operation ?? step.request.code
      && step.origin.phase == selection.phase ?? step.origin.phase
      && step.backend == selection.backend ?? step.backend
    return state.withLock { state in
      guard state.cases.count < selection.limit else { return false }
      if fits {
        state.matches += 1
        return state.matches > selection.first
      }
      // As many as an error message has use for.
      if state.passedBy.count < 200 {
        state.passedBy.insert(
          "\(step.origin.layer.isEmpty ? "(no layer)" : step.origin.layer) \(step.request.code) \(step.origin.phase) on "
            + step.backend)
      }
      return false
    }
  }

  func look(_ step: StepLayout, _ operands: [Tensor], _ results: [Tensor]) {
    do throws(CapturedCase.Obstacle) {
      let found = try CapturedCase(step, operands, results)
      state.withLock { state in
        if state.cases.count < selection.limit { state.cases.append(found) }
      }
    } catch {
      state.withLock { _ = $0.leftOut.insert("\(step.request): \(error.reason)") }
    }
  }
}

extension CapturedCase {
  /// Why an execution cannot be kept.
  struct Obstacle: Error {
    var reason: String
  }

  init(_ step: StepLayout, _ operands: [Tensor], _ results: [Tensor]) throws(Obstacle) {
    guard operands.count == step.request.inputs.count, results.count == step.request.results.count else {
      throw Obstacle(reason: "an operand is held by its backend alone")
    }
    func bytes(_ tensor: Tensor, _ operand: Operand) throws(Obstacle) -> [UInt8] {
      if operand.quantization != nil { throw Obstacle(reason: "\(operand.type) is quantized, which cases do not hold") }
      if operand.packKey != nil { throw Obstacle(reason: "\(operand.type) is packed, which cases do not hold") }
      guard let span = operand.checkedSpan, span <= tensor.byteCount else {
        throw Obstacle(reason: "elements of \(operand.type) are less than a byte")
      }
      return tensor.withUnsafeBytes { Array($0.prefix(span)) }
    }
    var (inputs, made): ([[UInt8]], [[UInt8]]) = ([], [])
    for (tensor, operand) in zip(operands, step.request.inputs) { inputs.append(try bytes(tensor, operand)) }
    for (tensor, operand) in zip(results, step.request.results) { made.append(try bytes(tensor, operand)) }
    self.init(
      request: step.request, operands: inputs, results: made,
      source: Source(
        layer: step.origin.layer, phase: step.origin.phase, backend: step.substitute.report?.substitute ?? step.backend,
        backendVersion: step.substitute.report == nil ? step.backendVersion : "",
        rule: step.substitute.report == nil ? step.rule : "", threads: step.threads))
  }
}
