public import MezzoBackend
public import MezzoGraph
import MezzoPolicy
public import MezzoRuntime

/// A layer, its variables, and the plans made for it.
///
/// A reference: training changes the variables that everyone who holds the model sees. Safe to use from several tasks;
/// predictions that run beside a training use the weights of the last finished epoch.
///
/// ```swift
/// let model = Model {
///   Dense(512, activation: .relu)
///   Dense(10, policy: .float32)
/// }
/// let logits = try model(images)
/// ```
public final class Model: Sendable {
  public let layer: any Layer
  /// With the same seed, variables begin with the same values.
  public let seed: UInt64
  public let runtime: Runtime

  private let state = Locked<Variables?>(nil)
  private let plans = Locked<[TensorType: Inference]>([:])

  private struct Inference: Sendable {
    var plan: Plan
    var paths: [String]
  }

  /// Plans for so many input types; each holds memory, and streams of ever new types must not pile it up.
  private static let planLimit = 16

  public init(_ layer: any Layer, seed: UInt64 = 0, runtime: Runtime = .shared) {
    self.layer = layer
    self.seed = seed
    self.runtime = runtime
  }

  /// A model of layers one after the other.
  public convenience init(
    seed: UInt64 = 0, runtime: Runtime = .shared, @LayerBuilder _ layers: () throws -> [any Layer]
  ) rethrows {
    self.init(Sequential(try layers()), seed: seed, runtime: runtime)
  }

  /// The weights.
  ///
  /// - Throws: `LayerError.notBuilt` before the input's shape was ever known.
  public var variables: Variables {
    get throws {
      guard let variables = state.withLock({ $0 }) else { throw LayerError.notBuilt(model: "the model") }
      return variables
    }
  }

  public var isBuilt: Bool { state.withLock { $0 != nil } }

  /// Replaces the weights; paths and types must be those of the model.
  public func setVariables(_ new: Variables) throws {
    if let old = state.withLock({ $0 }) {
      guard new.paths == old.paths else { throw LayerError.unknownVariables(expected: old.paths, found: new.paths) }
      for path in old.paths {
        guard let built = old[path]?.type, let given = new[path]?.type, built == given else {
          throw LayerError.variableType(
            path: path, built: old[path]?.type ?? TensorType(.float32, []),
            asked: new[path]?.type ?? TensorType(.float32, []))
        }
      }
    }
    state.withLock { $0 = new }
  }

  /// Makes the variables for inputs of this type, unless they are there already.
  ///
  /// - Parameter input: with the batch in front; which batch does not matter.
  public func build(input: TensorType) throws {
    if isBuilt { return }
    let call = try TracedCall(self, input: input, isTraining: false) { _ in .constant }
    var variables = Variables()
    for spec in call.variables {
      variables.set(
        spec.path, try spec.initializer.tensor(spec.type, seed: seed, path: spec.path), isTrainable: spec.isTrainable)
    }
    // Two tasks may have built at once, with the same result; the first stays, since somebody may hold it already.
    state.withLock { if $0 == nil { $0 = variables } }
  }

  /// Builds for float32 inputs of this shape.
  public func build(input shape: [Int]) throws { try build(input: TensorType(.float32, shape)) }

  /// The outputs for a batch `[batch, …]`, as in inference.
  public func callAsFunction(_ input: Tensor) throws -> Tensor {
    try build(input: input.type)
    let variables = try self.variables
    let inference = try inference(input.type)
    return try inference.plan.run([input] + variables.tensors(at: inference.paths))[0]
  }

  /// Who computes what, and why, when a batch of this type is put through the model. Makes no variables.
  public func explain(input: TensorType) throws -> Explanation {
    Explanation(try inference(input).plan, on: runtime)
  }

  /// The plan that a batch of this type runs on.
  package func plan(input: TensorType) throws -> Plan { try inference(input).plan }

  /// For float32 inputs of this shape.
  public func explain(input shape: [Int]) throws -> Explanation { try explain(input: TensorType(.float32, shape)) }

  private func inference(_ type: TensorType) throws -> Inference {
    if let known = plans.withLock({ $0[type] }) { return known }
    let call = try TracedCall(self, input: type, isTraining: false) { _ in .constant }
    let made = Inference(plan: try runtime.makePlan(call.graph), paths: call.variables.map(\.path))
    plans.withLock { plans in
      if plans.count >= Self.planLimit { plans.removeAll() }
      plans[type] = made
    }
    return made
  }
}
