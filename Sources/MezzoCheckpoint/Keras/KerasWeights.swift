import MezzoBackend
import MezzoGraph
import MezzoLayers

/// Where Keras 3 keeps the weights of a model's layers in an HDF5 file.
///
/// Keras names the groups of a container by the classes of its layers, in their order, and not by their names:
/// `layers/dense`, `layers/dense_1`. Below are the layer's variables by number, `vars/0`, and its sublayers by attribute.
struct KerasWeights {
  /// A variable of Mezzo, and the dataset that it is in.
  struct Place: Equatable {
    var variable: String
    var dataset: String
  }

  /// The order in which Keras's layers make their variables. No layer has two of one place.
  private static let order = [
    "embeddings", "alpha", "kernel", "depthwise_kernel", "pointwise_kernel", "recurrent_kernel", "bias", "gamma",
    "scale",
    "beta", "moving_mean", "moving_variance", "mean", "variance", "count",
  ]

  private static let attentionParts = [
    ("query", "query_dense"), ("key", "key_dense"), ("value", "value_dense"), ("attention_output", "output_dense"),
  ]

  /// The places of all variables of `layer`.
  ///
  /// - Parameters:
  ///   - paths: the variables of the whole model.
  ///   - path: of the layer in the model.
  ///   - group: of the layer in the file; empty for the whole model.
  ///   - orders: the layers of functional models in Keras's order, by path.
  static func places(
    of layer: any Layer, paths: [String], path: String, group: String,
    orders: [String: [KerasArchitecture.Member]]
  ) -> [Place] {
    func sub(_ part: String) -> String { path.isEmpty ? part : "\(path).\(part)" }
    func inside(_ part: String) -> String { group.isEmpty ? part : "\(group)/\(part)" }
    switch layer {
    case let container as Sequential:
      let groups = groupNames(container.layers.map { type(of: $0).className })
      return zip(container.layers, zip(container.names, groups)).flatMap { layer, names in
        places(of: layer, paths: paths, path: sub(names.0), group: inside("layers/\(names.1)"), orders: orders)
      }
    case let graph as Functional:
      let members = orders[path] ?? KerasOrder.members(of: graph)
      return zip(members, groupNames(members.map(\.className))).flatMap { member, name in
        let layer = graph.layers.first { $0.name == member.name }?.layer
        return layer.map {
          places(of: $0, paths: paths, path: sub(member.name), group: inside("layers/\(name)"), orders: orders)
        } ?? []
      }
    case let wrapper as TimeDistributed:
      let name = wrapper.layer.name ?? type(of: wrapper.layer).defaultName
      return places(of: wrapper.layer, paths: paths, path: sub(name), group: inside("layer"), orders: orders)
    case let wrapper as Bidirectional:
      return ["forward_layer", "backward_layer"].flatMap {
        places(of: wrapper.layer, paths: paths, path: sub($0), group: inside($0), orders: orders)
      }
    case is any RecurrentLayer: return own(paths, path, inside("cell"))
    case is MultiHeadAttention:
      return attentionParts.flatMap { own(paths, sub($0.0), inside($0.1)) }
    case is GroupedQueryAttention:
      return attentionParts.flatMap { own(paths, sub($0.0), inside("_\($0.1)")) }
    default: return own(paths, path, group)
    }
  }

  /// The variables of one layer, numbered in Keras's order.
  private static func own(_ paths: [String], _ path: String, _ group: String) -> [Place] {
    let prefix = path.isEmpty ? "" : "\(path)."
    let names = paths.filter { $0.hasPrefix(prefix) }.map { $0.dropFirst(prefix.count) }.filter { !$0.contains(".") }
    let ranked = names.map { name in (order.firstIndex { $0 == name } ?? order.count, String(name)) }
      .sorted { $0.0 < $1.0 }
    return ranked.enumerated().map { number, name in
      Place(variable: prefix + name.1, dataset: "\(group.isEmpty ? "" : "\(group)/")vars/\(number)")
    }
  }

  /// What Keras calls the groups of layers of these classes in a container.
  private static func groupNames(_ classNames: [String]) -> [String] {
    var counts: [String: Int] = [:]
    return classNames.map { className in
      // The only class that files name otherwise.
      let name = (className == "GroupQueryAttention" ? "GroupedQueryAttention" : className).snakeCase
      let count = counts[name, default: 0]
      counts[name] = count + 1
      return count == 0 ? name : "\(name)_\(count)"
    }
  }

  /// A variable that a model has or will have.
  struct Variable {
    var path: String
    var type: TensorType
    var isTrainable: Bool
    /// Whether it is the state of a stateful layer, which Keras does not save: it begins as 0.
    var isState = false
  }

  /// More than a batch of states has; its size is in no file.
  private static let stateLimit = 1 << 26

  /// The weights of a file for these variables of `layer`.
  ///
  /// - Throws: `CheckpointError.mismatch` with all that is missing, has another shape or belongs to no layer. Nothing of
  ///   the size of a variable is made before the file is known to have it.
  static func load(
    _ file: HDF5File, into layer: any Layer, _ variables: [Variable],
    orders: [String: [KerasArchitecture.Member]] = [:]
  ) throws(CheckpointError) -> Variables {
    let saved = variables.filter { !$0.isState }
    let places = places(of: layer, paths: saved.map(\.path), path: "", group: "", orders: orders)
    let datasets = Dictionary(places.map { ($0.variable, $0.dataset) }) { first, _ in first }
    var problems: [String] = []
    var rest = Set(file.datasets.keys.filter { isWeight($0) })
    for state in variables where state.isState && (state.type.checkedByteCount ?? .max) > stateLimit {
      problems.append("\(state.path) expected at most \(stateLimit) bytes, found \(state.type)")
    }
    for variable in saved {
      let name = datasets[variable.path] ?? "a layer that Mezzo does not load from Keras"
      guard let dataset = file.datasets[name] else {
        problems.append("\(variable.path) expected \(variable.type) at \(name), found nothing")
        continue
      }
      rest.remove(name)
      if dataset.type.shape != variable.type.shape {
        problems.append("\(variable.path) expected \(variable.type) at \(name), found \(dataset.type)")
      }
    }
    for name in rest.sorted() {
      problems.append("\(name) is \(file.datasets[name].map { "\($0.type)" } ?? ""), which no layer asks for")
    }
    guard problems.isEmpty else { throw .mismatch(path: file.file.path, problems: problems) }
    var weights = Variables()
    for variable in variables {
      if variable.isState, let zeros = try? Tensor(zeros: variable.type) {
        weights.set(variable.path, zeros, isTrainable: false)
        continue
      }
      guard let dataset = datasets[variable.path].flatMap({ file.datasets[$0] }) else { continue }
      let tensor = try file.tensor(dataset).stored(as: variable.type.dtype, name: variable.path)
      weights.set(variable.path, tensor, isTrainable: variable.isTrainable)
    }
    return weights
  }

  /// Whether a dataset is a layer's weight, and not the state of an optimizer or of random numbers.
  private static func isWeight(_ name: String) -> Bool {
    let parts = name.split(separator: "/")
    return parts.first != "optimizer" && !parts.contains { $0.hasPrefix("seed_generator") }
  }
}
