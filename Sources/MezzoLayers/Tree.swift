public import MezzoGraph

/// Leaves in arrays and dictionaries, nested: what a layer may be given and may return.
///
/// ```swift
/// let (h, c) = try (Tensor(zeros: TensorType(.float32, [2, 8])), Tensor(zeros: TensorType(.float32, [2, 8])))
/// let ids = try Tensor([3, 1], shape: [2], dtype: .int32)
/// let inputs: Tree<Tensor> = .dictionary(["ids": .tensor(ids), "states": .array([.tensor(h), .tensor(c)])])
/// ```
public indirect enum Tree<Leaf> {
  case tensor(Leaf)
  case array([Tree])
  /// Members are visited in the order of their names.
  case dictionary([String: Tree])
  /// Nothing, where something might have been: an optional argument that was not given.
  case none

  /// From left to right, members of dictionaries by name; `nil` for ``none``.
  public var leaves: [Leaf?] {
    switch self {
    case .tensor(let leaf): [leaf]
    case .array(let elements): elements.flatMap(\.leaves)
    case .dictionary(let members): members.keys.sorted().flatMap { members[$0]?.leaves ?? [] }
    case .none: [nil]
    }
  }

  /// The only tensor of a tree that is nothing but that.
  public var tensor: Leaf? {
    guard case .tensor(let leaf) = self else { return nil }
    return leaf
  }

  /// The same tree of what `transform` makes of each leaf, which it sees in the order of ``leaves``.
  public func map<Other>(_ transform: (Leaf) throws -> Other) rethrows -> Tree<Other> {
    try map(path: "") { _, leaf in try transform(leaf) }
  }

  /// The same, with each leaf's place in the tree: `[0].mask`.
  func map<Other>(path: String, _ transform: (String, Leaf) throws -> Other) rethrows -> Tree<Other> {
    switch self {
    case .tensor(let leaf): return .tensor(try transform(path, leaf))
    case .array(let elements):
      return .array(try elements.enumerated().map { try $1.map(path: "\(path)[\($0)]", transform) })
    case .dictionary(let members):
      var mapped: [String: Tree<Other>] = [:]
      for name in members.keys.sorted() { mapped[name] = try members[name]?.map(path: "\(path).\(name)", transform) }
      return .dictionary(mapped)
    case .none: return .none
    }
  }
}

extension Tree {
  /// A name for each leaf: those of the members that lead to it, or `output`, `output_1` where there are none.
  package var leafNames: [String] {
    func paths(_ tree: Tree, _ path: [String]) -> [String] {
      switch tree {
      case .tensor: [path.joined(separator: "_")]
      case .array(let elements): elements.flatMap { paths($0, path) }
      case .dictionary(let members):
        members.keys.sorted().flatMap { paths(members[$0] ?? .none, path + [$0]) }
      case .none: []
      }
    }
    return LayerNames.unique(paths(self, []).map { $0.isEmpty ? "output" : $0 })
  }
}

extension Tree: Equatable where Leaf: Equatable {}
extension Tree: Hashable where Leaf: Hashable {}
extension Tree: Sendable where Leaf: Sendable {}
extension Tree: Encodable where Leaf: Encodable {}
extension Tree: Decodable where Leaf: Decodable {}

/// Symbolic tensors, nested.
public typealias TensorTree = Tree<SymbolicTensor>

/// What a layer or a model is called with: arguments by position and by name, each a tree.
///
/// ```swift
/// let steps = try Tensor(zeros: TensorType(.float32, [2, 3, 8]))
/// let mask = try Tensor([1, 1, 0, 1, 0, 0], shape: [2, 3], dtype: .bool)
/// let output = try Model(LSTM(4))(Arguments(.tensor(steps), named: ["mask": .tensor(mask)])).tensor  // float32[2, 4]
/// ```
public struct Arguments<Leaf> {
  public var positional: [Tree<Leaf>]
  public var named: [String: Tree<Leaf>]

  public init(_ positional: Tree<Leaf>..., named: [String: Tree<Leaf>] = [:]) {
    self.init(positional: positional, named: named)
  }

  public init(positional: [Tree<Leaf>], named: [String: Tree<Leaf>] = [:]) {
    self.positional = positional
    self.named = named
  }

  /// Those of the positional arguments from left to right, then those of the named by name; `nil` where there is none.
  public var leaves: [Leaf?] {
    positional.flatMap(\.leaves) + named.keys.sorted().flatMap { named[$0]?.leaves ?? [] }
  }

  /// The tensor that is the only argument.
  public var tensor: Leaf? { positional.count == 1 && named.isEmpty ? positional[0].tensor : nil }

  /// The same arguments of what `transform` makes of each leaf, which it sees in the order of ``leaves``.
  public func map<Other>(_ transform: (Leaf) throws -> Other) rethrows -> Arguments<Other> {
    try map { _, leaf in try transform(leaf) }
  }

  /// The same, with each leaf's place: `input`, `input 1[0]`, `mask`.
  func map<Other>(_ transform: (String, Leaf) throws -> Other) rethrows -> Arguments<Other> {
    let positional = try positional.enumerated().map { index, tree in
      try tree.map(path: index == 0 ? "input" : "input \(index)", transform)
    }
    var named: [String: Tree<Other>] = [:]
    for name in self.named.keys.sorted() { named[name] = try self.named[name]?.map(path: name, transform) }
    return Arguments<Other>(positional: positional, named: named)
  }
}

extension Arguments: Equatable where Leaf: Equatable {}
extension Arguments: Hashable where Leaf: Hashable {}
extension Arguments: Sendable where Leaf: Sendable {}
extension Arguments: Encodable where Leaf: Encodable {}
extension Arguments: Decodable where Leaf: Decodable {}

/// What a layer is called with while it is traced.
public typealias LayerInputs = Arguments<SymbolicTensor>
