public import MezzoGraph
public import MezzoPolicy

/// `activation(einsum(x, kernel) + bias)`: a ``Dense`` over any axes.
///
/// The equation names the axes of input, kernel and output, as in Keras: `abc,cd->abd` is a `Dense`, `abc,cde->abde`
/// one into two axes. `...` stands for leading axes that stay. Any numeric input is cast to the compute dtype; the
/// product is summed in at least float32.
///
/// ```swift
/// let heads = EinsumDense("abc,cde->abde", outputShape: [nil, 8, 64], biasAxes: "de")
/// let output = try Model(heads)(Tensor(zeros: TensorType(.float32, [2, 10, 32])))  // float32[2, 10, 8, 64]
/// ```
public struct EinsumDense: Layer, Hashable {
  public var equation: String
  /// The output's extents behind the batch; nil where they are the input's.
  public var outputShape: [Int?]
  /// The axes of the output that the bias has; none without a bias.
  public var biasAxes: String?
  public var activation: ActivationFunction
  public var kernelInitializer: Initializer
  public var biasInitializer: Initializer
  public var kernelRegularizer: Regularizer?
  public var biasRegularizer: Regularizer?
  public var kernelConstraint: Constraint?
  public var biasConstraint: Constraint?
  public var activityRegularizer: Regularizer?
  public var name: String?
  public let policy: DTypePolicy

  /// - Parameter policy: by default the one in effect here.
  public init(
    _ equation: String, outputShape: [Int?], activation: ActivationFunction = .linear, biasAxes: String? = nil,
    kernelInitializer: Initializer = .glorotUniform, biasInitializer: Initializer = .zeros,
    kernelRegularizer: Regularizer? = nil, biasRegularizer: Regularizer? = nil,
    activityRegularizer: Regularizer? = nil, kernelConstraint: Constraint? = nil,
    biasConstraint: Constraint? = nil, name: String? = nil, policy: DTypePolicy? = nil
  ) {
    self.equation = equation
    self.outputShape = outputShape
    self.activation = activation
    self.biasAxes = biasAxes
    self.kernelInitializer = kernelInitializer
    self.biasInitializer = biasInitializer
    self.kernelRegularizer = kernelRegularizer
    self.biasRegularizer = biasRegularizer
    self.kernelConstraint = kernelConstraint
    self.biasConstraint = biasConstraint
    self.activityRegularizer = activityRegularizer
    self.name = name
    self.policy = policy ?? globalPolicy()
  }

  public func call(_ input: SymbolicTensor, _ context: LayerContext) throws -> SymbolicTensor {
    let einsum = try Einsum(equation, rank: input.rank, context)
    var extents: [Character: Int] = [:]
    for (axis, extent) in zip(einsum.left, input.shape) { extents[axis] = extent }
    // As many axes of the output as are said, from the end on.
    for (axis, extent) in zip(einsum.result.reversed(), outputShape.reversed()) {
      guard let extent else { continue }
      try context.require(
        extent > 0 && extent < 1 << 31 && (extents[axis] ?? extent) == extent,
        "an output shape that fits the input \(input.shape)",
        outputShape.map { $0 ?? -1 })
      extents[axis] = extent
    }
    let shape = einsum.right.compactMap { extents[$0] }
    try context.require(
      shape.count == einsum.right.count, "an output shape that says every extent that the input does not",
      outputShape.map { $0 ?? -1 })
    let multiply = try product(input, shape, einsum, context)
    var bias: SymbolicTensor?
    var alignment: [Int] = []
    // What is the same for each row is done on the product itself, which may then be done with it in one go.
    var followsColumns = true
    if let biasAxes {
      let axes = Array(biasAxes)
      try context.require(
        axes.allSatisfy(einsum.result.contains) && Set(axes).count == axes.count, "axes of the output for the bias",
        biasAxes)
      let ordered = einsum.result.filter(axes.contains)
      bias = try context.variable(
        "bias", shape: ordered.compactMap { extents[$0] }, initializer: biasInitializer,
        regularizer: biasRegularizer, constraint: biasConstraint)
      followsColumns = ordered == einsum.columns && einsum.result.suffix(ordered.count) == einsum.columns[...]
      let first = einsum.result.firstIndex(where: axes.contains) ?? einsum.result.count
      alignment = einsum.result[first...].map { axes.contains($0) ? extents[$0] ?? 1 : 1 }
    }
    let activatesColumns = followsColumns && einsum.columns.count == 1 && einsum.result.last == einsum.columns[0]
    var output = try multiply { product in
      guard followsColumns else { return product }
      let sum = try bias.map { try product + $0.reshaped([$0.shape.reduce(1, *)]) } ?? product
      return activatesColumns ? try activation(sum, dialect: context.dialect) : sum
    }
    if let bias, !followsColumns { output = try output + bias.reshaped(alignment) }
    if !activatesColumns { output = try activation(output, dialect: context.dialect) }
    try context.regularize(output, activityRegularizer)
    return output
  }

  /// The product with the kernel, finished as ``Einsum`` does.
  private func product(
    _ input: SymbolicTensor, _ shape: [Int], _ einsum: Einsum, _ context: LayerContext
  ) throws -> ((SymbolicTensor) throws -> SymbolicTensor) throws -> SymbolicTensor {
    let wide = try input.cast(to: context.floatingComputeDType())
    guard context.quantizesKernels else {
      let kernel = try context.variable(
        "kernel", shape: shape, initializer: kernelInitializer, regularizer: kernelRegularizer,
        constraint: kernelConstraint)
      return { finish in try einsum(wide, kernel, finish: finish) }
    }
    try context.require(
      einsum.batch.isEmpty, "an equation without axes that input, kernel and output share, as its kernel is in int8",
      equation)
    let kernel = try context.quantizedKernel(
      shape: shape, summed: einsum.summedOfRight, initializer: kernelInitializer)
    return { finish in
      try einsum(wide, kernel.values, finish: finish) { rows, columns in
        try context.product(rows, of: input, order: einsum.order, .init(values: columns, scale: kernel.scale))
      }
    }
  }
}
