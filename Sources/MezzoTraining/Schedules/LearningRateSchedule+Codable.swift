public import MezzoPolicy

/// Configurations as Keras writes them: `{"class_name": "ExponentialDecay", "config": {"initial_learning_rate": …}}`.
extension LearningRateSchedule: Codable {
  public init(from decoder: any Decoder) throws {
    var read = try ClassConfiguration(from: decoder)
    let initial = try read.number("initial_learning_rate", default: 0.001)
    switch read.className {
    case "ExponentialDecay":
      self = .exponentialDecay(
        initial: initial, steps: try read.integer("decay_steps"), rate: try read.number("decay_rate", default: 1),
        staircase: try read.flag("staircase", default: false))
    case "PiecewiseConstantDecay":
      self = .piecewiseConstant(
        boundaries: try read.integers("boundaries"), values: try read.numbers("values"))
    case "PolynomialDecay":
      self = .polynomialDecay(
        initial: initial, steps: try read.integer("decay_steps"),
        end: try read.number("end_learning_rate", default: 1e-4), power: try read.number("power", default: 1),
        cycle: try read.flag("cycle", default: false))
    case "InverseTimeDecay":
      self = .inverseTimeDecay(
        initial: initial, steps: try read.integer("decay_steps"), rate: try read.number("decay_rate", default: 1),
        staircase: try read.flag("staircase", default: false))
    case "CosineDecay":
      self = .cosineDecay(
        initial: initial, steps: try read.integer("decay_steps"), alpha: try read.number("alpha", default: 0),
        warmupTarget: try read.optionalNumber("warmup_target"),
        warmupSteps: try read.integer("warmup_steps", default: 0))
    case "CosineDecayRestarts":
      self = .cosineDecayRestarts(
        initial: initial, firstSteps: try read.integer("first_decay_steps"),
        stepFactor: try read.number("t_mul", default: 2), rateFactor: try read.number("m_mul", default: 1),
        alpha: try read.number("alpha", default: 0))
    case "Constant": self = .constant(initial)
    default:
      throw TrainingError.invalidOption(
        name: "the class of a schedule",
        expected: """
          one of ExponentialDecay, PiecewiseConstantDecay, PolynomialDecay, InverseTimeDecay, CosineDecay, \
          CosineDecayRestarts and Constant
          """, found: read.className)
    }
    try read.finish()
    try check()
  }

  public func encode(to encoder: any Encoder) throws { try configuration.encode(to: encoder) }

  public var configuration: ConfigurationValue {
    let (name, members): (String, [String: ConfigurationValue]) =
      switch self {
      case .constant(let rate): ("Constant", ["initial_learning_rate": .number(rate)])
      case .exponentialDecay(let initial, let steps, let rate, let staircase):
        (
          "ExponentialDecay",
          [
            "initial_learning_rate": .number(initial), "decay_steps": .integer(steps), "decay_rate": .number(rate),
            "staircase": .bool(staircase),
          ]
        )
      case .piecewiseConstant(let boundaries, let values):
        (
          "PiecewiseConstantDecay",
          ["boundaries": .array(boundaries.map { .integer($0) }), "values": .array(values.map { .number($0) })]
        )
      case .polynomialDecay(let initial, let steps, let end, let power, let cycle):
        (
          "PolynomialDecay",
          [
            "initial_learning_rate": .number(initial), "decay_steps": .integer(steps),
            "end_learning_rate": .number(end), "power": .number(power), "cycle": .bool(cycle),
          ]
        )
      case .inverseTimeDecay(let initial, let steps, let rate, let staircase):
        (
          "InverseTimeDecay",
          [
            "initial_learning_rate": .number(initial), "decay_steps": .integer(steps), "decay_rate": .number(rate),
            "staircase": .bool(staircase),
          ]
        )
      case .cosineDecay(let initial, let steps, let alpha, let target, let warmup):
        (
          "CosineDecay",
          [
            "initial_learning_rate": .number(initial), "decay_steps": .integer(steps), "alpha": .number(alpha),
            "warmup_target": target.map { .number($0) } ?? .null, "warmup_steps": .integer(warmup),
          ]
        )
      case .cosineDecayRestarts(let initial, let steps, let stepFactor, let rateFactor, let alpha):
        (
          "CosineDecayRestarts",
          [
            "initial_learning_rate": .number(initial), "first_decay_steps": .integer(steps),
            "t_mul": .number(stepFactor), "m_mul": .number(rateFactor), "alpha": .number(alpha),
          ]
        )
      }
    return ["class_name": .string(name), "config": .object(members)]
  }
}
