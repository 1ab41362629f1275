import MezzoBackend
import MezzoGraph
import MezzoLayers
import MezzoPolicy

/// A layer whose call a group writes down.
///
/// Sound to share: each is traced by the case that made it, one call at a time.
struct LayerProbe: Layer, @unchecked Sendable {
  var policy: DTypePolicy
  var autocast: Bool
  private let building: (LayerContext) throws -> Void
  private let body: (LayerInputs, LayerContext) throws -> TensorTree

  init(
    _ policy: DTypePolicy, autocast: Bool = true, building: @escaping (LayerContext) throws -> Void = { _ in },
    body: @escaping (LayerInputs, LayerContext) throws -> TensorTree
  ) {
    self.policy = policy
    self.autocast = autocast
    self.building = building
    self.body = body
  }

  func build(_ context: LayerContext) throws { try building(context) }

  func call(_ inputs: LayerInputs, _ context: LayerContext) throws -> TensorTree { try body(inputs, context) }

  /// One call of a model that is nothing but this layer; nothing is computed.
  @discardableResult
  func trace(_ inputs: Arguments<TensorType> = Arguments(.tensor(TensorType(.float32, [2, 3])))) throws -> TracedCall {
    try TracedCall(Model(self), inputs: inputs, isTraining: true) { _ in .constant }
  }

  init(from decoder: any Decoder) throws {
    throw DecodingError.dataCorrupted(.init(codingPath: [], debugDescription: "expected a layer, found a closure"))
  }

  func encode(to encoder: any Encoder) throws {}
}
