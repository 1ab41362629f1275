public import MezzoBackend
import MezzoPolicy

/// What windows hold, added up where they overlap: `[n, o…, k…, d…] -> [n, i…, d…]`, summed in at least float32.
///
/// The transpose of ``Windows``: element `[n, o, k, d]` is added to `[n, o · stride + k · dilation, d]`.
public struct WindowSum: Operation {
  public static let name = "window_sum"
  /// The extents `i`.
  public var shape: [Int]
  public var strides: [Int]
  public var dilations: [Int]

  public init(shape: [Int], strides: [Int], dilations: [Int]) {
    self.shape = shape
    self.strides = strides
    self.dilations = dilations
  }

  public var lowering: Lowering {
    .backend(.windowSum, [Attribute("strides", .ints(strides)), Attribute("dilations", .ints(dilations))])
  }

  public func resultTypes(_ operands: [TensorType]) throws(GraphError) -> [TensorType] {
    try requireCount(operands, 1)
    try requireFloatingPoint(operands)
    let axes = shape.count
    guard !shape.isEmpty, axes == strides.count, axes == dilations.count,
      (strides + dilations).allSatisfy({ $0 > 0 }), shape.allSatisfy({ $0 >= 0 })
    else {
      throw GraphError(
        .attribute(
          operation: Self.name, expected: "as many extents, positive strides and positive dilations",
          found: "\(shape), \(strides), \(dilations)"))
    }
    let found = operands[0].shape
    guard found.count > 2 * axes else {
      throw wrongShape("a batch, \(axes) axes of windows, \(axes) within them, and what lies behind them", operands)
    }
    for axis in 0..<axes where found[1 + axis] > 0 && found[1 + axes + axis] > 0 {
      let (far, overflow) = (found[1 + axis] - 1).multipliedReportingOverflow(by: strides[axis])
      let (span, overflowToo) = (found[1 + axes + axis] - 1).multipliedReportingOverflow(by: dilations[axis])
      let (reach, overflowAtLast) = far.addingReportingOverflow(span)
      guard !overflow, !overflowToo, !overflowAtLast, reach < shape[axis] else {
        throw wrongShape("windows that lie within \(shape)", operands)
      }
    }
    return [TensorType(operands[0].dtype, found[..<1] + shape + found[(2 * axes + 1)...])]
  }

  public func gradient(_ context: GradientContext) throws(GraphError) -> [SymbolicTensor?] {
    let (x, g) = (context.operands[0], try context.only())
    let windows = try g.windows(
      size: Array(x.shape[(shape.count + 1)...(2 * shape.count)]), strides: strides, dilations: dilations)
    // Windows that fit but that were not there.
    return [try windows.sliced(start: x.shape.map { _ in 0 }, count: x.shape)]
  }
}

extension SymbolicTensor {
  /// What windows hold, added up where they overlap: `[n, o…, k…, d…] -> [n, i…, d…]` with `shape` for the `i`.
  public func windowSum(
    shape: [Int], strides: [Int]? = nil, dilations: [Int]? = nil
  ) throws(GraphError) -> SymbolicTensor {
    let ones = Array(repeating: 1, count: shape.count)
    return try apply(WindowSum(shape: shape, strides: strides ?? ones, dilations: dilations ?? ones))
  }
}
