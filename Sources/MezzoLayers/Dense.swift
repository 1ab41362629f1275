public import MezzoGraph
public import MezzoPolicy

/// `activation(x · kernel + bias)`: `[…, inputs] -> […, units]`.
///
/// `kernel` is `[inputs, units]`, `bias` `[units]`. Any numeric input is cast to the compute dtype, integers too, as in
/// `tf.keras`; the product is summed in at least float32, and bias and activation are applied before it is rounded.
/// Under an `int8_from_…` policy `kernel` is int8, `kernel_scale` `[units]` is what it is divided by, and each row of the
/// input is brought to int8 by its largest magnitude.
///
/// ```swift
/// let hidden = Dense(512, activation: .relu)
/// let logits = Dense(10, policy: .float32)
/// let layers = Sequential([hidden, logits])
/// let output = try Model(layers)(Tensor(zeros: TensorType(.float32, [32, 784])))  // float32[32, 10]
/// ```
public struct Dense: MaskPassing, Hashable {
  public var units: Int
  public var activation: ActivationFunction
  public var useBias: Bool
  public var kernelInitializer: Initializer
  public var biasInitializer: Initializer
  public var kernelRegularizer: Regularizer?
  public var biasRegularizer: Regularizer?
  public var kernelConstraint: Constraint?
  public var biasConstraint: Constraint?
  /// Sees the outputs, in the compute dtype; what it adds to the loss is a mean over the batch.
  public var activityRegularizer: Regularizer?
  public var name: String?
  public let policy: DTypePolicy

  /// - Parameter policy: by default the one in effect here.
  public init(
    _ units: Int, activation: ActivationFunction = .linear, useBias: Bool = true,
    kernelInitializer: Initializer = .glorotUniform, biasInitializer: Initializer = .zeros,
    kernelRegularizer: Regularizer? = nil, biasRegularizer: Regularizer? = nil,
    activityRegularizer: Regularizer? = nil, kernelConstraint: Constraint? = nil,
    biasConstraint: Constraint? = nil, name: String? = nil, policy: DTypePolicy? = nil
  ) {
    self.units = units
    self.activation = activation
    self.useBias = useBias
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
    guard units > 0 else {
      throw LayerError.invalidConfiguration(
        layer: "layer \(context.path)", expected: "at least 1 unit", found: "\(units)")
    }
    guard let compute = context.policy.computeDType, compute.isFloatingPoint else {
      throw LayerError.nonFloatingPolicy(layer: context.path, policy: context.policy.name)
    }
    guard input.rank >= 2 else {
      throw LayerError.inputShape(layer: context.path, expected: "[batch, …, inputs]", found: input.shape)
    }
    let inputs = input.shape[input.rank - 1]
    // The number of rows is written out rather than left to be inferred, which an extent of 0 would make ambiguous.
    let rows = try input.cast(to: compute).reshaped([input.shape.dropLast().reduce(1, *), inputs])
    var output: SymbolicTensor
    if context.quantizesKernels {
      let kernel = try context.quantizedKernel(shape: [inputs, units], summed: [0], initializer: kernelInitializer)
      output = try context.product(rows, of: input, order: Array(0..<input.rank), kernel)
    } else {
      let kernel = try context.variable(
        "kernel", shape: [inputs, units], initializer: kernelInitializer,
        regularizer: kernelRegularizer, constraint: kernelConstraint)
      output = try rows.matmul(kernel)
    }
    if useBias {
      output =
        try output
        + context.variable(
          "bias", shape: [units], initializer: biasInitializer, regularizer: biasRegularizer,
          constraint: biasConstraint)
    }
    output = try activation(output, dialect: context.dialect).reshaped(input.shape.dropLast() + [units])
    try context.regularize(output, activityRegularizer)
    return output
  }
}
