public import MezzoBackend

/// The mean of each window over the axes behind the batch, without what lies outside: `[n, i…, c] -> [n, o…, c]`, summed
/// in at least float32.
public struct AveragePool: Operation {
  public static let name = "average_pool"
  public var size: [Int]
  /// Without dilations.
  public var windows: ConvolutionWindows

  public init(size: [Int], windows: ConvolutionWindows) {
    self.size = size
    self.windows = windows
  }

  public var lowering: Lowering { .backend(.averagePool, windows.pooled(size)) }

  public func resultTypes(_ operands: [TensorType]) throws(GraphError) -> [TensorType] {
    try requireCount(operands, 1)
    try requireFloatingPoint(operands)
    guard let y = try windows.pooled(operands[0], size: size, Self.name) else {
      throw wrongShape("[batch, extents…, channels] over \(windows.strides.count) axes, without dilations", operands)
    }
    return [y]
  }

  public func gradient(_ context: GradientContext) throws(GraphError) -> [SymbolicTensor?] {
    let shape = context.operands[0].shape
    return [try context.only().apply(AveragePoolGradient(self, extents: Array(shape[1..<shape.count - 1])))]
  }
}

extension SymbolicTensor {
  /// The mean of each window over the axes behind the batch: `[n, i…, c] -> [n, o…, c]`.
  public func averagePool(size: [Int], _ windows: ConvolutionWindows) throws(GraphError) -> SymbolicTensor {
    try apply(AveragePool(size: size, windows: windows))
  }
}
