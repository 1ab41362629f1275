public import MezzoBackend
import MezzoPolicy

/// The transpose of a ``Convolution`` by its input, which is also what transposed convolutions are: `dy[n, o…, f]
/// kernel[k…, c ∕ groups, f] -> [n, i…, c]`, summed in at least float32.
public struct ConvolutionInputGradient: Operation {
  public static let name = "convolution_input_gradient"
  public var convolution: Convolution
  /// The extents `i`.
  public var extents: [Int]

  public init(_ convolution: Convolution, extents: [Int]) {
    self.convolution = convolution
    self.extents = extents
  }

  public var lowering: Lowering { .backend(.convolutionInputGradient, convolution.attributes) }

  public func resultTypes(_ operands: [TensorType]) throws(GraphError) -> [TensorType] {
    try requireCount(operands, 2)
    try requireFloatingPoint(operands)
    let (dy, kernel) = (operands[0], operands[1])
    guard dy.rank == extents.count + 2, kernel.rank == dy.rank, extents.allSatisfy({ $0 >= 0 }) else {
      throw wrongShape("a gradient and a kernel of rank \(extents.count + 2)", operands)
    }
    let (channels, overflow) = kernel.shape[kernel.rank - 2].multipliedReportingOverflow(by: convolution.groups)
    guard !overflow else { throw wrongShape("a kernel of fewer channels", operands) }
    let x = TensorType(dy.dtype, dy.shape[..<1] + extents + [channels])
    guard dy.dtype == kernel.dtype else { throw wrongDType("operands of one dtype", operands) }
    guard try convolution.result(x, kernel, Self.name) == dy else {
      throw wrongShape("the gradient of a convolution of \(x) with \(kernel)", operands)
    }
    return [x]
  }

  public func gradient(_ context: GradientContext) throws(GraphError) -> [SymbolicTensor?] {
    let (dy, kernel, g) = (context.operands[0], context.operands[1], try context.only())
    return [
      try g.apply(convolution, kernel),
      try g.apply(ConvolutionKernelGradient(convolution, size: Array(kernel.shape[..<extents.count])), dy),
    ]
  }
}

extension SymbolicTensor {
  /// The transpose of a convolution: every element of `[n, o…, f]` adds its window to `[n, extents…, c]`.
  public func transposedConvolution(
    _ kernel: SymbolicTensor, _ windows: ConvolutionWindows, groups: Int = 1, extents: [Int]
  ) throws(GraphError) -> SymbolicTensor {
    try apply(ConvolutionInputGradient(Convolution(windows: windows, groups: groups), extents: extents), kernel)
  }
}
