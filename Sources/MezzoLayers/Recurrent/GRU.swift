import MezzoGraph
public import MezzoPolicy

/// A gated recurrent unit (Cho et al., EMNLP 2014): `[batch, steps, features] -> [batch, units]`.
///
/// `kernel` `[features, 3 · units]`, `recurrent_kernel` `[units, 3 · units]`, with the parts in Keras's order: update
/// gate, reset gate, candidate. With `resetAfter` the reset gate follows the recurrent product, and `bias` is `[2, 3 ·
/// units]`, one row for each product; else it comes before, and `bias` is `[3 · units]`. See ``RecurrentLayer`` for
/// states and masks.
///
/// ```swift
/// let last = GRU(64)
/// let output = try Model(last)(Tensor(zeros: TensorType(.float32, [2, 10, 8])))  // float32[2, 64]
/// ```
public struct GRU: RecurrentCell, Hashable {
  static let stateCount = 1
  static let gateCount = 3
  public var units: Int
  public var activation: ActivationFunction
  public var recurrentActivation: ActivationFunction
  public var useBias: Bool
  public var kernelInitializer: Initializer
  public var recurrentInitializer: Initializer
  public var biasInitializer: Initializer
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
  public var resetAfter: Bool
  public var name: String?
  public let policy: DTypePolicy

  /// - Parameter policy: by default the one in effect here.
  public init(
    _ units: Int, activation: ActivationFunction = .tanh, recurrentActivation: ActivationFunction = .sigmoid,
    useBias: Bool = true, kernelInitializer: Initializer = .glorotUniform,
    recurrentInitializer: Initializer = .orthogonal, biasInitializer: Initializer = .zeros,
    kernelRegularizer: Regularizer? = nil, recurrentRegularizer: Regularizer? = nil,
    biasRegularizer: Regularizer? = nil, kernelConstraint: Constraint? = nil,
    recurrentConstraint: Constraint? = nil, biasConstraint: Constraint? = nil,
    returnSequences: Bool = false, returnState: Bool = false,
    goBackwards: Bool = false, stateful: Bool = false, dropout: Double = 0, recurrentDropout: Double = 0,
    resetAfter: Bool = true, name: String? = nil,
    policy: DTypePolicy? = nil
  ) {
    self.units = units
    self.activation = activation
    self.recurrentActivation = recurrentActivation
    self.useBias = useBias
    self.kernelInitializer = kernelInitializer
    self.recurrentInitializer = recurrentInitializer
    self.biasInitializer = biasInitializer
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
    self.resetAfter = resetAfter
    self.name = name
    self.policy = policy ?? globalPolicy()
  }

  func prepare(_ features: Int, _ context: LayerContext) throws -> RecurrentStep {
    let width = 3 * units
    let kernel = try context.variable(
      "kernel", shape: [features, width], initializer: kernelInitializer,
      regularizer: kernelRegularizer, constraint: kernelConstraint)
    let recurrent = try context.variable(
      "recurrent_kernel", shape: [units, width], initializer: recurrentInitializer,
      regularizer: recurrentRegularizer, constraint: recurrentConstraint)
    let bias =
      try useBias
      ? context.variable(
        "bias", shape: resetAfter ? [2, width] : [width], initializer: biasInitializer,
        regularizer: biasRegularizer, constraint: biasConstraint)
      : nil
    let biases =
      try bias.map { try resetAfter ? $0.split(axis: 0, into: 2).map { try $0.reshaped([width]) } : [$0] } ?? []
    let dialect = context.dialect
    return RecurrentStep { inputs in
      let y = try SymbolicTensor.product(inputs, kernel)
      return try biases.first.map { try y + $0 } ?? y
    } step: { x, seen, states in
      let h = states[0]
      let parts = try x.split(axis: 1, into: 3)
      let update: SymbolicTensor
      let candidate: SymbolicTensor
      if resetAfter {
        let product = try SymbolicTensor.product(seen, recurrent)
        let inner = try (biases.count == 2 ? product + biases[1] : product).split(axis: 1, into: 3)
        update = try recurrentActivation(parts[0] + inner[0], dialect: dialect)
        let reset = try recurrentActivation(parts[1] + inner[1], dialect: dialect)
        candidate = try activation(parts[2] + reset * inner[2], dialect: dialect)
      } else {
        let gates = try SymbolicTensor.product(
          seen.count > 1 ? Array(seen[..<2]) : seen, recurrent.sliced(axis: 1, 0..<2 * units)
        ).split(axis: 1, into: 2)
        update = try recurrentActivation(parts[0] + gates[0], dialect: dialect)
        let reset = try recurrentActivation(parts[1] + gates[1], dialect: dialect)
        candidate = try activation(
          parts[2] + (reset * seen[seen.count - 1]).matmul(recurrent.sliced(axis: 1, 2 * units..<width)),
          dialect: dialect)
      }
      return [try update * h + (1 - update) * candidate]
    }
  }
}
