import MezzoBackend
import MezzoLayers
import MezzoPolicy

/// The model that a `config.json` of Keras 3 describes.
struct KerasArchitecture {
  var layer: any Layer
  /// What the model is called with; extents that the file leaves open, batches but for the first axis, are `nil`.
  var inputs: [Input]

  struct Input {
    var dtype: DType
    var shape: [Int?]

    /// With `extent` for what is open; the batch is 1.
    func type(open extent: Int) -> TensorType {
      TensorType(dtype, shape.enumerated().map { $1 ?? ($0 == 0 ? 1 : extent) })
    }
  }

  /// Deeper than models are nested.
  private static let depthLimit = 16

  /// - Parameter policy: what all layers follow, whatever the file says.
  init(_ text: JSONValue, policy: DTypePolicy?, path: String) throws(CheckpointError) {
    var problems: [String] = []
    var inputs: [Input] = []
    let layer = Self.model(text, policy: policy, depth: 0, &inputs, &problems)
    guard let layer, problems.isEmpty else { throw .mismatch(path: path, problems: problems) }
    self.layer = layer
    self.inputs = inputs
  }

  private static func model(
    _ value: JSONValue, policy: DTypePolicy?, depth: Int, _ inputs: inout [Input], _ problems: inout [String]
  ) -> (any Layer)? {
    let name = value["config"]?["name"]?.string
    let place = "model \(name ?? "without a name")"
    guard let layers = value["config"]?["layers"]?.array else {
      problems.append(
        "\(place) expected a Sequential or a Functional with its layers, found \(value["class_name"]?.string ?? value.kind)"
      )
      return nil
    }
    guard depth < depthLimit else {
      problems.append("\(place) is nested more than \(depthLimit) times")
      return nil
    }
    switch value["class_name"]?.string {
    case "Sequential": break
    case "Functional", "Model":
      if let problem = problemOfChain(layers, value["config"]) {
        problems.append("\(place): \(problem)")
        return nil
      }
    default:
      problems.append(
        "\(place) is of the class \(value["class_name"]?.string ?? "?"), expected Sequential or Functional: what a class "
          + "of one's own does is not in the file; write the model with Mezzo's layers and call loadKerasWeights(from:)"
      )
      return nil
    }
    var made: [any Layer] = []
    for layer in layers {
      switch layer["class_name"]?.string {
      case "InputLayer":
        if let input = input(layer, &problems) { inputs.append(input) }
      case "Sequential", "Functional", "Model":
        // What is inside begins with the input that comes from outside.
        var inner: [Input] = []
        if let layer = Self.model(layer, policy: policy, depth: depth + 1, &inner, &problems) { made.append(layer) }
        if inputs.isEmpty { inputs = inner }
      default:
        if let layer = KerasLayers.layer(layer, policy: policy, &problems) { made.append(layer) }
      }
    }
    if inputs.isEmpty, depth == 0, let input = builtInput(value) { inputs.append(input) }
    return Sequential(made, name: depth == 0 ? nil : name, policy: policy ?? .float32)
  }

  /// What an input layer says comes in.
  private static func input(_ value: JSONValue, _ problems: inout [String]) -> Input? {
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
  private static func builtInput(_ value: JSONValue) -> Input? {
    let shape = value["build_config"]?["input_shape"]?.array ?? value["config"]?["build_input_shape"]?.array
    return shape.map { Input(dtype: .float32, shape: $0.map(\.integer)) }
  }

  /// Why the layers of a Functional are not one after the other; `nil` if they are.
  private static func problemOfChain(_ layers: [JSONValue], _ config: JSONValue?) -> String? {
    let expected = "expected layers one after the other, with one input and one output each"
    var last: String?
    for (index, layer) in layers.enumerated() {
      guard let name = layer["name"]?.string, let nodes = layer["inbound_nodes"]?.array else {
        return "layer \(index) expected a name and inbound_nodes"
      }
      if index == 0 {
        guard layer["class_name"]?.string == "InputLayer" else { return "\(expected), found no input first" }
      } else {
        guard nodes.count == 1, let arguments = nodes[0]["args"]?.array, arguments.count == 1,
          arguments[0]["class_name"]?.string == "__keras_tensor__",
          let history = arguments[0]["config"]?["keras_history"]?.array, history.count == 3,
          history[0].string == last, history[1].integer == 0, history[2].integer == 0,
          nodes[0]["kwargs"]?.object?.allSatisfy({ isOff($0.value) }) ?? true
        else { return "\(expected), found another way to layer \(name)" }
      }
      last = name
    }
    guard let last, names(config?["output_layers"]) == [last] else { return "\(expected), found another output" }
    return nil
  }

  private static func isOff(_ value: JSONValue) -> Bool {
    switch value {
    case .null, .bool(false): true
    default: false
    }
  }

  /// Keras writes one output as `["name", 0, 0]`, or as a list of such.
  private static func names(_ value: JSONValue?) -> [String] {
    guard let elements = value?.array else { return [] }
    if let name = elements.first?.string { return [name] }
    return elements.compactMap { $0.array?.first?.string }
  }
}
