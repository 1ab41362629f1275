public import MezzoBackend
import MezzoPolicy

/// Windows that move over the axes behind the batch: `[n, i…, d…] -> [n, o…, k…, d…]`, as many axes `o` and `k` as `i`.
///
/// Element `[n, o, k, d]` is element `[n, o · stride + k · dilation, d]` of the operand; only windows that lie within
/// it are taken. No work: strides of the same memory, over which a convolution is a product and pooling is a reduction.
public struct Windows: Operation {
  public static let name = "windows"
  /// The extents `k` of a window.
  public var size: [Int]
  public var strides: [Int]
  public var dilations: [Int]

  public init(size: [Int], strides: [Int], dilations: [Int]) {
    self.size = size
    self.strides = strides
    self.dilations = dilations
  }

  public var lowering: Lowering { .view(.windows(strides: strides, dilations: dilations)) }

  public func resultTypes(_ operands: [TensorType]) throws(GraphError) -> [TensorType] {
    try requireCount(operands, 1)
    let shape = operands[0].shape
    guard !size.isEmpty, size.count == strides.count, size.count == dilations.count,
      (size + strides + dilations).allSatisfy({ $0 > 0 })
    else {
      throw GraphError(
        .attribute(
          operation: Self.name, expected: "as many positive sizes, strides and dilations",
          found: "\(size), \(strides), \(dilations)"))
    }
    guard shape.count > size.count else {
      throw wrongShape("a batch, \(size.count) axes for the windows, and what lies behind them", operands)
    }
    let counts = size.indices.map { axis in
      let (span, overflow) = (size[axis] - 1).multipliedReportingOverflow(by: dilations[axis])
      let room = shape[axis + 1] - 1 - span
      return overflow || room < 0 ? 0 : room / strides[axis] + 1
    }
    return [TensorType(operands[0].dtype, shape[..<1] + counts + size + shape[(size.count + 1)...])]
  }

  public func gradient(_ context: GradientContext) throws(GraphError) -> [SymbolicTensor?] {
    let x = context.operands[0]
    let sum = WindowSum(shape: Array(x.shape[1...size.count]), strides: strides, dilations: dilations)
    return [try context.only().apply(sum)]
  }
}

extension SymbolicTensor {
  /// Windows that move over the axes behind the batch: `[n, i…, d…] -> [n, o…, k…, d…]`.
  ///
  /// - Parameters:
  ///   - size: the extents `k`.
  ///   - strides: how far a window lies from the next; by default 1.
  ///   - dilations: how far elements of one window lie from each other; by default 1.
  public func windows(
    size: [Int], strides: [Int]? = nil, dilations: [Int]? = nil
  ) throws(GraphError) -> SymbolicTensor {
    let ones = Array(repeating: 1, count: size.count)
    return try apply(Windows(size: size, strides: strides ?? ones, dilations: dilations ?? ones))
  }
}
