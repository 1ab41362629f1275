import ArgumentParser
import Mezzo

/// What follows the gradients, and how fast.
struct OptimizerOptions: ParsableArguments {
  @Option(help: "What follows the gradients.")
  var optimizer = OptimizerName.adam

  @Option(
    help: ArgumentHelp("The optimizer's learning rate. (default: 0.001; 0.01 for sgd)", valueName: "rate"),
    transform: Arguments.rate)
  var learningRate: Double?

  @Option(
    help: """
      How the rate goes on from there: constant, or to 0 at the last step by a cosine or a line, or to a hundredth by a \
      constant factor. (default: constant; cosine for --model cnn, resnet and transformer)
      """)
  var schedule: ScheduleName?

  @Option(
    help: ArgumentHelp("Steps in which a cosine schedule rises from 0 to the rate first.", valueName: "steps"),
    transform: Arguments.positive)
  var warmup: Int?

  @Option(
    help: ArgumentHelp(
      "What part of itself a weight loses in a step, times the rate. (default: 0; 0.004 for adamw)", valueName: "decay"),
    transform: Arguments.share)
  var weightDecay: Double?

  @Option(
    help: ArgumentHelp("The momentum of sgd and rmsprop. (default: 0)", valueName: "part"), transform: Arguments.share)
  var momentum: Double?

  @Option(
    help: ArgumentHelp("Scale gradients whose norm over all weights is larger to this norm.", valueName: "norm"),
    transform: Arguments.rate)
  var clipNorm: Double?

  @Option(
    help: ArgumentHelp(
      "Keep a running average of the weights with this momentum, such as 0.99; the model gets the averages.",
      valueName: "momentum"), transform: Arguments.share)
  var average: Double?

  func setting(for kind: Network.Kind) throws -> OptimizerSetting {
    let schedule = schedule ?? (kind == .dense ? .constant : .cosine)
    guard warmup == nil || schedule == .cosine else {
      throw ValidationError("--warmup expects --schedule cosine; found \(schedule.rawValue)")
    }
    let setting = OptimizerSetting(
      name: optimizer, learningRate: learningRate ?? (optimizer == .sgd ? 0.01 : 0.001), schedule: schedule,
      warmup: warmup ?? 0, weightDecay: weightDecay, momentum: momentum, clipNorm: clipNorm, average: average)
    // What the optimizer does not know is an error before the data is read.
    do {
      try setting.make(steps: 1).check()
    } catch let error as TrainingError {
      throw ValidationError("--optimizer \(optimizer.rawValue): \(error)")
    }
    return setting
  }
}

enum OptimizerName: String, ExpressibleByArgument, CaseIterable, Codable, Sendable {
  case adam, adamw, sgd, adamax, nadam, rmsprop, adagrad, adadelta, ftrl, lion, lamb, adafactor, muon
  case scheduleFree = "schedulefreeadamw"
}

enum ScheduleName: String, ExpressibleByArgument, CaseIterable, Codable, Sendable {
  case constant, cosine, linear, exponential
}

/// An optimizer for a training whose length is not known yet.
struct OptimizerSetting: Sendable {
  var name = OptimizerName.adam
  var learningRate = 0.001
  var schedule = ScheduleName.constant
  var warmup = 0
  var weightDecay: Double?
  var momentum: Double?
  var clipNorm: Double?
  var average: Double?

  /// - Parameter steps: of the whole training.
  /// - Throws: `TrainingError.invalidOption` for an option that the optimizer does not have.
  func make(steps: Int) throws -> any Optimizer {
    let decay = weightDecay ?? (name == .adamw ? 0.004 : nil)
    let members: [(key: String, value: Double?)] = [
      ("learning_rate", learningRate), ("weight_decay", decay), ("momentum", momentum), ("global_clipnorm", clipNorm),
    ]
    var configuration: [String: ConfigurationValue] = [:]
    for (key, value) in members { configuration[key] = value.map(ConfigurationValue.number) }
    var optimizer = try AnyOptimizer(className: name.rawValue, configuration: configuration).optimizer
    if let rates = rates(steps: steps) { optimizer = Scheduled(optimizer, by: rates) }
    return average.map { ExponentialMovingAverage(optimizer, momentum: $0) } ?? optimizer
  }

  private func rates(steps: Int) -> LearningRateSchedule? {
    switch schedule {
    case .constant: nil
    case .cosine where warmup > 0:
      .cosineDecay(initial: 0, steps: max(steps - warmup, 1), warmupTarget: learningRate, warmupSteps: warmup)
    case .cosine: .cosineDecay(initial: learningRate, steps: steps)
    case .linear: .polynomialDecay(initial: learningRate, steps: steps, end: 0)
    case .exponential: .exponentialDecay(initial: learningRate, steps: steps, rate: 0.01)
    }
  }
}
