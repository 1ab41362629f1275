import Foundation
import MezzoGraph
import MezzoPolicy
import MezzoRuntime
import MezzoTraining
import Testing

/// Learning rates against the formulas of Keras 3, computed elsewhere in double precision.
@Suite struct LearningRateScheduleTests {
  static let schedules: [LearningRateSchedule] = [
    .exponentialDecay(initial: 0.1, steps: 10, rate: 0.96),
    .exponentialDecay(initial: 0.1, steps: 10, rate: 0.96, staircase: true),
    .inverseTimeDecay(initial: 0.1, steps: 10, rate: 0.5),
    .inverseTimeDecay(initial: 0.1, steps: 10, rate: 0.5, staircase: true),
    .polynomialDecay(initial: 0.1, steps: 20, end: 0.01, power: 0.5),
    .polynomialDecay(initial: 0.1, steps: 20, end: 0.01, power: 2, cycle: true),
    .cosineDecay(initial: 0.1, steps: 30, alpha: 0.05),
    .cosineDecay(initial: 0, steps: 30, alpha: 0.05, warmupTarget: 0.1, warmupSteps: 8),
    .cosineDecayRestarts(initial: 0.1, firstSteps: 10, stepFactor: 2, rateFactor: 0.8, alpha: 0.01),
    .cosineDecayRestarts(initial: 0.1, firstSteps: 10, stepFactor: 1, rateFactor: 0.9),
    .piecewiseConstant(boundaries: [5, 10], values: [1, 0.5, 0.1]), .constant(0.25),
  ]

  /// By step, for the first ten schedules.
  static let rates: [(Int, [Double])] = [
    (0, [0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.0, 0.1, 0.1]),
    (
      1,
      [
        0.09959261213978507, 0.1, 0.09523809523809523, 0.1, 0.09772114910328067, 0.091225, 0.09973979002999299, 0.0125,
        0.09757729755661011, 0.09755282581475769,
      ]
    ),
    (
      7,
      [
        0.09718290192035611, 0.1, 0.07407407407407407, 0.1, 0.08256031973468696, 0.048025, 0.08779937921017623, 0.0875,
        0.021404630011522586, 0.02061073738537635,
      ]
    ),
    (
      10,
      [
        0.096, 0.096, 0.06666666666666667, 0.06666666666666667, 0.07363961030678928, 0.0325, 0.07625,
        0.09896201103485577, 0.0802, 0.09,
      ]
    ),
    (
      25,
      [
        0.09029798987795908, 0.09216, 0.044444444444444446, 0.05, 0.01, 0.02265625, 0.011363793320239162,
        0.04262419468615644, 0.01259857146501272, 0.0405,
      ]
    ),
    (
      40,
      [
        0.084934656, 0.084934656, 0.03333333333333333, 0.03333333333333333, 0.01, 0.01, 0.005, 0.005,
        0.05508114282798984, 0.06561,
      ]
    ),
    (
      1000,
      [
        0.0016870319358849588, 0.0016870319358849588, 0.00196078431372549, 0.00196078431372549, 0.01, 0.01, 0.005,
        0.005, 0.010823186084112223, 2.6561398887587545e-06,
      ]
    ),
  ]

  @Test func ratesAreThoseOfKeras() {
    for (step, rates) in Self.rates {
      for (schedule, rate) in zip(Self.schedules, rates) {
        #expect(abs(schedule(step) - rate) < 1e-13, "\(schedule) at \(step)")
      }
    }
    let steps = Self.schedules[10]
    #expect([0, 5, 6, 10, 11, 99].map { steps($0) } == [1, 1, 0.5, 0.5, 0.1, 0.1])
    #expect(Self.schedules[11](7) == 0.25)
  }

  @Test(arguments: schedules) func configurationsSurvive(schedule: LearningRateSchedule) throws {
    try schedule.check()
    #expect(try JSONDecoder().decode(LearningRateSchedule.self, from: JSONEncoder().encode(schedule)) == schedule)
    let original = Scheduled(Lion(learningRate: schedule(0), weightDecay: 0.5), by: schedule)
    let data = try JSONEncoder().encode(AnyOptimizer(original))
    let copy = try #require(try JSONDecoder().decode(AnyOptimizer.self, from: data).optimizer as? Scheduled)
    #expect(copy.schedule == schedule)
    #expect(copy.innerOptimizer as? Lion == original.innerOptimizer as? Lion)
  }

  @Test func anOptimizerFollowsItsSchedule() throws {
    let schedule = LearningRateSchedule.piecewiseConstant(boundaries: [1], values: [0.5, 0.125])
    var training = try LossScaleOptimizer(Scheduled(SGD(), by: schedule), lossScale: .fixed(1))
    var variables = [try Tensor(0, dtype: .float32)]
    let gradients = Gradients([try Tensor(1, dtype: .float32)])
    let found = try (0..<4).map { _ in
      try training.apply(gradients, to: &variables, on: .builtinOnly())
      return try variables[0].scalar()
    }
    #expect(found == [-0.5, -1, -1.125, -1.25])
  }

  @Test(
    arguments: [
      .exponentialDecay(initial: 1, steps: 0, rate: 1), .piecewiseConstant(boundaries: [2, 1], values: [1, 2, 3]),
      .piecewiseConstant(boundaries: [1], values: [1]), .cosineDecay(initial: 1, steps: 5, warmupSteps: 3),
      .cosineDecayRestarts(initial: 1, firstSteps: 5, stepFactor: 0.5),
      .polynomialDecay(initial: 1, steps: 3, power: 0),
      .inverseTimeDecay(initial: 1, steps: -1, rate: 1),
    ] as [LearningRateSchedule])
  func whatIsNoScheduleIsRefused(schedule: LearningRateSchedule) {
    #expect(throws: TrainingError.self) { try schedule.check() }
    #expect(throws: TrainingError.self) { try Scheduled(SGD(), by: schedule).check() }
  }

  @Test func unknownSchedulesAreErrors() {
    for text in [
      #"{"class_name": "Zigzag", "config": {}}"#, #"{"class_name": "CosineDecay", "config": {}}"#,
      #"{"class_name": "ExponentialDecay", "config": {"decay_steps": 5.5}}"#,
      #"{"class_name": "PiecewiseConstantDecay", "config": {"boundaries": [1], "values": ["a"]}}"#,
      #"{"class_name": "PiecewiseConstantDecay", "config": {"boundaries": [1e300], "values": [1, 2]}}"#,
    ] {
      #expect(throws: TrainingError.self) {
        try JSONDecoder().decode(LearningRateSchedule.self, from: Data(text.utf8))
      }
    }
  }
}
