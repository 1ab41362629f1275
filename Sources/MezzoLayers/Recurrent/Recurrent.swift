import MezzoBackend
import MezzoGraph
public import MezzoPolicy

/// A layer that goes through a sequence step by step: `[batch, steps, features] -> [batch, units]`.
///
/// With `returnSequences` the output is `[batch, steps, units]`; with `returnState` the final states follow it in an
/// array. Arguments: the sequence, and by position or by the name `initial_state` one tensor `[batch, units]` a state;
/// by the name `mask` `[batch, steps]`, false where a step is to be left out: the states stay, and so does the output. By
/// default that is the mask that the sequence carries, which sequences given back carry on.
///
/// A `stateful` layer goes on where its last call ended, in training and in inference, until ``Model/resetStates()``;
/// variables `state_0` … `[batch, units]` hold the states, in the compute dtype. Evaluation begins every batch with the states
/// as they are, and leaves them.
///
/// In training, `dropout` leaves out elements of the input and `recurrentDropout` of the state that a step begins with, and
/// what is kept grows by `1 ∕ (1 − rate)`: the same ones at all steps of a sequence, others at each call. With
/// `recurrentDropout` each gate chooses for itself, as in Keras.
///
/// Everything is computed in the compute dtype of the policy, states included. Steps are written out one after the
/// other when a model is traced, so plans grow with the number of steps.
public protocol RecurrentLayer: Layer {
  var returnSequences: Bool { get set }
  var returnState: Bool { get set }
  /// Whether it begins with the last step.
  var goBackwards: Bool { get set }
  /// Whether a call begins with the states that the one before it ended with. Then every batch has as many examples.
  var stateful: Bool { get set }
}

/// What the recurrent layers of Mezzo have in common.
package protocol RecurrentSettings: RecurrentLayer {
  var activation: ActivationFunction { get set }
  var useBias: Bool { get set }
  var kernelInitializer: Initializer { get set }
  var recurrentInitializer: Initializer { get set }
  var biasInitializer: Initializer { get set }
  var kernelRegularizer: Regularizer? { get set }
  var recurrentRegularizer: Regularizer? { get set }
  var biasRegularizer: Regularizer? { get set }
  var kernelConstraint: Constraint? { get set }
  var recurrentConstraint: Constraint? { get set }
  var biasConstraint: Constraint? { get set }
  /// What part of the elements of its input training leaves out, 0 ≤ rate < 1.
  var dropout: Double { get set }
  /// The same of the state that a step begins with.
  var recurrentDropout: Double { get set }
}

/// A recurrent layer by its step.
protocol RecurrentCell: RecurrentSettings {
  var units: Int { get }
  static var stateCount: Int { get }
  /// Parts of the kernels' columns.
  static var gateCount: Int { get }

  /// What the steps have in common: makes the variables, and says what each step does with its part of what `projected`
  /// gives for all steps at once.
  func prepare(_ features: Int, _ context: LayerContext) throws -> RecurrentStep
}

struct RecurrentStep {
  /// `[batch · steps, features] -> [batch · steps, …]`, of one input for all gates or of one for each.
  var projected: ([SymbolicTensor]) throws -> SymbolicTensor
  /// `[batch, …]`, the first state as all gates see it or as each does, and the states to the new states, the first of
  /// which is the output.
  var step:
    (_ projected: SymbolicTensor, _ seen: [SymbolicTensor], _ states: [SymbolicTensor]) throws -> [SymbolicTensor]
}

extension RecurrentCell {
  public func call(_ inputs: LayerInputs, _ context: LayerContext) throws -> TensorTree {
    try context.require(units > 0, "1 unit or more", units)
    let compute = try context.floatingComputeDType()
    let recurrence = try Recurrence(inputs, rank: 3, "[batch, steps, features]", context)
    let (input, batch, steps) = (recurrence.input, recurrence.batch, recurrence.steps)
    let cell = try prepare(input.shape[2], context)
    let sequence = try input.cast(to: compute)
    let dropped = try RecurrentDropout(
      (dropout, recurrentDropout), of: sequence, state: [batch, units], gates: Self.gateCount, context)
    let projected = try cell.projected(
      dropped.inputs(sequence).map { try $0.reshaped([batch * steps, input.shape[2]]) })
    let parts = try projected.reshaped([batch, steps, projected.shape[1]])
    return try recurrence.run(self, states: Self.stateCount, [batch, units], context) { index, states in
      let part = try parts.sliced(axis: 1, index..<index + 1).reshaped([batch, projected.shape[1]])
      return try cell.step(part, dropped.states(states[0]), states)
    }
  }
}

/// `h′ = activation(x · kernel + bias + h · recurrent_kernel)`: `[batch, steps, features] -> [batch, units]`.
///
/// `kernel` `[features, units]`, `recurrent_kernel` `[units, units]`, `bias` `[units]`. See ``RecurrentLayer`` for
/// states and masks.
///
/// ```swift
/// let last = SimpleRNN(32)
/// let output = try Model(last)(Tensor(zeros: TensorType(.float32, [2, 10, 8])))  // float32[2, 32]
/// ```
public struct SimpleRNN: RecurrentCell, Hashable {
  static let stateCount = 1
  static let gateCount = 1
  public var units: Int
  public var activation: ActivationFunction
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
  public var name: String?
  public let policy: DTypePolicy

  /// - Parameter policy: by default the one in effect here.
  public init(
    _ units: Int, activation: ActivationFunction = .tanh, useBias: Bool = true,
    kernelInitializer: Initializer = .glorotUniform, recurrentInitializer: Initializer = .orthogonal,
    biasInitializer: Initializer = .zeros, kernelRegularizer: Regularizer? = nil,
    recurrentRegularizer: Regularizer? = nil, biasRegularizer: Regularizer? = nil,
    kernelConstraint: Constraint? = nil, recurrentConstraint: Constraint? = nil,
    biasConstraint: Constraint? = nil, returnSequences: Bool = false,
    returnState: Bool = false, goBackwards: Bool = false, stateful: Bool = false, dropout: Double = 0,
    recurrentDropout: Double = 0,
    name: String? = nil,
    policy: DTypePolicy? = nil
  ) {
    self.units = units
    self.activation = activation
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
    self.name = name
    self.policy = policy ?? globalPolicy()
  }

  func prepare(_ features: Int, _ context: LayerContext) throws -> RecurrentStep {
    let kernel = try context.variable(
      "kernel", shape: [features, units], initializer: kernelInitializer,
      regularizer: kernelRegularizer, constraint: kernelConstraint)
    let recurrent = try context.variable(
      "recurrent_kernel", shape: [units, units], initializer: recurrentInitializer,
      regularizer: recurrentRegularizer, constraint: recurrentConstraint)
    let bias =
      try useBias
      ? context.variable(
        "bias", shape: [units], initializer: biasInitializer, regularizer: biasRegularizer,
        constraint: biasConstraint) : nil
    return RecurrentStep { inputs in
      let y = try SymbolicTensor.product(inputs, kernel)
      return try bias.map { try y + $0 } ?? y
    } step: { x, seen, _ in
      [try activation(x + SymbolicTensor.product(seen, recurrent), dialect: context.dialect)]
    }
  }
}
