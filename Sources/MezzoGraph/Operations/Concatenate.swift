import MezzoBackend

/// One tensor behind the other along an axis, in any dtype: `[…, n, …] […, m, …] -> […, n + m, …]`.
///
/// Not public: `Concatenate` is the layer, and here it is `concatenated(with:axis:)`.
struct Concatenate: Operation {
  static let name = "concatenate"
  var axis: Int

  var lowering: Lowering { .backend(.concatenate, [Attribute("axis", .int(axis))]) }

  func resultTypes(_ operands: [TensorType]) throws(GraphError) -> [TensorType] {
    try requireCount(operands, 2)
    guard operands[0].dtype == operands[1].dtype else { throw wrongDType("operands of one dtype", operands) }
    let (x, y) = (operands[0].shape, operands[1].shape)
    guard x.count == y.count, x.indices.contains(axis), x.indices.allSatisfy({ $0 == axis || x[$0] == y[$0] }) else {
      throw wrongShape("operands of one shape but for axis \(axis)", operands)
    }
    var shape = x
    let (extent, overflow) = x[axis].addingReportingOverflow(y[axis])
    guard !overflow else { throw wrongShape("extents whose sum fits", operands) }
    shape[axis] = extent
    return [TensorType(operands[0].dtype, shape)]
  }

  func gradient(_ context: GradientContext) throws(GraphError) -> [SymbolicTensor?] {
    let g = try context.only()
    let (first, all) = (context.operands[0].shape[axis], g.shape[axis])
    return [try g.sliced(axis: axis, 0..<first), try g.sliced(axis: axis, first..<all)]
  }
}

extension SymbolicTensor {
  /// `other` behind this tensor along `axis`, which may count from the end.
  public func concatenated(with other: SymbolicTensor, axis: Int) throws(GraphError) -> SymbolicTensor {
    try apply(Concatenate(axis: axis < 0 ? axis + rank : axis), other)
  }

  /// `tensors`, of which there is at least one, one behind the other along `axis`.
  ///
  /// By halves, so that n tensors are moved log n times and not n.
  public static func concatenate(_ tensors: [SymbolicTensor], axis: Int) throws(GraphError) -> SymbolicTensor {
    guard let first = tensors.first else {
      throw GraphError(.shape(operation: Concatenate.name, expected: "at least one tensor", found: []))
    }
    guard tensors.count > 1 else { return first }
    let half = tensors.count / 2
    return try concatenate(Array(tensors[..<half]), axis: axis)
      .concatenated(with: concatenate(Array(tensors[half...]), axis: axis), axis: axis)
  }

  /// `tensors` of one shape along a new axis.
  public static func stack(_ tensors: [SymbolicTensor], axis: Int) throws(GraphError) -> SymbolicTensor {
    try concatenate(
      tensors.map { tensor throws(GraphError) in
        var shape = tensor.shape
        shape.insert(1, at: axis < 0 ? axis + tensor.rank + 1 : axis)
        return try tensor.reshaped(shape)
      }, axis: axis)
  }
}
