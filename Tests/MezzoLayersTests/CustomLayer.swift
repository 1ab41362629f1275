import MezzoGraph
import MezzoLayers
import MezzoPolicy

/// A layer whose call a test writes down. Sound to share: each is traced by the test that made it, on its thread.
struct CustomLayer: Layer, @unchecked Sendable {
  var policy: DTypePolicy
  var autocast: Bool
  var building: (LayerContext) throws -> Void
  var body: (SymbolicTensor, LayerContext) throws -> SymbolicTensor

  init(
    _ policy: DTypePolicy = .float32, autocast: Bool = true,
    building: @escaping (LayerContext) throws -> Void = { _ in },
    body: @escaping (SymbolicTensor, LayerContext) throws -> SymbolicTensor
  ) {
    self.policy = policy
    self.autocast = autocast
    self.building = building
    self.body = body
  }

  func build(_ context: LayerContext) throws { try building(context) }

  func call(_ input: SymbolicTensor, _ context: LayerContext) throws -> SymbolicTensor { try body(input, context) }

  init(from decoder: any Decoder) throws {
    throw DecodingError.dataCorrupted(.init(codingPath: [], debugDescription: "a closure cannot be read"))
  }

  func encode(to encoder: any Encoder) throws {}
}

/// A layer of any inputs and outputs whose call a test writes down.
struct StructuredLayer: Layer, @unchecked Sendable {
  var policy: DTypePolicy
  var autocast = true
  var body: (LayerInputs, LayerContext) throws -> TensorTree

  init(
    _ policy: DTypePolicy = .float32, autocast: Bool = true,
    body: @escaping (LayerInputs, LayerContext) throws -> TensorTree
  ) {
    self.policy = policy
    self.autocast = autocast
    self.body = body
  }

  func call(_ inputs: LayerInputs, _ context: LayerContext) throws -> TensorTree { try body(inputs, context) }

  init(from decoder: any Decoder) throws {
    throw DecodingError.dataCorrupted(.init(codingPath: [], debugDescription: "a closure cannot be read"))
  }

  func encode(to encoder: any Encoder) throws {}
}
