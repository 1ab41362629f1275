import MezzoBackend

/// Every `step`-th element along each axis, `count` of them from `start` on, in any dtype; backwards with a negative
/// step.
struct Slice: Operation {
  public static let name = "slice"
  public var start: [Int]
  public var count: [Int]
  public var step: [Int]

  /// Each with one number an axis.
  public init(start: [Int], count: [Int], step: [Int]) {
    self.start = start
    self.count = count
    self.step = step
  }

  public var lowering: Lowering {
    .backend(.slice, [Attribute("start", .ints(start)), Attribute("step", .ints(step))])
  }

  public func resultTypes(_ operands: [TensorType]) throws(GraphError) -> [TensorType] {
    try requireCount(operands, 1)
    let shape = operands[0].shape
    guard [start.count, count.count, step.count].allSatisfy({ $0 == shape.count }) else {
      throw wrongShape("an operand of rank \(start.count)", operands)
    }
    for axis in shape.indices {
      let (reach, overflow) = max(count[axis] - 1, 0).multipliedReportingOverflow(by: step[axis])
      let (last, overflowToo) = start[axis].addingReportingOverflow(reach)
      let isInside = (0..<shape[axis]).contains(start[axis]) && (0..<shape[axis]).contains(last)
      guard step[axis] != 0, count[axis] >= 0, count[axis] == 0 || (isInside && !overflow && !overflowToo) else {
        throw GraphError(
          .attribute(
            operation: Self.name, expected: "places within axis \(axis) of \(operands[0])",
            found: "\(count[axis]) from \(start[axis]) in steps of \(step[axis])"))
      }
    }
    return [TensorType(operands[0].dtype, count)]
  }

  public func gradient(_ context: GradientContext) throws(GraphError) -> [SymbolicTensor?] {
    let (x, g) = (context.operands[0], try context.only())
    guard !count.contains(0) else { return [try x.trace.constant(0, dtype: x.dtype).broadcast(to: x.shape)] }
    // Backwards is forwards from the last place that was read.
    let first = start.indices.map { step[$0] > 0 ? start[$0] : start[$0] + (count[$0] - 1) * step[$0] }
    let width = count.indices.map { (count[$0] - 1) * Swift.abs(step[$0]) + 1 }
    return [
      try g.reversed(axes: step.indices.filter { step[$0] < 0 }).padded(
        low: first, high: first.indices.map { x.shape[$0] - first[$0] - width[$0] },
        interior: count.indices.map { count[$0] > 1 ? Swift.abs(step[$0]) - 1 : 0 })
    ]
  }
}

extension SymbolicTensor {
  /// Every `step`-th element along each axis, `count` of them from `start` on.
  ///
  /// - Parameter step: by default 1; negative ones go backwards.
  public func sliced(start: [Int], count: [Int], step: [Int]? = nil) throws(GraphError) -> SymbolicTensor {
    let step = step ?? Array(repeating: 1, count: start.count)
    let isWhole = count == shape && start.allSatisfy { $0 == 0 } && step.allSatisfy { $0 == 1 }
    return isWhole && step.count == rank && start.count == rank
      ? self : try apply(Slice(start: start, count: count, step: step))
  }

  /// The elements `range` along `axis`, which may count from the end.
  public func sliced(axis: Int, _ range: Range<Int>) throws(GraphError) -> SymbolicTensor {
    let axis = axis < 0 ? axis + rank : axis
    return try sliced(
      start: shape.indices.map { $0 == axis ? range.lowerBound : 0 },
      count: shape.indices.map { $0 == axis ? range.count : shape[$0] })
  }

  /// As many parts of equal extent along `axis`, which may count from the end.
  public func split(axis: Int, into parts: Int) throws(GraphError) -> [SymbolicTensor] {
    let axis = axis < 0 ? axis + rank : axis
    guard shape.indices.contains(axis), parts > 0, shape[axis] % parts == 0 else {
      throw GraphError(
        .shape(operation: "split", expected: "an axis \(axis) that \(parts) parts divide", found: [type]),
        layer: trace.origin.layer)
    }
    let width = shape[axis] / parts
    return try (0..<parts).map { part throws(GraphError) in
      try sliced(axis: axis, part * width..<(part + 1) * width)
    }
  }

  /// The elements in reverse order along `axes`.
  public func reversed(axes: [Int]) throws(GraphError) -> SymbolicTensor {
    let axes = axes.map { $0 < 0 ? $0 + rank : $0 }
    guard !axes.isEmpty else { return self }
    return try sliced(
      start: shape.indices.map { axes.contains($0) ? Swift.max(shape[$0] - 1, 0) : 0 }, count: shape,
      step: shape.indices.map { axes.contains($0) ? -1 : 1 })
  }
}
