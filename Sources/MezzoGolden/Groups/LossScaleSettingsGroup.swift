import MezzoPolicy
import MezzoTraining

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// What `LossScaleOptimizer` makes of its arguments and of configurations.
enum LossScaleSettingsGroup: GoldenGroup {
  static let names = ["lossscale.construct", "lossscale.from_config"]

  static func answer(_ testCase: GoldenCase) async throws -> GoldenAnswer {
    if testCase.group == "lossscale.from_config" {
      return .outcome(
        try testCase.outcome { try describe(read(try testCase.input.member("config")), in: testCase.system).settings })
    }
    let name = try testCase.input.string("case")
    guard let call = LossScaleConstruction(name, in: testCase.system) else {
      return .unsupported("the construction \(name)")
    }
    if call.wrapsNoOptimizer { return .skipped(.pythonType) }
    return .outcome(
      try testCase.outcome {
        let configuration = try LossScaleConfiguration(
          members: call.members, dialect: PolicyEnvironment.current.dialect)
        var optimizer = try LossScaleOptimizer(SGD(), lossScale: configuration.lossScale)
        if call.wrapsAnother { optimizer = try LossScaleOptimizer(optimizer, lossScale: configuration.lossScale) }
        return try describe(optimizer, in: testCase.system).construction
      })
  }

  private static func read(_ config: ConfigurationValue) throws -> LossScaleOptimizer {
    try JSONDecoder().decode(LossScaleOptimizer.self, from: try JSONEncoder().encode(config))
  }

  private static func describe(
    _ optimizer: LossScaleOptimizer, in system: String
  ) throws -> (settings: ConfigurationValue, construction: ConfigurationValue) {
    let encoder = JSONEncoder()
    encoder.nonConformingFloatEncodingStrategy = .convertToString(
      positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    var config = try JSONDecoder().decode(
      [String: ConfigurationValue].self, from: try encoder.encode(optimizer))
    config["inner_optimizer"] = config["inner_optimizer"]?["class_name"]
    let growth = config["dynamic_growth_steps"] ?? .null
    var settings: [String: ConfigurationValue] = [
      "growth": growth, "initial_scale": .exactly(Double(optimizer.lossScale.initialScale)),
    ]
    if system != "keras3" {
      settings["dynamic"] = .bool(optimizer.lossScale.isDynamic)
      settings["loss_scale"] = .exactly(Double(optimizer.lossScale.value))
    }
    var construction = settings
    construction["class"] = .string(LossScaleOptimizer.className)
    construction["config"] = .object(config)
    if system != "keras3" {
      construction["counter"] = optimizer.lossScale.isDynamic ? .integer(optimizer.lossScale.goodSteps) : .null
    }
    settings["learning_rate"] = .exactly(optimizer.learningRate)
    return (.object(settings), .object(construction))
  }

  static let differences = [
    DesignDifference(
      "Numbers of a configuration are numbers", systems: ["keras3"],
      cases: "a scale given as text, or a fraction of a step, both of which Keras 3 keeps as they are",
      behaviour: "They are converted as in TensorFlow 2.4: the text 8 is 8, and 2.7 steps are 2.",
      reason: "Keras 3 fails at the first step with the text, and never grows with the fraction."
    ) { testCase in
      guard case .object(var answer)? = testCase.expect["ok"], case .object(var config)? = answer["config"] else {
        return nil
      }
      if case .string(let text)? = answer["initial_scale"], let scale = Double(text), scale.isFinite {
        answer["initial_scale"] = .number(scale)
        config["initial_scale"] = .number(scale)
      } else if case .number(let steps)? = answer["growth"], let whole = Int(exactly: steps.rounded(.towardZero)) {
        answer["growth"] = .integer(whole)
        config["dynamic_growth_steps"] = .integer(whole)
      } else {
        return nil
      }
      answer["config"] = .object(config)
      return .ok(.object(answer))
    },
    DesignDifference(
      "Optimizers are values", systems: ["tf24", "tfkeras"],
      cases: "one optimizer that is wrapped twice, which these systems refuse",
      behaviour: "Each LossScaleOptimizer has an optimizer of its own, equal to the one that was given.",
      reason: "The refusal protects state that two wrappers would share. Values share none."
    ) { testCase in
      guard let name = try? testCase.input.string("case"), testCase.expect["error"] != nil,
        LossScaleConstruction(name, in: testCase.system)?.wrapsOneTwice == true
      else { return nil }
      return .ok([
        "class": testCase.system == "tfkeras" ? "LossScaleOptimizerV3" : "LossScaleOptimizer", "counter": 0,
        "dynamic": true, "growth": 2000, "initial_scale": 32768, "loss_scale": 32768,
        "config": [
          "dynamic": true, "dynamic_growth_steps": 2000, "initial_scale": 32768, "inner_optimizer": "SGD",
        ],
      ])
    },
    DesignDifference(
      "A loss is scaled once", systems: ["keras3"],
      cases: "a LossScaleOptimizer around another, which Keras 3 makes silently",
      behaviour: "It is refused, as in tf-keras.",
      reason: "The loss would be scaled twice, and two rules would follow the same gradients."
    ) { testCase in
      guard let name = try? testCase.input.string("case"), testCase.expect["ok"] != nil,
        LossScaleConstruction(name, in: testCase.system)?.wrapsAnother == true
      else { return nil }
      return .error(.valueError, naming: ["LossScaleOptimizer"])
    },
  ]
}
