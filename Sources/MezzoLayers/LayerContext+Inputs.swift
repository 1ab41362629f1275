public import MezzoGraph
public import MezzoPolicy

/// What layers ask of what they are given.
extension LayerContext {
  /// The tensors of a layer that takes several: those of an array that is the only argument, or the arguments
  /// themselves.
  ///
  /// - Throws: ``LayerError/inputs(layer:expected:found:)`` for fewer, more, or anything else.
  public func tensors(
    _ inputs: LayerInputs, count: ClosedRange<Int>, named: Set<String> = []
  ) throws(LayerError) -> [SymbolicTensor] {
    var trees = inputs.positional
    if trees.count == 1, case .array(let elements) = trees[0] { trees = elements }
    let tensors = trees.compactMap(\.tensor)
    guard tensors.count == trees.count, count.contains(tensors.count), inputs.named.keys.allSatisfy(named.contains)
    else {
      let number =
        count.lowerBound == count.upperBound
        ? "\(count.lowerBound)"
        : count.upperBound == .max ? "\(count.lowerBound) or more" : "\(count.lowerBound) to \(count.upperBound)"
      let extra = named.isEmpty ? "" : " and perhaps \(named.sorted().joined(separator: ", "))"
      throw .inputs(
        layer: path, expected: "\(number) tensors\(extra)", found: "\(inputs.leaves.count) in a structure")
    }
    return tensors
  }

  /// A named argument that is a tensor, if it was given.
  public func optional(_ name: String, _ inputs: LayerInputs) throws(LayerError) -> SymbolicTensor? {
    switch inputs.named[name] {
    case nil, .some(.none): return nil
    case .some(.tensor(let tensor)): return tensor
    default: throw .inputs(layer: path, expected: "a tensor as its \(name)", found: "a structure")
    }
  }

  /// - Throws: ``LayerError/inputs(layer:expected:found:)`` for integers and booleans.
  public func requireFloatingPoint(_ input: SymbolicTensor) throws(LayerError) {
    guard input.dtype.isFloatingPoint else {
      throw .inputs(layer: path, expected: "floating-point input", found: "\(input.type)")
    }
  }

  /// The compute dtype of a layer that cannot do without one.
  ///
  /// - Throws: ``LayerError/nonFloatingPolicy(layer:policy:)``
  public func floatingComputeDType() throws(LayerError) -> DType {
    guard let compute = policy.computeDType, compute.isFloatingPoint else {
      throw .nonFloatingPolicy(layer: path, policy: policy.name)
    }
    return compute
  }

  /// - Throws: ``LayerError/inputShape(layer:expected:found:)`` for another rank.
  func require(_ input: SymbolicTensor, rank: Int, _ expected: String) throws(LayerError) {
    guard input.rank == rank else { throw .inputShape(layer: path, expected: expected, found: input.shape) }
  }

  /// - Throws: ``LayerError/invalidConfiguration(layer:expected:found:)`` where `condition` does not hold.
  func require(_ condition: Bool, _ expected: String, _ found: some CustomStringConvertible) throws(LayerError) {
    guard condition else {
      throw .invalidConfiguration(layer: "layer \(path)", expected: expected, found: "\(found)")
    }
  }
}
