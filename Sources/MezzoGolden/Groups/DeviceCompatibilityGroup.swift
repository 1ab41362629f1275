import MezzoPolicy

/// What is said about GPUs when a policy is made.
enum DeviceCompatibilityGroup: GoldenGroup {
  static let names = ["device.compat"]

  static func answer(_ testCase: GoldenCase) async throws -> GoldenAnswer {
    let policy = try DTypePolicy(try testCase.input.string("policy"), dialect: PolicyEnvironment.current.dialect)
    let gpus = try testCase.input.array("gpus").map(gpu)
    guard let compatibility = DeviceCompatibility(of: policy, on: gpus) else { return .ok(.array([])) }
    return .ok(
      .array([["level": .string(compatibility.level.rawValue), "text": .string(compatibility.text)]]))
  }

  /// Names, capabilities as they are written, and how often a GPU is there.
  static func subjects(of testCase: GoldenCase) -> [ConfigurationValue] {
    guard let gpus = try? testCase.input.array("gpus").map(gpu) else { return [] }
    let capabilities = (gpus.compactMap(\.computeCapability) + [.fastFloat16]).map(\.description)
    return (gpus.compactMap(\.name) + capabilities + (0...gpus.count).map { "x\($0)" }).map { .string($0) }
  }

  private static func gpu(_ value: ConfigurationValue) throws(GoldenFormError) -> GPUDescription {
    guard let members = value.asObject else { throw GoldenFormError(expected: "a GPU", found: value.compact) }
    let numbers = members["compute_capability"]?.asArray?.compactMap(\.asInt) ?? []
    return GPUDescription(
      name: members["device_name"]?.asString,
      computeCapability: numbers.count == 2 ? ComputeCapability(numbers[0], numbers[1]) : nil)
  }
}
