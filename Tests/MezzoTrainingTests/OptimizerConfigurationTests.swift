import Foundation
import MezzoPolicy
import MezzoTraining
import Testing

/// Optimizers as Keras writes them.
@Suite struct OptimizerConfigurationTests {
  private func read(_ text: String) throws -> any Optimizer {
    try JSONDecoder().decode(AnyOptimizer.self, from: Data(text.utf8)).optimizer
  }

  @Test func kerasConfigurationsAreRead() throws {
    let sgd = try #require(
      try read(
        """
        {"class_name": "SGD", "config": {"name": "SGD", "learning_rate": 0.5, "decay": 0.0, "momentum": 0.9,
        "nesterov": true, "clipnorm": 2}}
        """) as? SGD)
    #expect(sgd == SGD(learningRate: 0.5, momentum: 0.9, nesterov: true, clipping: .norm(2)))
    let adam = try #require(
      try read(
        """
        {"module": "keras.optimizers", "class_name": "adam", "registered_name": null, "config": {"learning_rate": 0.01,
        "beta_1": 0.8, "beta_2": 0.99, "epsilon": 1e-5, "use_ema": false, "ema_momentum": 0.99, "weight_decay": null}}
        """) as? Adam)
    #expect(adam == Adam(learningRate: 0.01, beta1: 0.8, beta2: 0.99, epsilon: 1e-5))
    let muon = try #require(
      try read(
        """
        {"module": "keras.optimizers", "class_name": "Muon", "config": {"name": "muon", "learning_rate": 0.01,
        "weight_decay": null, "clipnorm": null, "use_ema": false, "ema_momentum": 0.99, "adam_beta_1": 0.8, "adam_beta_2": 0.9,
        "epsilon": 1e-06, "exclude_layers": ["last"], "muon_a": 3.0, "muon_b": -4.0, "muon_c": 2.0, "adam_lr_ratio": 0.5,
        "momentum": 0.9, "ns_steps": 6, "nesterov": false, "exclude_embeddings": false, "adam_weight_decay": 0.25,
        "rms_rate": null}}
        """) as? Muon)
    #expect(
      muon
        == Muon(
          learningRate: 0.01, momentum: 0.9, nesterov: false, weightDecay: 0,
          coefficients: Muon.Coefficients(a: 3, b: -4, c: 2), iterations: 6, rmsRate: nil,
          adam: Muon.AdamSettings(beta1: 0.8, beta2: 0.9, epsilon: 1e-6, weightDecay: 0.25, rateRatio: 0.5),
          excludedLayers: ["last"], excludesEmbeddings: false))
  }

  @Test(arguments: [
    #""SGD", "config": {"learning_rate": "fast"}"#, #""SGD", "config": {"decay": 0.1}"#,
    #""SGD", "config": {"learning_rate": {"class_name": "Zigzag"}}"#,
    #""Adamax", "config": {"amsgrad": true}"#, #""Adam", "config": {"use_ema": true, "ema_momentum": "x"}"#,
    #""Adam", "config": {"clipnorm": 1, "clipvalue": 1}"#,
    #""SGD", "config": {"nesterov": 1}"#, #""Frob", "config": {}"#,
  ])
  func whatIsNotKnownIsNotLost(text: String) {
    #expect(throws: TrainingError.self) { try read(#"{"class_name": "# + text + "}") }
  }

  @Test func averagesAreMembersOfWhatIsAveraged() throws {
    let read = try read(
      """
      {"class_name": "Adam", "config": {"learning_rate": {"class_name": "CosineDecay", "config":
      {"initial_learning_rate": 0.5, "decay_steps": 8}}, "use_ema": true, "ema_momentum": 0.9,
      "ema_overwrite_frequency": 3, "amsgrad": true}}
      """)
    let average = try #require(read as? ExponentialMovingAverage)
    #expect(average.momentum == 0.9 && average.overwriteFrequency == 3)
    let scheduled = try #require(average.innerOptimizer as? Scheduled)
    #expect(scheduled.schedule == .cosineDecay(initial: 0.5, steps: 8))
    #expect(scheduled.innerOptimizer as? Adam == Adam(learningRate: 0.5, amsgrad: true))
    let members = try JSONDecoder().decode(
      [String: ConfigurationValue].self, from: JSONEncoder().encode(AnyOptimizer(average)))
    #expect(members["class_name"] == "Adam")
    guard case .object(let config)? = members["config"] else { throw TrainingError.unknownLoss(name: "none") }
    #expect(
      config["use_ema"] == true && config["ema_momentum"] == .number(0.9) && config["ema_overwrite_frequency"] == 3)
    #expect(config["amsgrad"] == true)
  }

  @Test func anOptimizerIsMadeOfAClassNameAndSettings() throws {
    let settings: [String: ConfigurationValue] = ["learning_rate": .number(0.5), "momentum": .number(0.25)]
    let made = try AnyOptimizer(className: "rmsprop", configuration: settings).optimizer
    #expect(made as? RMSprop == RMSprop(learningRate: 0.5, momentum: 0.25))
    #expect(throws: TrainingError.self) { try AnyOptimizer(className: "Adam", configuration: settings) }
  }

  static let originals: [any Optimizer] = [
    SGD(), SGD(learningRate: 0.3, momentum: 0.5, nesterov: true, clipping: .value(0.25)),
    Adam(learningRate: 0.1, weightDecay: 0.01, clipping: .globalNorm(3)), Adam(amsgrad: true),
    Adamax(beta1: 0.5, clipping: .norm(1)), Nadam(epsilon: 1e-3), ScheduleFreeAdamW(beta1: 0.5, warmupSteps: 7),
    Muon(
      momentum: 0.5, coefficients: Muon.Coefficients(a: 3, b: -4, c: 2), iterations: 3, rmsRate: nil,
      adam: Muon.AdamSettings(beta1: 0.5, beta2: 0.75, epsilon: 1e-5, weightDecay: 0, rateRatio: 0.5),
      excludedLayers: ["last", "first$"], excludesEmbeddings: false, clipping: .value(2)),
    ExponentialMovingAverage(Scheduled(Lion(), by: .constant(0.25)), momentum: 0.5, overwriteFrequency: 7),
  ]

  @Test(arguments: originals.indices) func roundTripsAreTheIdentity(index: Int) throws {
    for original in [Self.originals[index], try LossScaleOptimizer(Self.originals[index])] {
      let data = try JSONEncoder().encode(AnyOptimizer(original))
      let copy = try JSONDecoder().decode(AnyOptimizer.self, from: data).optimizer
      let again = try JSONDecoder().decode(ConfigurationValue.self, from: JSONEncoder().encode(AnyOptimizer(copy)))
      #expect(try JSONDecoder().decode(ConfigurationValue.self, from: data) == again)
      #expect(type(of: copy) == type(of: original))
    }
  }

  @Test(arguments: [
    LossScale.dynamic(initialScale: 16, growthInterval: 7), .fixed(32), .flax(growthInterval: 3), .apex(), .jmp(8),
    .dynamic(growthFactor: 4),
  ])
  func everyScaleSurvives(scale: LossScale) throws {
    let data = try JSONEncoder().encode(LossScaleOptimizer(SGD(), lossScale: scale))
    let copy = try JSONDecoder().decode(LossScaleOptimizer.self, from: data)
    #expect(copy.lossScale == scale)
  }

  @Test func theConfigurationHoldsTheFirstScale() throws {
    var scale = LossScale.dynamic(initialScale: 8)
    _ = scale.update(gradientsAreFinite: false)
    let data = try JSONEncoder().encode(LossScaleOptimizer(SGD(), lossScale: scale))
    let members = try JSONDecoder().decode([String: ConfigurationValue].self, from: data)
    #expect(Set(members.keys) == ["inner_optimizer", "dynamic", "initial_scale", "dynamic_growth_steps"])
    #expect(members["initial_scale"] == 8 && members["dynamic_growth_steps"] == 2000 && members["dynamic"] == true)
  }

  @Test func oldFilesAreRead() throws {
    let old = try read(
      """
      {"class_name": "LossScaleOptimizer", "config": {"optimizer": {"class_name": "SGD", "config": {"learning_rate": 0.5}},
      "loss_scale": {"class_name": "DynamicLossScale", "config": {"initial_loss_scale": 16, "increment_period": 7,
      "multiplier": 2.0}}}}
      """)
    let optimizer = try #require(old as? LossScaleOptimizer)
    #expect(optimizer.lossScale == .dynamic(initialScale: 16, growthInterval: 7))
    #expect(optimizer.learningRate == 0.5)
  }

  @Test(arguments: [
    #"{"dynamic": true}"#, #"{"inner_optimizer": {"class_name": "SGD", "config": {}}, "dynamic": 1}"#,
    #"{"inner_optimizer": {"class_name": "SGD", "config": {}}, "dynamic": false}"#,
    #"{"inner_optimizer": {"class_name": "SGD", "config": {}}, "growth": 3}"#,
    #"{"optimizer": {"class_name": "SGD", "config": {}}, "loss_scale": {"class_name": "DynamicLossScale", "config": {"multiplier": 4}}}"#,
  ])
  func damagedConfigurationsAreTypedErrors(text: String) {
    #expect(throws: LossScaleError.self) {
      try JSONDecoder().decode(LossScaleOptimizer.self, from: Data(text.utf8))
    }
  }

  @Test func nestedConfigurationsAreRefused() {
    let inner =
      #"{"class_name": "LossScaleOptimizer", "config": {"inner_optimizer": {"class_name": "SGD", "config": {}}}}"#
    #expect(throws: TrainingError.nestedLossScaling) {
      try JSONDecoder().decode(
        LossScaleOptimizer.self, from: Data((#"{"inner_optimizer": "# + inner + "}").utf8))
    }
  }

  @Test func withoutMomentumNothingIsKept() {
    #expect(SGD().slots == [])
    #expect(SGD(nesterov: true).slots == [])
    #expect(SGD(momentum: 0.5).slots == ["momentum"])
  }
}
