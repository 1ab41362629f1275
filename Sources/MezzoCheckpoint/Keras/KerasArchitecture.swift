import MezzoBackend
import MezzoLayers
import MezzoPolicy

/// The model that a `config.json` of Keras 3 describes.
struct KerasArchitecture {
  private(set) var layer: any Layer = Sequential([])
  /// What the model is called with; extents that the file leaves open, batches but for the first axis, are `nil`.
  private(set) var inputs: [Input] = []
  /// The layers of each functional model in Keras's order, by its path here.
  private(set) var orders: [String: [Member]] = [:]
  /// The paths of layers that training leaves as they are.
  private(set) var frozen: [String] = []
  private var problems: [String] = []
  private let policy: DTypePolicy?

  struct Input {
    var dtype: DType
    var shape: [Int?]

    /// With `extent` for what is open; the batch is 1.
    func type(open extent: Int) -> TensorType {
      TensorType(dtype, shape.enumerated().map { $1 ?? ($0 == 0 ? 1 : extent) })
    }
  }

  /// A layer of a functional model.
  struct Member: Equatable {
    var name: String
    var className: String
  }

  /// Deeper than models are nested.
  private static let depthLimit = 16
  private static let containers: Set = ["Sequential", "Functional", "Model"]

  /// - Parameter policy: what all layers follow, whatever the file says.
  init(_ text: JSONValue, policy: DTypePolicy?, path: String) throws(CheckpointError) {
    self.policy = policy
    let made = model(text, at: "", depth: 0)
    if usesMasks(text), zeroesMaskedSteps(text) {
      problems.append("zero_output_for_mask is true for a layer behind a mask, which Mezzo does not have")
    }
    guard let made, problems.isEmpty else { throw .mismatch(path: path, problems: problems) }
    layer = made.layer
    inputs = made.inputs
  }

  private mutating func model(
    _ value: JSONValue, at path: String, depth: Int
  ) -> (layer: any Layer, inputs: [Input])? {
    let className = value["class_name"]?.string ?? value.kind
    let name = value["config"]?["name"]?.string
    let place = "model \(name ?? "without a name")"
    guard Self.containers.contains(className), let config = value["config"], let layers = config["layers"]?.array else {
      problems.append(
        "\(place) is of the class \(className), expected Sequential or Functional with its layers: what a class of one's own "
          + "does is not in the file; write the model with Mezzo's layers and call loadKerasWeights(from:)")
      return nil
    }
    guard depth < Self.depthLimit else {
      problems.append("\(place) is nested more than \(Self.depthLimit) times")
      return nil
    }
    if config["trainable"]?.bool == false { frozen.append(path) }
    var given: [(name: String, input: Input)] = []
    var made: [(name: String, layer: any Layer)] = []
    var members: [Member] = []
    for layer in layers {
      let className = layer["class_name"]?.string ?? ""
      let name = layer["config"]?["name"]?.string ?? layer["name"]?.string ?? ""
      if className == "InputLayer" {
        if let input = input(layer) { given.append((name, input)) }
        continue
      }
      members.append(Member(name: name, className: className))
      let inner = path.isEmpty ? name : "\(path).\(name)"
      if Self.containers.contains(className) {
        guard let model = model(layer, at: inner, depth: depth + 1) else { continue }
        made.append((name, model.layer))
        // What is inside begins with the input that comes from outside.
        if given.isEmpty, className == "Sequential" || members.count == 1 { given += model.inputs.map { (name, $0) } }
      } else if let layer = self.layer(layer, at: inner) {
        made.append((name, layer))
      }
    }
    let ownName = depth == 0 ? nil : name
    if className == "Sequential" {
      if given.isEmpty, let input = builtInput(value) { given.append(("", input)) }
      return (Sequential(made.map(\.layer), name: ownName, policy: policy ?? .float32), given.map(\.input))
    }
    orders[path] = members
    let byName = Dictionary(made.map { ($0.name, $0.layer) }) { first, _ in first }
    guard problems.isEmpty,
      let graph = KerasGraph.model(
        config, byName, place: place, name: ownName, policy: policy ?? .float32, &problems)
    else { return nil }
    let inputs = graph.inputs.compactMap { name in given.first { $0.name == name }?.input }
    return (graph.model, inputs)
  }

  private mutating func layer(_ value: JSONValue, at path: String) -> (any Layer)? {
    if value["config"]?["trainable"]?.bool == false { frozen.append(path) }
    return KerasLayers.layer(value, policy: policy, &problems)
  }

  /// What an input layer says comes in.
  private mutating func input(_ value: JSONValue) -> Input? {
    let config = value["config"]
    let dtype = config?["dtype"]?.string ?? config?["dtype"]?["config"]?["name"]?.string ?? "float32"
    guard let shape = config?["batch_shape"]?.array ?? config?["batch_input_shape"]?.array,
      shape.allSatisfy({ KerasConfiguration.isExtent($0.integer ?? 0) }), let dtype = try? DType(name: dtype)
    else {
      problems.append("input layer \(config?["name"]?.string ?? "?") expected a batch_shape and a dtype")
      return nil
    }
    return Input(dtype: dtype, shape: shape.map(\.integer))
  }

  /// The input that a Sequential without an input layer was built for.
  private func builtInput(_ value: JSONValue) -> Input? {
    let shape = value["build_config"]?["input_shape"]?.array ?? value["config"]?["build_input_shape"]?.array
    guard let shape, shape.allSatisfy({ KerasConfiguration.isExtent($0.integer ?? 0) }) else { return nil }
    return Input(dtype: .float32, shape: shape.map(\.integer))
  }

  /// Whether a layer anywhere in `value` makes masks.
  private func usesMasks(_ value: JSONValue) -> Bool {
    value.contains { $0["mask_zero"]?.bool == true || $0["class_name"]?.string == "Masking" }
  }

  /// Whether a recurrent layer gives 0 for steps that are masked, where Mezzo's give the step before.
  private func zeroesMaskedSteps(_ value: JSONValue) -> Bool {
    value.contains { $0["zero_output_for_mask"]?.bool == true && $0["return_sequences"]?.bool == true }
  }
}

extension JSONValue {
  /// Whether any object in it fulfils a condition.
  fileprivate func contains(_ condition: (JSONValue) -> Bool) -> Bool {
    switch self {
    case .array(let elements): elements.contains { $0.contains(condition) }
    case .object(let members): condition(self) || members.contains { $0.value.contains(condition) }
    default: false
    }
  }
}
