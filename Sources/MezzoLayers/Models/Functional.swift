import MezzoBackend
import MezzoGraph
public import MezzoPolicy

/// Layers connected in any way that has no circle: several inputs, several outputs, layers that are used twice, models
/// in models.
///
/// ```swift
/// let left = LayerOutput.input("left"), right = LayerOutput.input("right")
/// let encoder = Dense(32, activation: .relu, name: "encoder")
/// let joined = Concatenate()(encoder(left), encoder(right))
/// let twins = try Functional(inputs: [left, right], outputs: Dense(1)(joined))
/// let a = try Tensor(zeros: TensorType(.float32, [2, 8])), b = try Tensor(zeros: TensorType(.float32, [2, 8]))
/// let score = try Model(twins)(Arguments(.tensor(a), .tensor(b))).tensor  // float32[2, 1]
/// ```
/// A layer that has a name is the same layer wherever it is called, and has its weights once; one without a name is
/// another at every call, and named as in ``Sequential``. Called with one argument for each input, with all in one array,
/// in a dictionary by their names, or by name. Computes nothing itself, so its policy casts nothing.
public struct Functional: LayerContainer {
  /// An argument of the model.
  public struct Input: Codable, Sendable, Hashable {
    public var name: String
    /// Without the batch; nil for extents that may be anything. Nil: any shape.
    public var shape: [Int?]?
    /// Nil: any.
    public var dtype: DType?

    public init(_ name: String, shape: [Int?]? = nil, dtype: DType? = nil) {
      self.name = name
      self.shape = shape
      self.dtype = dtype
    }
  }

  /// A step into what a call returns.
  public enum Member: Codable, Sendable, Hashable {
    case index(Int)
    case name(String)
  }

  /// An input, or what a call returned, or a part of that.
  public struct Reference: Codable, Sendable, Hashable {
    public enum Source: Codable, Sendable, Hashable {
      case input(Int)
      case call(Int)
    }

    public var source: Source
    public var members: [Member] = []
  }

  /// One call of a layer with what inputs and earlier calls gave.
  public struct Call: Codable, Sendable, Hashable {
    /// The name of the layer.
    public var layer: String
    public var inputs: Arguments<Reference>
  }

  public let inputs: [Input]
  /// In the order of their first calls, each with its name.
  public let layers: [(name: String, layer: any Layer)]
  /// In an order in which each follows those whose outputs it takes.
  public let calls: [Call]
  public let outputs: Tree<Reference>
  public var name: String?
  public let policy: DTypePolicy
  public var sublayerPolicy: SublayerPolicy

  /// - Parameters:
  ///   - inputs: made by ``LayerOutput/input(_:shape:dtype:)``; what `outputs` come from.
  ///   - policy: what a ``SublayerPolicy/parent`` hands to the layers; computes nothing by itself.
  ///   - sublayerPolicy: what layers follow that were given no policy.
  /// - Throws: ``LayerError/functional(expected:found:)`` where an output comes from an input that is not listed, for two inputs of
  ///   one name, and for two layers of one name that are not the same.
  public init(
    inputs: [LayerOutput], outputs: Tree<LayerOutput>, name: String? = nil, policy: DTypePolicy? = nil,
    sublayerPolicy: SublayerPolicy = .own
  ) throws(LayerError) {
    var builder = try FunctionalBuilder(inputs)
    self.outputs = try builder.references(outputs)
    self.inputs = builder.inputs
    (layers, calls) = try builder.named()
    self.name = name
    self.policy = policy ?? globalPolicy()
    self.sublayerPolicy = sublayerPolicy
    try check()
  }

  /// A model of one output.
  public init(
    inputs: [LayerOutput], outputs: LayerOutput, name: String? = nil, policy: DTypePolicy? = nil,
    sublayerPolicy: SublayerPolicy = .own
  ) throws(LayerError) {
    try self.init(
      inputs: inputs, outputs: .tensor(outputs), name: name, policy: policy, sublayerPolicy: sublayerPolicy)
  }

