import MezzoBackend
import MezzoCheckpoint
import MezzoGraph
public import MezzoLayers
public import MezzoPolicy
public import MezzoRuntime

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// A model that Keras 3 saved after it was compiled, with its optimizer and what that had kept: training goes on from where it
/// was.
///
/// ```swift
/// let saved = try KerasTraining("classifier.keras")
/// try await saved.fit(data, epochs: 2)
/// ```
/// or with another loss, `saved.model.fit(data, optimizer: saved.optimizer, loss: loss, from: saved.state)`. All optimizers of
/// Keras are read, with averages, schedules and loss scaling around them.
public struct KerasTraining: Sendable {
  public let model: Model
  public let optimizer: any Optimizer
  public let state: OptimizerState
  private let compiled: JSONValue?
  private let outputs: [KerasSaved.Output]
  private let path: String

  /// - Parameter policy: what all layers follow instead.
  /// - Throws: `CheckpointError` for what the model cannot be made of; `TrainingError.malformedCheckpoint` where there is no
  ///   optimizer, one of another class, or not what it keeps.
  public init(_ path: String, policy: DTypePolicy? = nil, runtime: Runtime = .shared) throws {
    let saved = try KerasSaved(path, policy: policy, runtime: runtime)
    func malformed(_ reason: String) -> TrainingError { .malformedCheckpoint(path: path, reason: reason) }
    guard let written = saved.compiled?["optimizer"], written["class_name"] != nil else {
      throw malformed("the model was not compiled, so that it has no optimizer; Model.keras loads it")
    }
    let members = ["class_name", "config"].reduce(into: [String: ConfigurationValue]()) {
      $0[$1] = written[$1]?.configuration
    }
    optimizer = try JSONDecoder().decode(AnyOptimizer.self, from: try JSONEncoder().encode(members)).optimizer
    guard let order = KerasSlots(optimizer) else {
      throw malformed("what an optimizer of the class \(type(of: optimizer).className) kept is not read")
    }
    model = saved.model
    compiled = saved.compiled
    outputs = saved.outputs
    self.path = path
    let variables = try saved.optimizerVariables()
    let trainable = try model.variables
    let types = saved.trainable.compactMap { path in trainable[path].map { (path: path, type: $0.type) } }
    do throws(KerasSlots.Mismatch) { state = try order.state(variables, of: types) } catch {
      throw malformed(error.reason)
    }
  }
}

extension KerasTraining {
  /// The losses and metrics that the model was compiled with.
  ///
  /// - Throws: `TrainingError` for what Mezzo does not have, and where there is no loss. A file with such ones loads all the
  ///   same.
  public func objective() throws -> KerasObjective {
    try KerasObjective(compiled, outputs: outputs, path: path)
  }

  /// Goes on as the model was compiled.
  ///
  /// - Throws: what ``objective()`` and the model's `fit` throw.
  @concurrent
  @discardableResult
  public func fit(
    _ data: DataSet, validation: DataSet? = nil, epochs: Int = 1, batch: Int = 32, seed: UInt64 = 0,
    callbacks: [any TrainingCallback] = [], progress: (@Sendable (TrainingProgress) -> Void)? = nil
  ) async throws -> History {
    let objective = try objective()
    return try await model.fit(
      data, validation: validation, epochs: epochs, batch: batch, optimizer: optimizer, loss: objective.loss,
      moreLosses: objective.moreLosses, lossWeights: objective.lossWeights, metrics: objective.metrics,
      moreMetrics: objective.moreMetrics, seed: seed, callbacks: callbacks, from: state, progress: progress)
  }
}

/// In which order an optimizer of Keras keeps its variables.
private struct KerasSlots {
  /// In front of all others, and whether one of them is the learning rate.
  private var front: Int
  /// Slots that come variable by variable, one list after the other.
  private var lists: [[String]]
  /// A slot that is one number for all variables, at the end.
  private var shared: String?
  /// What stands for a slot of a variable that Keras does not keep, or that Mezzo does not.
  private var placeholder: (_ slot: String, _ type: TensorType, _ path: String) -> TensorType? = { _, _, _ in nil }
  /// Whether Keras keeps slots that have a placeholder.
  private var keepsAll = false

