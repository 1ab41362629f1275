import MezzoPolicy
import Testing

/// Arguments and configurations of `LossScaleOptimizer`, with the values that TensorFlow 2.4 gives them.
@Suite struct LossScaleConfigurationTests {
  @Test func defaultsAreTensorFlows() throws {
    let configuration = try LossScaleConfiguration()
    #expect(configuration.lossScale == .dynamic())
    #expect(
      configuration.members == ["dynamic": true, "initial_scale": .number(32768), "dynamic_growth_steps": 2000])
    #expect(try LossScaleConfiguration(dialect: .keras3).lossScale == .keras3())
    #expect(try LossScaleConfiguration(dialect: .keras3).members["dynamic"] == nil)
  }

  @Test func argumentsThatContradictEachOtherAreRefused() throws {
    #expect(throws: LossScaleError.noInitialScale) { try LossScaleConfiguration(dynamic: false) }
    #expect(throws: LossScaleError.growthOfAFixedScale(steps: "3")) {
      try LossScaleConfiguration(dynamic: false, initialScale: 4, dynamicGrowthSteps: 3)
    }
    #expect(throws: LossScaleError.noFixedScaleInKeras3) {
      try LossScaleConfiguration(dynamic: false, initialScale: 4, dialect: .keras3)
    }
    #expect(try LossScaleConfiguration(dynamic: false, initialScale: 4).lossScale == .fixed(4))
  }

  @Test func numbersAreReadAsPythonReadsThem() throws {
    let configuration = try LossScaleConfiguration(
      members: ["initial_scale": "8", "dynamic_growth_steps": .number(2.7)])
    #expect(configuration.initialScale == 8 && configuration.dynamicGrowthSteps == 2)
    for scale in [0, -2, Double.infinity] {
      #expect(try LossScaleConfiguration(members: ["initial_scale": .number(scale)]).initialScale == scale)
    }
  }

  @Test(arguments: [ConfigurationValue.number(128), 1, "dynamic", nil, [:]])
  func dynamicIsABooleanAndNothingElse(value: ConfigurationValue) {
    guard case .kind(argument: "dynamic", _, _)? = error(["dynamic": value, "initial_scale": 4]) else {
      Issue.record("\(value) was taken for a boolean")
      return
    }
  }

  @Test(
    arguments: [
      ["initial_scale": "many"], ["initial_scale": [:]], ["dynamic_growth_steps": "2.7"],
      ["dynamic_growth_steps": .number(1e300)], ["dynamic_growth_steps": .number(.nan)], ["loss_scale": 5],
      ["loss_scale": ["class_name": "OtherLossScale"]],
      ["loss_scale": ["class_name": "FixedLossScale", "config": [:]]],
      ["loss_scale": ["class_name": "FixedLossScale", "config": ["loss_scale_value": 0]]],
    ] as [[String: ConfigurationValue]])
  func damagedConfigurationsAreTypedErrors(members: [String: ConfigurationValue]) {
    #expect(error(members) != nil)
  }

  @Test func lossScalesOfOldFilesAreRead() throws {
    let dynamic = try LossScaleConfiguration(members: [
      "loss_scale": [
        "class_name": "DynamicLossScale",
        "config": ["initial_loss_scale": 16, "increment_period": 7, "multiplier": 2],
      ]
    ])
    #expect(dynamic.lossScale == .dynamic(initialScale: 16, growthInterval: 7))
    let fixed = try LossScaleConfiguration(members: [
      "loss_scale": ["class_name": "FixedLossScale", "config": ["loss_scale_value": 32]]
    ])
    #expect(fixed.lossScale == .fixed(32))
    let error = error([
      "loss_scale": ["class_name": "DynamicLossScale", "config": ["initial_loss_scale": 16, "multiplier": 4]]
    ])
    #expect(error == .multiplier(4, initialScale: 16))
    #expect(error?.description.contains("DynamicLossScale") == true)
  }

  @Test(arguments: [PolicyDialect.mezzo, .keras3]) func membersAreReadAsTheyWereWritten(dialect: PolicyDialect) throws {
    var originals = [try LossScaleConfiguration(initialScale: 0.1, dynamicGrowthSteps: 3, dialect: dialect)]
    if dialect == .mezzo { originals.append(try LossScaleConfiguration(dynamic: false, initialScale: 3)) }
    for original in originals {
      #expect(try LossScaleConfiguration(members: original.members, dialect: dialect) == original)
    }
  }

  private func error(_ members: [String: ConfigurationValue]) -> LossScaleError? {
    do throws(LossScaleError) {
      _ = try LossScaleConfiguration(members: members)
      return nil
    } catch {
      return error
    }
  }
}
