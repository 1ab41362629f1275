import MezzoPolicy

/// PyTorch's `GradScaler`: what its constructor takes, its state, and the order of its calls.
enum GradScalerGroup: GoldenGroup {
  static let names = ["torch.gradscaler"]

  static func answer(_ testCase: GoldenCase) async throws -> GoldenAnswer {
    if let arguments = testCase.input["kwargs"]?.asObject {
      return .outcome(try testCase.outcome { try construct(arguments) })
    }
    let name = try testCase.input.string("case")
    switch name {
    case "new_scale":
      // update(new_scale=7.0)
      var scale = try LossScale.torch()
      scale.restore(value: 7, goodSteps: 0)
      return .ok(.exactly(Double(scale.value)))
    case "state_dict": return .ok(try state(of: .torch()))
    default:
      let words = Set(name.split(separator: "_"))
      return words.isDisjoint(with: ["twice", "after", "before", "without"])
        ? .unsupported("the GradScaler case \(name)") : .skipped(.refusedByCompiler)
    }
  }

  private static func construct(_ arguments: [String: ConfigurationValue]) throws -> ConfigurationValue {
    let known: Set = ["init_scale", "growth_factor", "backoff_factor", "growth_interval", "enabled"]
    if let unknown = arguments.keys.first(where: { !known.contains($0) }) {
      throw GoldenFormError(expected: "an argument of GradScaler", found: unknown)
    }
    // A scaler that is not enabled multiplies by 1.
    let isEnabled = arguments["enabled"]?.asBool ?? true
    func number(_ key: String, _ fallback: Float) -> Float { arguments[key]?.asDouble.map { Float($0) } ?? fallback }
    let scale =
      isEnabled
      ? try LossScale.torch(
        initialScale: number("init_scale", 65536), growthFactor: number("growth_factor", 2),
        backoffFactor: number("backoff_factor", 0.5), growthInterval: arguments["growth_interval"]?.asInt ?? 2000)
      : .fixed(1)
    return ["enabled": .bool(isEnabled), "scale": .exactly(Double(scale.value))]
  }

  private static func state(of scale: LossScale) throws(GoldenFormError) -> ConfigurationValue {
    guard let dynamics = scale.dynamics else { throw GoldenFormError(expected: "a dynamic scale", found: "\(scale)") }
    return [
      "scale": .exactly(Double(scale.value)), "growth_factor": .exactly(Double(dynamics.growthFactor)),
      "backoff_factor": .exactly(Double(dynamics.backoffFactor)),
      "growth_interval": .integer(dynamics.growthInterval), "_growth_tracker": .integer(scale.goodSteps),
    ]
  }
}
