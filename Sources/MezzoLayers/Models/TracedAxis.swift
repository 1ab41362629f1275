import MezzoBackend
import MezzoGraph

/// What becomes of an axis of a model's inputs, told by tracing the model with two sizes of it.
struct TracedAxis {
  let layer: String
  let axis: Int
  /// What the axis is filled up to, and what it is.
  let size, count: Int
  private let long, short: TracedCall

  /// - Parameters:
  ///   - long: inputs whose axis is filled up.
  ///   - short: the same with the axis as it is.
  init(
    _ axis: Int, of model: Model, size: Int, count: Int, long: Arguments<TensorType>, short: Arguments<TensorType>
  ) throws {
    layer = model.layer.name ?? ""
    (self.axis, self.size, self.count) = (axis, size, count)
    // Without the variables that are there already, which would refuse one of the two, and which of them would depend on
    // who came first.
    let policies = model.built.map { BuiltModel(variables: Variables(), layers: $0.layers) }
    self.long = try TracedCall(model, inputs: long, isTraining: false, built: policies) { _ in .constant }
    self.short = try TracedCall(model, inputs: short, isTraining: false, built: policies) { _ in .constant }
  }

  /// - Throws: `LayerError.buckets` where the model cannot be asked for the one size in the place of the other.
  func requireFillable() throws(LayerError) {
    let variables = [long, short].map { Dictionary(uniqueKeysWithValues: $0.variables.map { ($0.path, $0.type) }) }
    let paths = Set(variables.flatMap(\.keys)).sorted()
    if let path = paths.first(where: { variables[0][$0] != variables[1][$0] }) {
      let types = variables.map { $0[path]?.description ?? "none" }
      throw error("to leave the variables as they are", "\(path) as \(types[0]) and \(types[1]) \(sizes)")
    }
    // What is filled in stands in front there, beside steps of others that count, and is not what is cut.
    if let back = long.fromTheBack.filter({ short.fromTheBack[$0.key] != $0.value }).keys.min() {
      throw error("to be gone through from the front", "steps of \(back) from the back (goBackwards)")
    }
  }

  /// For each output the axes that are as long as this one: those that change with it.
  ///
  /// - Throws: `LayerError.buckets` for outputs that change in another way.
  func followers() throws(LayerError) -> [[Int]] {
    let trees = [long, short].map { $0.outputs.map(\.type) }
    let leaves = trees.map(\.leaves)
    guard trees[0].map({ _ in true }) == trees[1].map({ _ in true }) else {
      throw error("to leave the outputs' structure as it is", "\(leaves[0].count) and \(leaves[1].count) \(sizes)")
    }
    var followers: [[Int]] = []
    for case let (long?, short?) in zip(leaves[0], leaves[1]) {
      let axes = zip(long.shape, short.shape).enumerated().filter { $1.0 != $1.1 }.map(\.offset)
      guard long.rank == short.rank, axes.allSatisfy({ long.shape[$0] == size && short.shape[$0] == count }) else {
        throw error("to keep its size in the outputs, or to be gone from them", "\(long) and \(short) \(sizes)")
      }
      followers.append(axes)
    }
    return followers
  }

  /// Paths of the layers that take no notice of a mask over this axis.
  var endedMasks: [String] {
    zip(long.endedMasks, short.endedMasks).filter { $0.mask.shape != $1.mask.shape }.map(\.0.path)
  }

  private var sizes: String { "for \(size) and \(count)" }

  private func error(_ expected: String, _ found: String) -> LayerError {
    .buckets(layer: layer, axis: axis, expected: expected, found: found)
  }
}
