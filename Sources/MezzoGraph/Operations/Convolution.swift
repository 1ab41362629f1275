public import MezzoBackend
import MezzoPolicy

/// Windows over the axes behind the batch, each multiplied with one kernel, summed in at least float32: `x[n, i…, c]
/// kernel[k…, c ∕ groups, f] -> [n, o…, f]`.
public struct Convolution: Operation {
  public static let name = "convolution"
  public var windows: ConvolutionWindows
  /// Channels and filters fall into so many groups, and each filter sees the channels of its own.
  public var groups: Int

  public init(windows: ConvolutionWindows, groups: Int = 1) {
    self.windows = windows
    self.groups = groups
  }

  public var lowering: Lowering { .backend(.convolution, attributes) }

  var attributes: [Attribute] { windows.dilated + [Attribute("groups", .int(groups))] }

  public func resultTypes(_ operands: [TensorType]) throws(GraphError) -> [TensorType] {
    try requireCount(operands, 2)
    try requireFloatingPoint(operands)
    guard operands[0].dtype == operands[1].dtype else { throw wrongDType("operands of one dtype", operands) }
    guard let y = try result(operands[0], operands[1], Self.name) else {
      throw wrongShape(
        "x [batch, extents…, channels] and a kernel [sizes…, channels ∕ \(groups), filters] over "
          + "\(windows.strides.count) axes", operands)
    }
    return [y]
  }

  /// What the convolution makes; `nil` of shapes that do not fit.
  func result(_ x: TensorType, _ kernel: TensorType, _ operation: String) throws(GraphError) -> TensorType? {
    let (rank, axes) = (x.rank, windows.strides.count)
    guard rank == axes + 2, kernel.rank == rank, groups > 0, x.shape[rank - 1] % groups == 0,
      kernel.shape[rank - 2] == x.shape[rank - 1] / groups, kernel.shape[rank - 1] % groups == 0
    else { return nil }
    let counts = try windows.counts(Array(x.shape[1...axes]), size: Array(kernel.shape[..<axes]), operation)
    return TensorType(x.dtype, x.shape[..<1] + counts + kernel.shape[(rank - 1)...])
  }

  public func gradient(_ context: GradientContext) throws(GraphError) -> [SymbolicTensor?] {
    let (x, kernel, g) = (context.operands[0], context.operands[1], try context.only())
    return [
      try g.apply(ConvolutionInputGradient(self, extents: Array(x.shape[1..<x.rank - 1])), kernel),
      try x.apply(ConvolutionKernelGradient(self, size: Array(kernel.shape[..<(x.rank - 2)])), g),
    ]
  }
}

extension SymbolicTensor {
  /// Windows over the axes behind the batch, each multiplied with `kernel`: `[n, i…, c]` and `[k…, c ∕ groups, f] ->
  /// [n, o…, f]`.
  public func convolution(
    _ kernel: SymbolicTensor, _ windows: ConvolutionWindows, groups: Int = 1
  ) throws(GraphError) -> SymbolicTensor {
    try apply(Convolution(windows: windows, groups: groups), kernel)
  }
}
