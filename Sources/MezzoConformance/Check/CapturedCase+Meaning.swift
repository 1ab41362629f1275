import MezzoBackend
public import MezzoCheckpoint
import MezzoPlugins
import MezzoPolicy
public import MezzoRuntime

extension CapturedCase {
  /// Reads a case and checks that its operation has a meaning: that the built-in backend, which computes every operation,
  /// would prepare it. Nothing is executed.
  public init(checked path: String) throws(CheckpointError) {
    try self.init(contentsOf: path)
    if let defect = epilogueDefect ?? meaningDefect { throw .malformedCase(path: path, reason: defect) }
  }

  /// Inputs that belong to epilogue steps have to stand last, each once, in their order, and fit the result.
  private var epilogueDefect: String? {
    let own = request.ownInputCount
    guard own >= 0, request.epilogue.compactMap(\.operand) == Array(own..<max(own, request.inputs.count)) else {
      return "the operands of its epilogue are not its last inputs, one after the other"
    }
    guard !request.epilogue.isEmpty else { return nil }
    guard request.code == .matmul, let result = request.results.first else {
      return "an epilogue stands behind products alone, not behind \(request.code)"
    }
    for step in request.epilogue {
      guard let index = step.operand else { continue }
      let shape = request.inputs[index].shape
      let expected: [Int] = if case .bias = step { Array(result.shape.suffix(1)) } else { result.shape }
      guard shape == expected else { return "the operand of \(step) has the shape \(shape), expected \(expected)" }
      guard request.inputs[index].dtype.isFloatingPoint else { return "the operand of \(step) is no float" }
    }
    for case .cast(let dtype) in request.epilogue where !dtype.isFloatingPoint || dtype.byteWidth == nil {
      return "its epilogue casts to \(dtype.name), expected a float"
    }
    return nil
  }

  private var meaningDefect: String? {
    guard let builtin = BackendRegistry.builtin().backends.first else { return nil }
    var plain = request
    plain.inputs = Array(request.ownInputs)
    plain.epilogue = []
    plain.numerics = .any
    for index in plain.inputs.indices { plain.inputs[index].isConstant = false }
    // Dtypes that it does not combine say nothing about the shapes.
    var wide = plain
    wide.accumulator = .float32
    for index in wide.inputs.indices where wide.inputs[index].dtype.isFloatingPoint {
      wide.inputs[index].dtype = .float32
    }
    for index in wide.results.indices where wide.results[index].dtype.isFloatingPoint {
      wide.results[index].dtype = .float32
    }
    guard let reason = Self.refusal(plain, builtin) else { return nil }
    return Self.refusal(wide, builtin) == nil ? nil : "\(request) has no meaning: \(reason)"
  }

  private static func refusal(_ request: OperationRequest, _ builtin: any Backend) -> String? {
    var reason = "there is no rule for \(request.code)"
    for rule in builtin.rules where rule.code == request.code {
      if case .differs(_, let message) = rule.match(request, threads: 1) {
        reason = message
        continue
      }
      do throws(BackendError) {
        _ = try builtin.prepare(request, rule: rule, threads: 1)
        return nil
      } catch {
        reason = error.message
      }
    }
    return reason
  }
}
