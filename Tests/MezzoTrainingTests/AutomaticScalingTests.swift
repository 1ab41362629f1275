import MezzoBackend
import MezzoGraph
import MezzoLayers
import MezzoPolicy
import MezzoRuntime
import MezzoTraining
import Testing

/// Whether an optimizer is wrapped follows from where gradients are computed, not from what policies are called.
@Suite struct AutomaticScalingTests {
  struct Question: Sendable, CustomTestStringConvertible {
    let name: String
    let isScaled: Bool
    let layers: @Sendable () -> [any Layer]

    init(_ name: String, isScaled: Bool, @LayerBuilder _ layers: @escaping @Sendable () -> [any Layer]) {
      self.name = name
      self.isScaled = isScaled
      self.layers = layers
    }

    var testDescription: String { name }
  }

  static let questions = [
    Question("mixed float16", isScaled: true) { Dense(2, policy: .mixedFloat16) },
    Question("pure float16", isScaled: true) { Dense(2, policy: .float16) },
    Question("float32", isScaled: false) { Dense(2, policy: .float32) },
    Question("mixed bfloat16", isScaled: false) { Dense(2, policy: .mixedBFloat16) },
    Question("one layer of several", isScaled: true) {
      Dense(4, policy: .float32)
      Dense(4, policy: .mixedFloat16)
      Dense(2, policy: .float32)
    },
    Question("an activation is the only one", isScaled: true) {
      Dense(4, policy: .float32)
      Activation(.relu, policy: .mixedFloat16)
      Dense(2, policy: .float32)
    },
    Question("only before everything that is trained", isScaled: false) {
      Flatten(policy: .mixedFloat16)
      Dense(2, policy: .float32)
    },
    Question("the container's policy computes nothing", isScaled: false) {
      Sequential([Dense(2, policy: .float32)], policy: .mixedFloat16)
    },
  ]

  private let features = TensorType(.float32, [4, 3])

  @Test(arguments: questions) func wrapsWhereGradientsAreFloat16(question: Question) throws {
    let model = Model(Sequential(question.layers()), runtime: .builtinOnly())
    let optimizer = try model.lossScaled(SGD(), features: features)
    #expect((optimizer is LossScaleOptimizer) == question.isScaled)
    #expect(!model.isBuilt)
    guard let scaled = optimizer as? LossScaleOptimizer else { return }
    #expect(scaled.lossScale == .dynamic())
    #expect(scaled.innerOptimizer is SGD)
  }

  @Test(arguments: questions) func fitDoesTheSame(question: Question) async throws {
    let data = try FitTests.clouds(8)
    let model = Model(Sequential(question.layers()), runtime: .builtinOnly())
    let history = try await model.fit(data, batch: 4)
    #expect((history.lossScale != nil) == question.isScaled)
  }

  @Test func aWrappedOptimizerStaysAsItIs() async throws {
    let wrapped = try LossScaleOptimizer(SGD(), lossScale: .fixed(8))
    for policy in [DTypePolicy.float32, .mixedFloat16] {
      let model = Model(Dense(2, policy: policy), runtime: .builtinOnly())
      let kept = try #require(try model.lossScaled(wrapped, features: features) as? LossScaleOptimizer)
      #expect(kept.lossScale == .fixed(8))
      #expect(try await model.fit(FitTests.clouds(8), batch: 4, optimizer: wrapped).lossScale == .fixed(8))
    }
  }

  @Test func twoScalesAreRefused() async throws {
    let wrapped = try LossScaleOptimizer(SGD())
    await #expect(throws: TrainingError.nestedLossScaling) {
      try await FitTests.model(.float32).fit(
        FitTests.clouds(8), batch: 4, optimizer: wrapped, scaling: .scale(.fixed(8)))
    }
  }
}
