import MezzoGraph
public import MezzoPolicy

/// ``LSTM`` with convolutions over sequences in place of products: `[batch, steps, places, channels] -> [batch, out, filters]`.
///
/// ```swift
/// let last = ConvLSTM1D(4, kernelSize: 3, padding: .same)
/// let output = try Model(last)(Tensor(zeros: TensorType(.float32, [2, 5, 8, 3])))  // float32[2, 8, 4]
/// ```
public typealias ConvLSTM1D = ConvolutionalLSTM<OneAxis>
/// ``LSTM`` with convolutions over images in place of products: `[batch, steps, height, width, channels] -> [batch, out, out,
/// filters]`.
///
/// ```swift
/// let frames = ConvLSTM2D(4, kernelSize: [3, 2], returnSequences: true)
/// let output = try Model(frames)(Tensor(zeros: TensorType(.float32, [2, 3, 6, 6, 1])))  // float32[2, 3, 4, 5, 4]
/// ```
public typealias ConvLSTM2D = ConvolutionalLSTM<TwoAxes>
/// ``LSTM`` with convolutions over volumes in place of products: `[batch, steps, depth, height, width, channels] -> [batch, …,
/// filters]`.
///
/// ```swift
/// let last = ConvLSTM3D(2, kernelSize: 2)
/// let output = try Model(last)(Tensor(zeros: TensorType(.float32, [1, 2, 3, 3, 3, 1])))  // float32[1, 2, 2, 2, 2]
/// ```
public typealias ConvLSTM3D = ConvolutionalLSTM<ThreeAxes>

/// What ``ConvLSTM1D``, ``ConvLSTM2D`` and ``ConvLSTM3D`` are: long short-term memory whose states are images (Shi et al.,
/// NIPS 2015).
///
/// `kernel` is `[size…, channels, 4 · filters]`, `recurrent_kernel` `[size…, filters, 4 · filters]`, `bias` `[4 · filters]`, with
/// the parts in the order of ``LSTM``. Strides, padding and dilation are those of the windows over the input; the windows
/// over the state move by 1 and keep its extents. The states are the output and the cell, in the format of the data. See
/// ``RecurrentLayer`` for states and masks.
public struct ConvolutionalLSTM<Axes: SpatialAxes>: RecurrentSettings, Hashable {
  public var filters: Int
  public var kernelSize: Extents
  public var strides: Extents
  public var padding: Padding
  public var dataFormat: DataFormat
  public var dilationRate: Extents
  public var activation: ActivationFunction
  public var recurrentActivation: ActivationFunction
  public var useBias: Bool
  public var kernelInitializer: Initializer
  public var recurrentInitializer: Initializer
  public var biasInitializer: Initializer
  /// Whether the bias of the forget gate begins with 1.
  public var unitForgetBias: Bool
  public var kernelRegularizer: Regularizer?
  public var recurrentRegularizer: Regularizer?
  public var biasRegularizer: Regularizer?
  public var kernelConstraint: Constraint?
  public var recurrentConstraint: Constraint?
  public var biasConstraint: Constraint?
  public var returnSequences: Bool
  public var returnState: Bool
  public var goBackwards: Bool
  public var stateful: Bool
  public var dropout: Double
  public var recurrentDropout: Double
  public var name: String?
  public let policy: DTypePolicy

  public static var className: String { "ConvLSTM\(Axes.count)D" }

  /// - Parameter policy: by default the one in effect here.
  public init(
    _ filters: Int, kernelSize: Extents, strides: Extents = 1, padding: Padding = .valid,
    dataFormat: DataFormat = .channelsLast, dilationRate: Extents = 1, activation: ActivationFunction = .tanh,
    recurrentActivation: ActivationFunction = .sigmoid, useBias: Bool = true,
    kernelInitializer: Initializer = .glorotUniform, recurrentInitializer: Initializer = .orthogonal,
    biasInitializer: Initializer = .zeros, unitForgetBias: Bool = true, kernelRegularizer: Regularizer? = nil,
    recurrentRegularizer: Regularizer? = nil, biasRegularizer: Regularizer? = nil,
    kernelConstraint: Constraint? = nil, recurrentConstraint: Constraint? = nil, biasConstraint: Constraint? = nil,
    returnSequences: Bool = false, returnState: Bool = false, goBackwards: Bool = false, stateful: Bool = false,
    dropout: Double = 0, recurrentDropout: Double = 0, name: String? = nil, policy: DTypePolicy? = nil
  ) {
    self.filters = filters
    self.kernelSize = kernelSize
    self.strides = strides
    self.padding = padding
    self.dataFormat = dataFormat
    self.dilationRate = dilationRate
    self.activation = activation
    self.recurrentActivation = recurrentActivation
    self.useBias = useBias
    self.kernelInitializer = kernelInitializer
    self.recurrentInitializer = recurrentInitializer
    self.biasInitializer = biasInitializer
    self.unitForgetBias = unitForgetBias
    self.kernelRegularizer = kernelRegularizer
    self.recurrentRegularizer = recurrentRegularizer
    self.biasRegularizer = biasRegularizer
    self.kernelConstraint = kernelConstraint
    self.recurrentConstraint = recurrentConstraint
    self.biasConstraint = biasConstraint
    self.returnSequences = returnSequences
    self.returnState = returnState
    self.goBackwards = goBackwards
    self.stateful = stateful
    self.dropout = dropout
    self.recurrentDropout = recurrentDropout
    self.name = name
    self.policy = policy ?? globalPolicy()
  }

