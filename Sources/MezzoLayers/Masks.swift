import MezzoGraph
import MezzoPolicy

/// What becomes of the masks of tensors that are put together.
extension LayerContext {
  /// Of tensors that are merged place by place. In Keras 3 a place counts that counts in any of them, if all have masks;
  /// before, one that counts in all that have masks.
  func mergedMask(of tensors: [SymbolicTensor]) throws -> SymbolicTensor? {
    let masks = tensors.map(mask)
    let given = masks.compactMap { $0 }
    guard let first = given.first, given.allSatisfy({ $0.shape == first.shape }) else { return nil }
    guard dialect == .keras3 else { return try given.dropFirst().reduce(first) { try $0.and($1) } }
    guard given.count == masks.count else { return nil }
    return try given.dropFirst().reduce(first) { try $0.or($1) }
  }

  /// Of tensors one behind the other along `axis`; tensors without a mask count everywhere.
  func concatenatedMask(of tensors: [SymbolicTensor], axis: Int) throws -> SymbolicTensor? {
    let masks = tensors.map(mask)
    guard let rank = masks.compactMap({ $0?.rank }).max(), masks.allSatisfy({ $0 == nil || $0?.rank == rank }) else {
      return nil
    }
    let all = try zip(tensors, masks).map { tensor, mask in
      try mask ?? trace.constant(1, dtype: .bool).broadcast(to: Array(tensor.shape[..<rank]))
    }
    if axis < rank { return try SymbolicTensor.concatenate(all, axis: axis) }
    return try all.dropFirst().reduce(all[0]) { try dialect == .keras3 ? $0.or($1) : $0.and($1) }
  }
}

extension SymbolicTensor {
  /// Of booleans.
  func or(_ other: SymbolicTensor) throws(GraphError) -> SymbolicTensor {
    try select(trace.constant(1, dtype: .bool), other)
  }

  /// Of booleans.
  func negation() throws(GraphError) -> SymbolicTensor {
    try select(trace.constant(0, dtype: .bool), trace.constant(1, dtype: .bool))
  }

  /// Of booleans: whether any behind the first `axes` axes is true.
  func anyBehind(axes: Int) throws -> SymbolicTensor {
    try trace.constant(0, dtype: .float32).isLess(cast(to: .float32).sum(axes: Array(axes..<rank)))
  }
}
