public import MezzoGraph
public import MezzoPolicy

/// A layer applied to every step: `[batch, steps, …] -> [batch, steps, …]`, as if the steps were a batch. The layer's
/// own policy decides the dtype of the output. A mask of the steps is the output's; one of places within steps is the
/// layer's, and steps with none of them are masked.
///
/// ```swift
/// let perStep = TimeDistributed(Dense(10))
/// let output = try Model(perStep)(Tensor(zeros: TensorType(.float32, [2, 5, 8])))  // float32[2, 5, 10]
/// ```
public struct TimeDistributed: Layer {
  public var layer: any Layer
  public var name: String?
  public let policy: DTypePolicy

  /// - Parameter policy: by default the one in effect here.
  public init(_ layer: any Layer, name: String? = nil, policy: DTypePolicy? = nil) {
    self.layer = layer
    self.name = name
    self.policy = policy ?? globalPolicy()
  }

  public func call(_ input: SymbolicTensor, _ context: LayerContext) throws -> SymbolicTensor {
    guard input.rank >= 2 else {
      throw LayerError.inputShape(layer: context.path, expected: "[batch, steps, …]", found: input.shape)
    }
    let (batch, steps) = (input.shape[0], input.shape[1])
    let flat = try input.reshaped([batch * steps] + input.shape[2...])
    let mask = context.mask(of: input)
    if let mask, mask.rank > 2 {
      context.setMask(try mask.reshaped([batch * steps] + mask.shape[2...]), of: flat)
    }
    let output = try context.call(layer, flat, name: layer.name ?? type(of: layer).defaultName)
    guard output.shape.first == batch * steps else {
      throw LayerError.outputs(layer: context.path, found: "a layer's output \(output.type) without its batch")
    }
    let result = try output.reshaped([batch, steps] + output.shape[1...])
    if let mask { context.setMask(try mask.rank > 2 ? mask.anyBehind(axes: 2) : mask, of: result) }
    return result
  }
}

/// A recurrent layer that goes through its sequence from the front, and another from the back: `[batch, steps,
/// features] -> [batch, 2 · units]`, or what `mergeMode` makes of the two. Sublayers `forward_layer` and
/// `backward_layer`.
///
/// ```swift
/// let both = Bidirectional(LSTM(32, returnSequences: true))
/// let output = try Model(both)(Tensor(zeros: TensorType(.float32, [2, 10, 8])))  // float32[2, 10, 64]
/// ```
public struct Bidirectional: Layer {
  /// What becomes of the two outputs.
  public enum MergeMode: String, Codable, Sendable, Hashable, CaseIterable {
    case concat, sum
    case product = "mul"
    case average = "ave"
  }

  public var layer: any RecurrentLayer
  public var mergeMode: MergeMode
  public var name: String?
  public let policy: DTypePolicy

  /// - Parameter policy: by default the one in effect here.
  public init(
    _ layer: any RecurrentLayer, mergeMode: MergeMode = .concat, name: String? = nil, policy: DTypePolicy? = nil
  ) {
    self.layer = layer
    self.mergeMode = mergeMode
    self.name = name
    self.policy = policy ?? globalPolicy()
  }

  /// With `returnState`, the states of the layer from the front and then those of the other follow the output.
  public func call(_ inputs: LayerInputs, _ context: LayerContext) throws -> TensorTree {
    var back = layer
    back.goBackwards.toggle()
    let outputs = try [(layer, "forward_layer"), (back, "backward_layer")].map { layer, name in
      let output = try context.call(layer, inputs, name: name)
      if case .array(let elements) = output { return elements.compactMap(\.tensor) }
      return output.tensor.map { [$0] } ?? []
    }
    guard outputs.allSatisfy({ !$0.isEmpty }) else {
      throw LayerError.outputs(layer: context.path, found: "a recurrent layer's output that is no tensor")
    }
    let first = outputs[0][0]
    // What comes last from the back stands first in the sequence.
    context.fromTheBack[context.joined("backward_layer")] = nil
    let second = try layer.returnSequences ? outputs[1][0].reversed(axes: [1]) : outputs[1][0]
    let merged =
      switch mergeMode {
      case .concat: try first.concatenated(with: second, axis: -1)
      case .sum: try first + second
      case .product: try first * second
      case .average: try (first + second) / 2
      }
    if layer.returnSequences { context.setMask(context.mask(of: first), of: merged) }
    guard layer.returnState else { return .tensor(merged) }
    return .array(([merged] + outputs[0].dropFirst() + outputs[1].dropFirst()).map { .tensor($0) })
  }
}

extension TimeDistributed: Codable {
  private enum Key: String, CodingKey { case layer, name, policy }

  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: Key.self)
    layer = try container.decode(AnyLayer.self, forKey: .layer).layer
    name = try container.decodeIfPresent(String.self, forKey: .name)
    policy = try container.decode(DTypePolicy.self, forKey: .policy)
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: Key.self)
    try container.encode(AnyLayer(layer), forKey: .layer)
    try container.encodeIfPresent(name, forKey: .name)
    try container.encode(policy, forKey: .policy)
  }
}

extension Bidirectional: Codable {
  private enum Key: String, CodingKey { case layer, mergeMode, name, policy }

  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: Key.self)
    let inner = try container.decode(AnyLayer.self, forKey: .layer).layer
    guard let recurrent = inner as? any RecurrentLayer else {
      throw DecodingError.dataCorruptedError(
        forKey: .layer, in: container,
        debugDescription: "expected a recurrent layer, found \(type(of: inner).className)")
    }
    layer = recurrent
    mergeMode = try container.decode(MergeMode.self, forKey: .mergeMode)
    name = try container.decodeIfPresent(String.self, forKey: .name)
    policy = try container.decode(DTypePolicy.self, forKey: .policy)
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: Key.self)
    try container.encode(AnyLayer(layer), forKey: .layer)
    try container.encode(mergeMode, forKey: .mergeMode)
    try container.encodeIfPresent(name, forKey: .name)
    try container.encode(policy, forKey: .policy)
  }
}