  /// What measures of each output are called by, as in Keras: the names of a dictionary, or else of the layers that give the
  /// outputs.
  public var outputNames: [String] {
    if case .dictionary = outputs { return outputs.leafNames }
    return LayerNames.unique(
      outputs.leaves.compactMap { $0 }.map { reference in
        switch reference.source {
        case .input(let index): inputs[index].name
        case .call(let index): calls[index].layer
        }
      })
  }

  public func call(_ arguments: LayerInputs, _ context: LayerContext) throws -> TensorTree {
    let given = try bound(arguments, context)
    let byName = Dictionary(layers.map { ($0.name, $0.layer) }) { first, _ in first }
    var results: [TensorTree] = []
    func value(_ reference: Reference) throws -> TensorTree {
      let (whole, label) =
        switch reference.source {
        case .input(let index): (given[index], inputs[index].name)
        case .call(let index): (results[index], calls[index].layer)
        }
      return try reference.members.reduce(whole) { tree, member in
        guard let part = tree[member] else {
          throw LayerError.functional(
            expected: "the layer \(label) to give a structure with \(member)",
            found: "\(whole.leaves.count) tensors in another")
        }
        return part
      }
    }
    for call in calls {
      guard let layer = byName[call.layer] else { continue }
      results.append(try context.call(layer, try call.inputs.replacingLeaves(value), name: call.layer))
    }
    return try outputs.replacingLeaves(value)
  }

  /// A tree for each input.
  private func bound(_ arguments: LayerInputs, _ context: LayerContext) throws -> [TensorTree] {
    var trees = arguments.positional
    if trees.count == 1, arguments.named.isEmpty, inputs.count > 1 {
      switch trees[0] {
      case .array(let elements): trees = elements
      case .dictionary(let members) where Set(members.keys) == Set(inputs.map(\.name)):
        trees = inputs.compactMap { members[$0.name] }
      default: break
      }
    }
    let rest = inputs.dropFirst(trees.count).map { arguments.named[$0.name] }
    trees += rest.compactMap { $0 }
    guard trees.count == inputs.count, rest.count == arguments.named.count else {
      throw LayerError.inputs(
        layer: context.path, expected: "the inputs \(inputs.map(\.name))",
        found: "\(arguments.positional.count) and \(arguments.named.keys.sorted())")
    }
    for (input, tree) in zip(inputs, trees) {
      for leaf in tree.leaves.compactMap({ $0 }) where !input.takes(leaf.type) {
        throw LayerError.inputs(layer: context.path, expected: "\(input)", found: "\(leaf.type)")
      }
    }
    return trees
  }
}

extension Functional.Input: CustomStringConvertible {
  public var description: String {
    let extents = shape.map { (["batch"] + $0.map { $0.map { "\($0)" } ?? "…" }).joined(separator: ", ") }
    return "the input \(name) of \(dtype?.name ?? "any dtype")" + (extents.map { " and the shape [\($0)]" } ?? "")
  }

  func takes(_ type: TensorType) -> Bool {
    guard dtype == nil || dtype == type.dtype else { return false }
    guard let shape else { return true }
    return type.shape.count == shape.count + 1
      && zip(shape, type.shape.dropFirst()).allSatisfy { $0 == nil || $0 == $1 }
  }
}

extension Tree {
  subscript(_ member: Functional.Member) -> Tree? {
    switch (self, member) {
    case (.array(let elements), .index(let index)): elements.indices.contains(index) ? elements[index] : nil
    case (.dictionary(let members), .name(let name)): members[name]
    default: nil
    }
  }

  /// The same tree with another in the place of each leaf.
  func replacingLeaves<Other>(_ transform: (Leaf) throws -> Tree<Other>) rethrows -> Tree<Other> {
    switch self {
    case .tensor(let leaf): try transform(leaf)
    case .array(let elements): .array(try elements.map { try $0.replacingLeaves(transform) })
    case .dictionary(let members): .dictionary(try members.mapValues { try $0.replacingLeaves(transform) })
    case .none: .none
    }
  }
}

extension Arguments {
  func replacingLeaves<Other>(_ transform: (Leaf) throws -> Tree<Other>) rethrows -> Arguments<Other> {
    Arguments<Other>(
      positional: try positional.map { try $0.replacingLeaves(transform) },
      named: try named.mapValues { try $0.replacingLeaves(transform) })
  }
}
