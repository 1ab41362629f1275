public import MezzoBackend
import MezzoPolicy

/// The largest element of each window over the axes behind the batch: `[n, i…, c] -> [n, o…, c]`. What lies outside is
/// never the largest; equal largest elements share the gradient.
public struct MaxPool: Operation {
  public static let name = "max_pool"
  public var size: [Int]
  /// Without dilations.
  public var windows: ConvolutionWindows

  public init(size: [Int], windows: ConvolutionWindows) {
    self.size = size
    self.windows = windows
  }

  public var lowering: Lowering { .backend(.maxPool, windows.pooled(size)) }

  public func resultTypes(_ operands: [TensorType]) throws(GraphError) -> [TensorType] {
    try requireCount(operands, 1)
    try requireFloatingPoint(operands)
    guard let y = try windows.pooled(operands[0], size: size, Self.name) else {
      throw wrongShape("[batch, extents…, channels] over \(windows.strides.count) axes, without dilations", operands)
    }
    return [y]
  }

  public func gradient(_ context: GradientContext) throws(GraphError) -> [SymbolicTensor?] {
    let (x, g) = (context.operands[0], try context.only())
    return [try x.trace.apply(MaxPoolGradient(self), [g, x, context.results[0]])[0]]
  }
}

extension ConvolutionWindows {
  func pooled(_ size: [Int]) -> [Attribute] { [Attribute("size", .ints(size))] + attributes }

  /// What pooling makes of `x`; `nil` of a shape that does not fit.
  func pooled(_ x: TensorType, size: [Int], _ operation: String) throws(GraphError) -> TensorType? {
    guard x.rank == strides.count + 2, dilations.allSatisfy({ $0 == 1 }) else { return nil }
    let counts = try counts(Array(x.shape[1..<x.rank - 1]), size: size, operation)
    return TensorType(x.dtype, x.shape[..<1] + counts + x.shape[(x.rank - 1)...])
  }
}

extension SymbolicTensor {
  /// The largest element of each window over the axes behind the batch: `[n, i…, c] -> [n, o…, c]`.
  public func maxPool(size: [Int], _ windows: ConvolutionWindows) throws(GraphError) -> SymbolicTensor {
    try apply(MaxPool(size: size, windows: windows))
  }
}
