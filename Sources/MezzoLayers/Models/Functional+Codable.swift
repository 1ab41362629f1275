import MezzoPolicy

extension Functional: Codable {
  private enum Key: String, CodingKey { case inputs, layers, calls, outputs, name, policy, sublayerPolicy }

  private struct NamedLayer: Codable {
    var name: String
    var layer: AnyLayer
  }

  /// - Throws: ``LayerError/functional(expected:found:)`` for calls of layers that are not there, or with what later calls give.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: Key.self)
    inputs = try container.decode([Input].self, forKey: .inputs)
    layers = try container.decode([NamedLayer].self, forKey: .layers).map { ($0.name, $0.layer.layer) }
    calls = try container.decode([Call].self, forKey: .calls)
    outputs = try container.decode(Tree<Reference>.self, forKey: .outputs)
    name = try container.decodeIfPresent(String.self, forKey: .name)
    policy = try container.decode(DTypePolicy.self, forKey: .policy)
    sublayerPolicy = try container.decodeIfPresent(SublayerPolicy.self, forKey: .sublayerPolicy) ?? .own
    try check()
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: Key.self)
    try container.encode(inputs, forKey: .inputs)
    try container.encode(layers.map { NamedLayer(name: $0.name, layer: AnyLayer($0.layer)) }, forKey: .layers)
    try container.encode(calls, forKey: .calls)
    try container.encode(outputs, forKey: .outputs)
    try container.encodeIfPresent(name, forKey: .name)
    try container.encode(policy, forKey: .policy)
    try container.encode(sublayerPolicy, forKey: .sublayerPolicy)
  }

  /// Whether everything that is referred to is there.
  func check() throws(LayerError) {
    let names = layers.map(\.name)
    for (what, names) in [("inputs", inputs.map(\.name)), ("layers", names)] {
      guard Set(names).count == names.count, !names.contains("") else {
        throw .functional(expected: "\(what) of different names", found: "\(names)")
      }
    }
    for (place, call) in calls.enumerated() {
      guard names.contains(call.layer) else {
        throw .functional(expected: "calls of the layers \(names)", found: "one of \(call.layer)")
      }
      try check(call.inputs.leaves, before: place)
    }
    try check(outputs.leaves, before: calls.count)
  }

  private func check(_ references: [Reference?], before place: Int) throws(LayerError) {
    for reference in references.compactMap({ $0 }) {
      let isThere =
        switch reference.source {
        case .input(let index): inputs.indices.contains(index)
        case .call(let index): (0..<place).contains(index)
        }
      guard isThere else {
        throw .functional(expected: "inputs and outputs of earlier calls", found: "\(reference.source)")
      }
    }
  }
}
