import MezzoPolicy
import Testing

/// What the entries of a map can be.
@Suite struct PolicyMapEntryTests {
  @Test(arguments: [
    (PolicyIdentifier.name("half"), DTypePolicy.float16), (.name("mixed_bfloat16"), .mixedBFloat16),
    (.dtype(.float64), .float64), (.policy(.infer), .infer),
    (.configuration(["class_name": "Policy", "config": ["name": "float32"]]), .float32),
  ])
  func whatStandsForAPolicyIsOne(identifier: PolicyIdentifier, policy: DTypePolicy) throws {
    var map = DTypePolicyMap(default: .float32)
    try map.insert(identifier, for: "head", dialect: .mezzo)
    #expect(map["head"] == policy)
  }

  @Test(arguments: ["default_policy", "policy_map"])
  func anErrorNamesTheEntry(member: String) {
    let value: ConfigurationValue = member == "policy_map" ? ["head": "fp16"] : "fp16"
    let key = member == "policy_map" ? "head" : member
    #expect(throws: PolicyError.mapPolicy(key: key, error: .unknownPolicy(name: "fp16"))) {
      try DTypePolicyMap(configuration: .object([member: value]))
    }
  }

  @Test func aMapInAMapIsRefused() {
    let map: ConfigurationValue = [
      "class_name": "DTypePolicyMap", "config": DTypePolicyMap(default: .float32).configuration,
    ]
    #expect(throws: PolicyError.mapEntry(key: "default_policy", expected: "a policy and no policy map")) {
      try DTypePolicyMap(configuration: ["default_policy": map])
    }
  }

  @Test func aKeyComesOnce() throws {
    var map = try DTypePolicyMap(default: .float32, ["head": .float16])
    let error = #expect(throws: PolicyError.self) { try map.insert(.bfloat16, for: "head") }
    #expect(try #require(error).description.contains("float16"))
    try map.remove("head")
    #expect(throws: PolicyError.missingMapEntry(key: "head")) { try map.remove("head") }
    try map.insert(.bfloat16, for: "head")
    #expect(map["head"] == .bfloat16)
  }

  @Test func aMapPrintsItsEntriesInOrder() throws {
    let map = try DTypePolicyMap(default: .float32, ["b": .float16, "a": .mixedBFloat16])
    #expect(
      map.description == "<DTypePolicyMap default_policy=float32, mapping=[('b', 'float16'), ('a', 'mixed_bfloat16')]>")
  }
}