  public func call(_ inputs: LayerInputs, _ context: LayerContext) throws -> TensorTree {
    try context.require(filters > 0, "1 filter or more", filters)
    let recurrence = try Recurrence(inputs, rank: Axes.count + 3, "\(Axes.expected(dataFormat)) with steps", context)
    let (batch, steps) = (recurrence.batch, recurrence.steps)
    // All steps at once are a batch of images.
    let images = try recurrence.input.reshaped([batch * steps] + recurrence.input.shape[2...])
    let (x, geometry) = try context.windowed(
      Axes.self, images, size: kernelSize, strides: strides, dilations: dilationRate, padding, dataFormat)
    let kernels = try kernels(geometry.size, channels: x.shape[x.rank - 1], context)
    let windows = try geometry.windows(over: x, context)
    let sequence = try x.reshaped([batch, steps] + x.shape[1...])
    let places = (0..<Axes.count).map { axis in
      let extent: Int = x.shape[axis + 1] + windows.low[axis] + windows.high[axis]
      return (extent - geometry.span[axis]) / geometry.strides[axis] + 1
    }
    let state = [batch] + places + [filters]
    let dropped = try RecurrentDropout(
      (dropout, recurrentDropout), of: sequence, state: state, gates: 4, context)
    var sums = try SymbolicTensor.convolution(
      dropped.inputs(sequence).map { try $0.reshaped(x.shape) }, kernels.input, windows)
    if let bias = kernels.bias { sums = try sums + bias }
    let parts = try sums.reshaped([batch, steps] + sums.shape[1...])
    let inner = WindowGeometry(
      size: geometry.size, strides: places.map { _ in 1 }, dilations: places.map { _ in 1 }, padding: .same)
    let outer = dataFormat == .channelsLast ? state : [batch, filters] + places
    return try recurrence.run(self, states: 2, outer, context) { index, states in
      let last = try states.map { try dataFormat.channelsLast($0) }
      let seen = try SymbolicTensor.convolution(
        dropped.states(last[0]), kernels.recurrent, inner.windows(over: last[0], context))
      let gates = try (parts.sliced(axis: 1, index..<index + 1).reshaped(seen.shape) + seen).split(
        axis: seen.rank - 1, into: 4)
      return try next(gates, cell: last[1], context.dialect).map { try dataFormat.restored($0) }
    }
  }

  private func kernels(
    _ size: [Int], channels: Int, _ context: LayerContext
  ) throws -> (input: SymbolicTensor, recurrent: SymbolicTensor, bias: SymbolicTensor?) {
    let kernel = try context.variable(
      "kernel", shape: size + [channels, 4 * filters], initializer: kernelInitializer,
      regularizer: kernelRegularizer, constraint: kernelConstraint)
    let recurrent = try context.variable(
      "recurrent_kernel", shape: size + [filters, 4 * filters], initializer: recurrentInitializer,
      regularizer: recurrentRegularizer, constraint: recurrentConstraint)
    guard useBias else { return (kernel, recurrent, nil) }
    let bias = try context.variable(
      "bias", shape: [4 * filters], initializer: unitForgetBias ? .forgetGateOnes : biasInitializer,
      regularizer: biasRegularizer, constraint: biasConstraint)
    return (kernel, recurrent, bias)
  }

  /// The output and the cell behind a step.
  private func next(
    _ gates: [SymbolicTensor], cell: SymbolicTensor, _ dialect: PolicyDialect
  ) throws -> [SymbolicTensor] {
    let (input, forget) = (
      try recurrentActivation(gates[0], dialect: dialect), try recurrentActivation(gates[1], dialect: dialect)
    )
    let cell = try forget * cell + input * activation(gates[2], dialect: dialect)
    return [try recurrentActivation(gates[3], dialect: dialect) * activation(cell, dialect: dialect), cell]
  }
}

extension SymbolicTensor {
  /// Of several inputs each meets its part of the filters.
  fileprivate static func convolution(
    _ inputs: [SymbolicTensor], _ kernel: SymbolicTensor, _ windows: ConvolutionWindows
  ) throws -> SymbolicTensor {
    if inputs.count == 1 { return try inputs[0].convolution(kernel, windows) }
    let parts = try kernel.split(axis: kernel.rank - 1, into: inputs.count)
    return try concatenate(
      zip(inputs, parts).map { try $0.convolution($1, windows) }, axis: inputs[0].rank - 1)
  }
}
