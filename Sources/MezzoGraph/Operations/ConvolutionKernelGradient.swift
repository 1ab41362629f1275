public import MezzoBackend
import MezzoPolicy

/// The transpose of a ``Convolution`` by its kernel: `x[n, i…, c] dy[n, o…, f] -> [k…, c ∕ groups, f]`, summed in at least
/// float32.
public struct ConvolutionKernelGradient: Operation {
  public static let name = "convolution_kernel_gradient"
  public var convolution: Convolution
  /// The extents `k`.
  public var size: [Int]

  public init(_ convolution: Convolution, size: [Int]) {
    self.convolution = convolution
    self.size = size
  }

  public var lowering: Lowering { .backend(.convolutionKernelGradient, convolution.attributes) }

  public func resultTypes(_ operands: [TensorType]) throws(GraphError) -> [TensorType] {
    try requireCount(operands, 2)
    try requireFloatingPoint(operands)
    let (x, dy) = (operands[0], operands[1])
    guard x.rank == size.count + 2, dy.rank == x.rank, convolution.groups > 0 else {
      throw wrongShape("an input and a gradient of rank \(size.count + 2)", operands)
    }
    let kernel = TensorType(
      x.dtype, size + [x.shape[x.rank - 1] / convolution.groups, dy.shape[dy.rank - 1]])
    guard x.dtype == dy.dtype else { throw wrongDType("operands of one dtype", operands) }
    guard try convolution.result(x, kernel, Self.name) == dy else {
      throw wrongShape("the gradient of a convolution of \(x) with \(kernel)", operands)
    }
    return [kernel]
  }

  public func gradient(_ context: GradientContext) throws(GraphError) -> [SymbolicTensor?] {
    let (x, dy, g) = (context.operands[0], context.operands[1], try context.only())
    return [
      try dy.apply(ConvolutionInputGradient(convolution, extents: Array(x.shape[1...size.count])), g),
      try x.apply(convolution, g),
    ]
  }
}
