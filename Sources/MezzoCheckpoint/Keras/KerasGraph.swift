import MezzoLayers
import MezzoPolicy

/// The connections of a Keras `Functional`: which layer is called with what, how often, and what comes out.
struct KerasGraph {
  /// A call of a layer in the file, as `inbound_nodes` has it.
  private struct Node {
    var layer: String
    var index: Int
    var arguments: JSONValue
  }

  private let place: String
  private let layers: [String: any Layer]
  /// By layer and number of the call.
  private var outputs: [String: [Int: LayerOutput]] = [:]
  private var problems: [String] = []

  /// - Parameter layers: those that were made, by name; a layer that could not be made is not among them.
  init(_ layers: [String: any Layer], place: String) {
    self.layers = layers
    self.place = place
  }

  /// The model of these layers.
  ///
  /// - Parameter config: of the `Functional`.
  static func model(
    _ config: JSONValue, _ layers: [String: any Layer], place: String, name: String?, policy: DTypePolicy,
    _ problems: inout [String]
  ) -> (model: Functional, inputs: [String])? {
    var graph = KerasGraph(layers, place: place)
    let found = graph.model(config, name: name, policy: policy)
    problems += graph.problems
    return graph.problems.isEmpty ? found : nil
  }

  private mutating func model(
    _ config: JSONValue, name: String?, policy: DTypePolicy
  ) -> (model: Functional, inputs: [String])? {
    var open: [Node] = []
    for layer in config["layers"]?.array ?? [] {
      guard let name = layer["name"]?.string, let nodes = layer["inbound_nodes"]?.array else {
        problems.append("\(place) expected a name and inbound_nodes for each layer")
        return nil
      }
      if layer["class_name"]?.string == "InputLayer" {
        outputs[name] = [0: LayerOutput.input(name)]
      } else {
        open += nodes.enumerated().map { Node(layer: name, index: $0, arguments: $1) }
      }
    }
    // A call can be made when all that it takes is there; a shared layer may be called again with what came of it.
    while !open.isEmpty {
      let before = open.count
      open = open.filter { !connect($0) }
      guard problems.isEmpty else { return nil }
      guard open.count < before else {
        problems.append("\(place): the calls of \(Set(open.map(\.layer)).sorted()) take what no call gives")
        return nil
      }
    }
    let inputs = Self.references(config["input_layers"]).compactMap { $0.array?.first?.string }
    guard let outputs = tree(config["output_layers"]), !inputs.isEmpty else {
      problems.append("\(place) expected input_layers and output_layers that are there")
      return nil
    }
    do throws(LayerError) {
      let starts = inputs.compactMap { self.outputs[$0]?[0] }
      return (try Functional(inputs: starts, outputs: outputs, name: name, policy: policy), inputs)
    } catch {
      problems.append("\(place): \(error)")
      return nil
    }
  }

  /// Makes a call.
  ///
  /// - Returns: false where something that it takes is not there yet.
  private mutating func connect(_ node: Node) -> Bool {
    guard let layer = layers[node.layer] else { return true }
    guard let positional = node.arguments["args"]?.array, let named = node.arguments["kwargs"]?.object else {
      problems.append("\(place): layer \(node.layer) expected inbound_nodes with args and kwargs")
      return true
    }
    var arguments = Arguments<LayerOutput>(positional: [])
    var made: any Layer = layer
    for value in positional {
      guard let tree = argument(value, node.layer) else { return false }
      arguments.positional.append(tree)
    }
    // What was passed by the name of a position comes in its order.
    for name in ["query", "value", "key", "inputs", "sequence", "sequences"] {
      guard let value = named.first(where: { $0.name == name })?.value, !value.isNull else { continue }
      guard let tree = argument(value, node.layer) else { return false }
      arguments.positional.append(tree)
    }
    for member in named where !member.value.isNull {
      switch (member.name, member.value) {
      case ("query", _), ("value", _), ("key", _), ("inputs", _), ("sequence", _), ("sequences", _): break
      case (_, .bool(false)): break
      // The way is told by what comes, vectors or integers.
      case ("reverse", .bool(true)) where layer is ReversibleEmbedding: break
      case ("use_causal_mask", .bool(true)): made = causal(made, node.layer)
      case ("mask", _), ("attention_mask", _):
        guard let tree = argument(member.value, node.layer) else { return false }
        arguments.named[member.name] = tree
      default:
        problems.append("\(place): layer \(node.layer) is called with \(member.name), which Mezzo does not have")
      }
    }
    outputs[node.layer, default: [:]][node.index] = made(arguments)
    return true
  }

  private mutating func causal(_ layer: any Layer, _ name: String) -> any Layer {
    switch layer {
    case var attention as MultiHeadAttention:
      attention.isCausal = true
      return attention
    case var attention as GroupedQueryAttention:
      attention.isCausal = true
      return attention
    case var attention as Attention:
      attention.isCausal = true
      return attention
    case var attention as AdditiveAttention:
      attention.isCausal = true
      return attention
    default:
      problems.append("\(place): layer \(name) is called with use_causal_mask, which Mezzo does not have for it")
      return layer
    }
  }

  /// An argument of a call; `nil` where something in it is not there yet.
  private mutating func argument(_ value: JSONValue, _ layer: String) -> Tree<LayerOutput>? {
    switch value {
    case .null: return Tree.none
    case .array(let elements):
      var trees: [Tree<LayerOutput>] = []
      for element in elements {
        guard let tree = argument(element, layer) else { return nil }
        trees.append(tree)
      }
      return .array(trees)
    case .object where value["class_name"]?.string == "__keras_tensor__":
      return value["config"]?["keras_history"].flatMap(reference).map { .tensor($0) }
    default:
      problems.append("\(place): layer \(layer) is called with \(value.kind), expected tensors alone")
      return Tree.none
    }
  }

  /// `["name", call, output]`
  private func reference(_ history: JSONValue) -> LayerOutput? {
    guard let parts = history.array, parts.count == 3, let name = parts[0].string, let call = parts[1].integer,
      let index = parts[2].integer, let output = outputs[name]?[call]
    else { return nil }
    if layers[name].map(Self.givesSeveral) ?? false { return output[index] }
    return index == 0 ? output : nil
  }

  private static func givesSeveral(_ layer: any Layer) -> Bool {
    switch layer {
    case let layer as any RecurrentLayer: layer.returnState
    case let layer as Bidirectional: layer.layer.returnState
    case let layer as Functional:
      switch layer.outputs {
      case .array: true
      default: false
      }
    default: false
    }
  }

  /// One reference, or several in a list.
  private static func references(_ value: JSONValue?) -> [JSONValue] {
    guard let value, let elements = value.array else { return [] }
    return elements.first?.string == nil ? elements : [value]
  }

  private func tree(_ value: JSONValue?) -> Tree<LayerOutput>? {
    guard let value, let elements = value.array, !elements.isEmpty else { return nil }
    if elements.first?.string != nil { return reference(value).map { .tensor($0) } }
    let outputs = elements.map(reference)
    return outputs.contains { $0 == nil } ? nil : .array(outputs.compactMap { $0.map { .tensor($0) } })
  }
}

extension JSONValue {
  fileprivate var isNull: Bool { if case .null = self { true } else { false } }
}
