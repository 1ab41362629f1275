import MezzoGraph
import MezzoPolicy
import MezzoTraining

/// An optimizer with the settings of a case's system, stepped with given gradients through real plans.
struct LossScaleRun {
  private(set) var optimizer: LossScaleOptimizer
  private(set) var variables: [Tensor]
  /// Whether gradients are handed over with the scale in them, as the system's own optimizer wants them.
  private let takesScaled: Bool

  /// - Parameters:
  ///   - initial: the first scale; nil for the system's default.
  ///   - growth: finite steps until the scale grows; nil for the system's default.
  ///   - variables: how many scalars are trained, from 0, with a rate of 1.
  init(
    _ system: String, dynamic: Bool = true, initial: Double?, growth: Int?, variables: Int
  ) throws {
    optimizer = try LossScaleOptimizer(
      SGD(learningRate: 1), lossScale: Self.scale(system, dynamic: dynamic, initial: initial, growth: growth))
    self.variables = try (0..<variables).map { _ in try Tensor([0], shape: [1], dtype: .float32) }
    takesScaled = [.keras3, .flax, .torch].contains(GoldenSystem(rawValue: system))
  }

  var lossScale: LossScale { optimizer.lossScale }

  /// One step.
  ///
  /// - Parameter gradients: without a scale; nil for a variable that has none.
  /// - Returns: whether it was applied.
  mutating func step(_ gradients: [Double?]) throws -> Bool {
    let scale = Double(lossScale.value)
    let tensors = try gradients.map { gradient in
      try gradient.map { try Tensor([takesScaled ? $0 * scale : $0], shape: [1], dtype: .float32) }
    }
    return try step(tensors, areScaled: takesScaled)
  }

  /// One step with gradients of a scaled loss.
  mutating func step(scaled gradients: [Tensor]) throws -> Bool { try step(gradients, areScaled: true) }

  private mutating func step(_ tensors: [Tensor?], areScaled: Bool) throws -> Bool {
    let gradients =
      areScaled
      ? try ScaledGradients(tensors, scale: Tensor(Double(lossScale.value), dtype: .float32)).unscaled()
      : Gradients(tensors)
    return try optimizer.apply(gradients, to: &variables).appliesStep
  }

  private static func scale(_ system: String, dynamic: Bool, initial: Double?, growth: Int?) throws -> LossScale {
    switch GoldenSystem(rawValue: system) {
    case .jmp: return .jmp(Float(initial ?? 32768), period: growth ?? 2000)
    case .flax: return .flax(initialScale: Float(initial ?? 65536), growthInterval: growth ?? 2000)
    case .torch: return try .torch(initialScale: Float(initial ?? 65536), growthInterval: growth ?? 2000)
    default:
      return try LossScaleConfiguration(
        dynamic: dynamic, initialScale: initial, dynamicGrowthSteps: growth,
        dialect: PolicyEnvironment.current.dialect
      ).lossScale
    }
  }
}
