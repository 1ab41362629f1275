public import MezzoBackend
import MezzoGraph
import MezzoPolicy

/// Why a graph could not be planned or run.
public enum RuntimeError: Error, Sendable, CustomStringConvertible {
  case noRoute(layer: String, request: OperationRequest, reasons: [String])
  case inputCount(expected: Int, found: Int)
  case inputType(name: String, expected: TensorType, found: TensorType)
  /// What the user wants of routing, or forbids, cannot be had.
  case routing(RoutingError)
  case backend(layer: String, operation: String, BackendError)

  static func outOfMemory(bytes: Int, for purpose: String, layer: String = "", operation: String = "run")
    -> RuntimeError
  {
    .backend(
      layer: layer, operation: operation,
      BackendError(
        backend: "host", kind: .outOfMemory,
        message: "\(purpose) needs \(bytes) bytes; use a smaller batch or a narrower dtype"))
  }

  public var description: String {
    switch self {
    case .noRoute(let layer, let request, let reasons):
      "\(Self.place(layer))no backend takes \(request); \(reasons.joined(separator: "; "))"
    case .routing(let error): "\(error)"
    case .inputCount(let expected, let found): "the plan takes \(expected) tensors, \(found) came"
    case .inputType(let name, let expected, let found): "input \(name) is planned as \(expected), \(found) came"
    case .backend(let layer, let operation, let error): "\(Self.place(layer))\(operation): \(error)"
    }
  }

  private static func place(_ layer: String) -> String { layer.isEmpty ? "" : "layer \(layer): " }
}
