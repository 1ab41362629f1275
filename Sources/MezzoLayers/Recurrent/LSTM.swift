import MezzoGraph
public import MezzoPolicy

/// Long short-term memory (Hochreiter and Schmidhuber, Neural Computation 9, 1997): `[batch, steps, features] ->
/// [batch, units]`.
///
/// `kernel` `[features, 4 · units]`, `recurrent_kernel` `[units, 4 · units]`, `bias` `[4 · units]`, with the parts in
/// Keras's order: input gate, forget gate, cell, output gate. The states are the output and the cell. See
/// ``RecurrentLayer`` for states and masks.
///
/// ```swift
/// let states = LSTM(64, returnSequences: true)
/// let output = try Model(states)(Tensor(zeros: TensorType(.float32, [2, 10, 8])))  // float32[2, 10, 64]
/// ```
public struct LSTM: RecurrentCell, Hashable {
  static let stateCount = 2
  static let gateCount = 4
  public var units: Int
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
  @AddedLater public var stateful: Bool
  @AddedLater public var dropout: Double
  @AddedLater public var recurrentDropout: Double
  public var name: String?
  public let policy: DTypePolicy

  /// - Parameter policy: by default the one in effect here.
  public init(
    _ units: Int, activation: ActivationFunction = .tanh, recurrentActivation: ActivationFunction = .sigmoid,
    useBias: Bool = true, kernelInitializer: Initializer = .glorotUniform,
    recurrentInitializer: Initializer = .orthogonal, biasInitializer: Initializer = .zeros, unitForgetBias: Bool = true,
    kernelRegularizer: Regularizer? = nil, recurrentRegularizer: Regularizer? = nil,
    biasRegularizer: Regularizer? = nil, kernelConstraint: Constraint? = nil,
    recurrentConstraint: Constraint? = nil, biasConstraint: Constraint? = nil,
    returnSequences: Bool = false, returnState: Bool = false,
    goBackwards: Bool = false, stateful: Bool = false, dropout: Double = 0, recurrentDropout: Double = 0,
    name: String? = nil,
    policy: DTypePolicy? = nil
  ) {
    self.units = units
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

  func prepare(_ features: Int, _ context: LayerContext) throws -> RecurrentStep {
    let kernel = try context.variable(
      "kernel", shape: [features, 4 * units], initializer: kernelInitializer,
      regularizer: kernelRegularizer, constraint: kernelConstraint)
    let recurrent = try context.variable(
      "recurrent_kernel", shape: [units, 4 * units], initializer: recurrentInitializer,
      regularizer: recurrentRegularizer, constraint: recurrentConstraint)
    let bias =
      try useBias
      ? context.variable(
        "bias", shape: [4 * units], initializer: unitForgetBias ? .forgetGateOnes : biasInitializer,
        regularizer: biasRegularizer, constraint: biasConstraint) : nil
    return RecurrentStep { inputs in
      let y = try SymbolicTensor.product(inputs, kernel)
      return try bias.map { try y + $0 } ?? y
    } step: { x, seen, states in
      let parts = try (x + SymbolicTensor.product(seen, recurrent)).split(axis: 1, into: 4)
      let dialect = context.dialect
      let (input, forget) = (
        try recurrentActivation(parts[0], dialect: dialect), try recurrentActivation(parts[1], dialect: dialect)
      )
      let cell = try forget * states[1] + input * activation(parts[2], dialect: dialect)
      let output = try recurrentActivation(parts[3], dialect: dialect) * activation(cell, dialect: dialect)
      return [output, cell]
    }
  }
}
