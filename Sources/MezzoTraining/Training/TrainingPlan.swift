import MezzoBackend
import MezzoGraph
import MezzoLayers
import MezzoPolicy
import MezzoRuntime

/// A plan of training: where its inputs come from, and which of a training's tensors it changes.
struct TrainingPlan {
  let plan: Plan
  /// Names of the states, in the plan's order.
  let states: [String]
  private let feeds: [Feed]

  /// What goes into an input that is no state.
  enum Feed {
    case moreFeatures(Int)
    case moreTargets(Int)
    case sampleWeights(Int)
    case features, targets, lossScale, rate, step, share, key
    /// A tensor of the training that this plan only reads.
    case stored(String)
  }

  struct Scalars {
    var rate: Double
    /// Iterations of the optimizer, with this one.
    var step: Int
    /// All batches, with this one: those of skipped steps draw new random numbers too.
    var draw: Int
    var lossScale: Float
    var seed: UInt64
    /// Of the examples of one update, how many this batch has.
    var share = 1.0
  }

  /// - Parameter feeds: of inputs that are neither states nor constants nor the random key.
  init(_ graph: Graph, on runtime: Runtime, feeds: [Graph.ValueID: Feed]) throws {
    plan = try runtime.makePlan(graph)
    states = graph.inputs.filter { $0.role == .state }.map(\.name)
    self.feeds = graph.inputs.filter { $0.role != .state }.map { input in
      feeds[input.value] ?? (input.role == .constant ? .stored(input.name) : .key)
    }
  }

  /// - Parameter batch: nil for a plan that has none.
  func run(_ batch: TrainingBatch?, _ store: inout TrainingStore, _ scalars: Scalars) throws -> [Tensor] {
    let inputs = try inputs(batch, store, scalars)
    return try store.withStates(states) { try plan.run(inputs, states: &$0) }
  }

  /// Where the first infinity or NaN came from, in a run whose gradients were not finite.
  func firstNonFinite(_ batch: TrainingBatch?, _ store: TrainingStore, _ scalars: Scalars) throws -> NonFiniteReport? {
    try plan.firstNonFinite(try inputs(batch, store, scalars), states: try states.map { try store[$0] })
  }

  private func inputs(_ batch: TrainingBatch?, _ store: TrainingStore, _ scalars: Scalars) throws -> [Tensor] {
    try feeds.compactMap { feed in
      switch feed {
      case .features: batch?.features
      case .targets: batch?.targets
      case .moreFeatures(let index): try batch?.further(\.moreFeatures, index)
      case .moreTargets(let index): try batch?.further(\.moreTargets, index)
      case .sampleWeights(let index): try batch?.further(\.sampleWeights, index)
      case .lossScale: try Tensor(Double(scalars.lossScale), dtype: .float32)
      case .rate: try Tensor(scalars.rate, dtype: .float64)
      case .step: try Tensor(Double(scalars.step), dtype: .int64)
      case .share: try Tensor(scalars.share, dtype: .float64)
      case .key:
        try withUnsafeBytes(of: (scalars.seed, Int64(scalars.draw))) {
          try Tensor(bytes: $0, shape: [2], dtype: .int64)
        }
      case .stored(let name): try store[name]
      }
    }
  }
}
