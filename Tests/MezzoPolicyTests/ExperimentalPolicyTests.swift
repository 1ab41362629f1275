import MezzoPolicy
import Testing

struct ExperimentalPolicyTests {
  @Test(arguments: ["mixed_float16", "mixed_bfloat16", "float16", "float32", "_infer"])
  func automaticGoesByTheName(name: String) throws {
    let policy = try Experimental.Policy(name)
    #expect(try policy.dtypePolicy == DTypePolicy(name))
    #expect(policy.lossScale == (name == "mixed_float16" ? .dynamic() : nil))
    #expect(policy.configuration == ["name": .string(name)])
    #expect(policy.warning == nil)
  }

  @Test func aGivenScaleStays() throws {
    let fixed = try Experimental.Policy("float32", lossScale: .fixed(16))
    #expect(fixed.lossScale == .fixed(16))
    #expect("\(fixed)" == "<PolicyV1 \"float32\", loss_scale=FixedLossScale(16.0)>")
    let none = try Experimental.Policy("mixed_float16", lossScale: .none)
    #expect(none.lossScale == nil && none.configuration["loss_scale"] == .null)
    #expect("\(none)" == "<PolicyV1 \"mixed_float16\", loss_scale=None>")
    let scale = Experimental.LossScale.dynamic(initialScale: 8, incrementPeriod: 3, multiplier: 4)
    let dynamic = try Experimental.Policy("float16", lossScale: .scale(scale))
    #expect(
      dynamic.lossScale == .dynamic(initialScale: 8, growthInterval: 3, growthFactor: 4, backoffFactor: 0.25))
  }

  @Test(arguments: [0, 0.999, -1, .nan, -.infinity])
  func aScaleBelowOneIsRefused(scale: Double) {
    for identifier in [Experimental.LossScaleIdentifier.fixed(scale), .scale(.fixed(scale))] {
      #expect(throws: LossScaleError.value(argument: "loss_scale_value", expected: "at least 1", found: "\(scale)")) {
        try Experimental.Policy("mixed_float16", lossScale: identifier)
      }
    }
  }

  /// TensorFlow reads the name first.
  @Test func theNameIsCheckedFirst() {
    #expect(throws: PolicyError.unknownPolicy(name: "abc")) {
      try Experimental.Policy("abc", lossScale: .fixed(0))
    }
  }

  @Test(arguments: [
    ("float32", true), ("mixed_bfloat16", true), ("int32", true), ("float16", false), ("mixed_float16", false),
    ("_infer", false),
  ])
  func aScaleIsForFloat16(name: String, isUseless: Bool) throws {
    let warning = try Experimental.Policy(name, lossScale: .fixed(8)).warning
    #expect((warning != nil) == isUseless)
    if let warning { #expect(warning.contains("\"\(name)\"") && warning.contains("FixedLossScale(8.0)")) }
    #expect(try Experimental.Policy(name, lossScale: .none).warning == nil)
  }

  @Test(arguments: ["mixed_float16", "float32", "half", "_infer"])
  func configurationsComeBack(name: String) throws {
    let identifiers: [Experimental.LossScaleIdentifier] = [
      .auto, .none, .dynamic, .fixed(2.5), .scale(.dynamic(initialScale: 4, incrementPeriod: 7, multiplier: 3)),
    ]
    for identifier in identifiers {
      let policy = try Experimental.Policy(name, lossScale: identifier)
      #expect(try Experimental.Policy(configuration: policy.configuration) == policy)
      #expect(policy.serialized["class_name"] == "PolicyV1")
      #expect(try DTypePolicy.deserialize(policy.serialized) == DTypePolicy(name))
    }
  }

  @Test func identifiersAreRead() throws {
    typealias Identifier = Experimental.LossScaleIdentifier
    #expect(try Identifier(nil) == .none)
    #expect(try Identifier("auto") == .auto)
    #expect(try Identifier("dynamic") == .dynamic)
    #expect(try Identifier(8) == .fixed(8))
    #expect(try Identifier(.number(2.5)) == .fixed(2.5))
    #expect(try Identifier(["class_name": "DynamicLossScale"]) == .scale(.dynamic()))
  }

  @Test(
    arguments: [
      "abc", "", true, .array([]), [:], ["class_name": 1], ["class_name": "Other"], ["class_name": "FixedLossScale"],
      ["class_name": "FixedLossScale", "config": ["loss_scale_value": "8"]],
      ["class_name": "FixedLossScale", "config": ["loss_scale_value": 0]],
      ["class_name": "DynamicLossScale", "config": ["increment_period": .number(2.5)]],
      ["class_name": "DynamicLossScale", "config": ["increment_period": .number(1e300)]],
      ["class_name": "DynamicLossScale", "config": ["multiplier": nil]],
    ] as [ConfigurationValue])
  func othersAreRefused(value: ConfigurationValue) {
    #expect(throws: LossScaleError.self) { try Experimental.LossScaleIdentifier(value) }
    #expect(throws: LossScaleError.self) {
      try Experimental.Policy(configuration: ["name": "float16", "loss_scale": value])
    }
  }

  @Test(arguments: ["float16", [:], ["name": nil], ["name": "float16", "more": 1]] as [ConfigurationValue])
  func configurationsOfOtherFormsAreRefused(configuration: ConfigurationValue) {
    #expect(throws: PolicyError.self) { try Experimental.Policy(configuration: configuration) }
  }

  @Test func theOlderNamesOfTheGlobalPolicy() throws {
    try withPolicyEnvironment(PolicyEnvironment()) {
      try Experimental.setPolicy("mixed_bfloat16")
      #expect(Experimental.globalPolicy() == .mixedBFloat16 && globalPolicy() == .mixedBFloat16)
      try Experimental.setPolicy(try Experimental.Policy("mixed_float16", lossScale: .none))
      #expect(Experimental.globalPolicy() == .mixedFloat16)
      try Experimental.setPolicy(DTypePolicy.float64)
      #expect(globalPolicy() == .float64)
      try Experimental.setPolicy(DTypePolicy?.none)
      #expect(globalPolicy() == .float32)
      #expect(throws: PolicyError.nonFloatingGlobalPolicy(name: "int8")) { try Experimental.setPolicy("int8") }
    }
  }
}
