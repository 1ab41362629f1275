import MezzoGraph
import MezzoPolicy
import MezzoTraining

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Steps in which float16 gradients overflow, the growth that comes without any setting, and clipping behind a scale.
enum LossScaleStepsGroup: GoldenGroup {
  static let names = ["lossscale.clip", "lossscale.default_growth", "lossscale.fp16_overflow"]

  static func answer(_ testCase: GoldenCase) async throws -> GoldenAnswer {
    switch testCase.group {
    case "lossscale.clip": .ok(try clip(testCase))
    case "lossscale.default_growth": .ok(try defaultGrowth(testCase))
    default: .ok(try overflow(testCase))
    }
  }

  /// Gradients in float16 with the scale in them, which then are unscaled and applied in float32.
  private static func overflow(_ testCase: GoldenCase) throws -> ConfigurationValue {
    var run = try LossScaleRun(
      testCase.system, initial: try testCase.input.double("init"), growth: try testCase.input.int("growth"),
      variables: 1)
    var scales: [ConfigurationValue] = []
    var variables: [ConfigurationValue] = []
    for value in try testCase.input.array("grads") {
      guard let gradient = value.asDouble else { throw GoldenFormError(expected: "a number", found: value.compact) }
      let narrow = try Tensor([gradient * Double(run.lossScale.value)], shape: [1], dtype: .float16)
      _ = try run.step(scaled: [narrow.cast(to: .float32)])
      scales.append(.exactly(Double(run.lossScale.value)))
      variables.append(.exactly(try run.variables[0].scalar()))
    }
    return ["scale": .array(scales), "var": .array(variables)]
  }

  /// Ten growths of the longest default. Each step runs a plan, so many more would not end.
  private static let mostSteps = 20_000

  /// The first step, and those that change the scale: `[step, scale, counter]`.
  private static func defaultGrowth(_ testCase: GoldenCase) throws -> ConfigurationValue {
    var run = try LossScaleRun(testCase.system, initial: nil, growth: nil, variables: 1)
    var changes: [ConfigurationValue] = []
    var last: Float?
    let steps = try testCase.input.int("steps")
    guard (0...mostSteps).contains(steps) else {
      throw GoldenFormError(expected: "0 to \(mostSteps) steps", found: "\(steps)")
    }
    for step in 0..<steps {
      _ = try run.step([1])
      let scale = run.lossScale
      if scale.value != last {
        changes.append(.array([.integer(step + 1), .exactly(Double(scale.value)), .integer(scale.goodSteps)]))
      }
      last = scale.value
    }
    return [
      "changes_step_scale_counter": .array(changes), "final_counter": .integer(run.lossScale.goodSteps),
    ]
  }

  private static func clip(_ testCase: GoldenCase) throws -> ConfigurationValue {
    let input = testCase.input
    var members = try input.object("inner")
    members["learning_rate"] = try input.member("lr")
    let sgd = try JSONDecoder().decode(SGD.self, from: try JSONEncoder().encode(members))
    let scale = try input.double("scale")
    var optimizer = try LossScaleOptimizer(sgd, lossScale: .dynamic(initialScale: Float(scale)))
    let gradient = try GoldenTensor.read(try input.array("unscaled_grad"), dtype: .float32)
    let scaled = try Tensor(gradient.scalars().map { $0 * scale }, shape: gradient.shape, dtype: .float32)
    var variables = [try GoldenTensor.read(try input.array("var0"), dtype: .float32)]
    try optimizer.apply(
      ScaledGradients([scaled], scale: Tensor(scale, dtype: .float32)).unscaled(), to: &variables)
    return .array(GoldenTensor.elements(variables[0]))
  }
}