  struct Mismatch: Error { var reason: String }

  init?(_ optimizer: any Optimizer) {
    switch optimizer {
    case let scaled as LossScaleOptimizer:
      guard let inner = KerasSlots(scaled.innerOptimizer) else { return nil }
      self = inner
      // Its own count and rate, the count of good steps and the scale.
      front += 4
    case let averaged as ExponentialMovingAverage:
      guard let inner = KerasSlots(averaged.innerOptimizer) else { return nil }
      self = inner
      lists.insert(["average"], at: 0)
    case let scheduled as Scheduled:
      guard let inner = KerasSlots(scheduled.innerOptimizer) else { return nil }
      self = inner
      // A schedule is no variable.
      front -= 1
    case is SGD, is Adagrad, is Lion, is Lamb, is Adamax, is Adadelta, is Ftrl:
      self.init(optimizer.slots.isEmpty ? [] : [optimizer.slots])
    case is Adam: self.init([["m", "v"]] + optimizer.slots.dropFirst(2).map { [$0] })
    case is ScheduleFreeAdamW: self.init([optimizer.slots])
    case let muon as Muon:
      self.init([muon.slots])
      placeholder = { slot, type, path in
        let kept = muon.slot(slot, of: type, at: path).type
        return kept == type ? nil : kept
      }
    case let adafactor as Adafactor:
      self.init([adafactor.slots])
      // Keras has the whole moment of a matrix too, which it makes of the sums anew in each step.
      keepsAll = true
      placeholder = { slot, type, _ in
        slot == "v" && type.rank >= 2 ? adafactor.slot(slot, of: type).type : nil
      }
    case is Nadam: self.init([["m", "v"]], shared: "u_product")
    case is RMSprop:
      // Keras has the averages last.
      self.init(["velocity", "momentum", "average_gradient"].filter(optimizer.slots.contains).map { [$0] })
    default: return nil
    }
  }

  private init(_ lists: [[String]], shared: String? = nil) {
    front = 2
    self.lists = lists
    self.shared = shared
  }

  /// - Parameters:
  ///   - variables: what Keras saved.
  ///   - trainable: the variables that are trained, in Keras's order.
  func state(
    _ variables: [Tensor], of trainable: [(path: String, type: TensorType)]
  ) throws(Mismatch) -> OptimizerState {
    let all = lists.flatMap { list in
      trainable.flatMap { path, type in
        list.map { (path: path, slot: $0, placeholder: placeholder($0, type, path)) }
      }
    }
    let slots = all.filter { $0.placeholder == nil || keepsAll }
    let count = front + slots.count + (shared == nil ? 0 : 1)
    guard variables.count == count, front > 0 else {
      throw Mismatch(
        reason:
          "its optimizer has \(variables.count) variables, expected \(count) for \(trainable.count) that are trained")
    }
    let counter = variables[front > 4 ? 4 : 0]
    guard counter.count == 1, let first = counter.scalars().first, let iterations = Int(exactly: first), iterations >= 0
    else { throw Mismatch(reason: "its optimizer has made \(counter.type) updates") }
    var kept: [String: Tensor] = [:]
    var rest = variables.dropFirst(front)
    for (path, slot, placeholder) in all {
      let name = VariableUpdates.slotName(slot, of: path)
      let saved = placeholder == nil || keepsAll ? rest.removeFirst() : nil
      kept[name] = try? placeholder.map { try Tensor(zeros: $0) } ?? saved
    }
    if let shared, let last = rest.first {
      for (path, _) in trainable { kept[VariableUpdates.slotName(shared, of: path)] = last }
    }
    return OptimizerState(iterations: iterations, slots: kept)
  }
}
