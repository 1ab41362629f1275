import MezzoPolicy
import Testing

/// Serialised policies name a class, which says how their configuration is read.
@Suite struct PolicyClassTests {
  @Test(arguments: [
    ("mixed_bfloat16", "DTypePolicy"),
    ("int8_from_mixed_bfloat16", "QuantizedDTypePolicy"),
    ("float8_from_float32", "QuantizedFloat8DTypePolicy"),
    ("int4_from_float32", "QuantizedDTypePolicy"),
    ("int4/64_from_bfloat16", "Int4DTypePolicy"),
    ("gptq/4/128_from_float32", "GPTQDTypePolicy"),
    ("awq/4/-1_from_mixed_float16", "AWQDTypePolicy"),
  ])
  func theClassFollowsFromTheName(name: String, className: String) throws {
    let policy = try DTypePolicy.get(.name(name), dialect: .mezzo)
    #expect(policy.className == className)
    #expect(policy.serialized()["class_name"] == .string(className))
    #expect(try DTypePolicy.deserialize(policy.serialized()) == policy)
    #expect(try DTypePolicy(configuration: policy.configuration) == policy)
  }

  /// In Keras any quantised policy can have a history, and a float8 one none.
  @Test(arguments: ["int8", "float8", "int4"], [nil, 0, 1024] as [Int?])
  func theHistoryIsKept(mode: String, length: Int?) throws {
    var quantization = try Quantization(mode: mode)
    quantization.amaxHistoryLength = length
    let policy = try DTypePolicy(quantization, from: .float32)
    let read = try DTypePolicy.deserialize(policy.serialized(in: .keras3), dialect: .keras3)
    #expect(read == policy)
    #expect(read.quantization?.amaxHistoryLength == length)
  }

  @Test(arguments: [
    ("QuantizedDTypePolicy", "int4/64"), ("QuantizedFloat8DTypePolicy", "gptq/4/32"), ("Int4DTypePolicy", "int4"),
    ("GPTQDTypePolicy", "int8"), ("AWQDTypePolicy", "gptq/4/32"),
  ])
  func aModeOfAnotherClassIsRefused(className: String, mode: String) {
    let serialized: ConfigurationValue = [
      "class_name": .string(className), "config": ["mode": .string(mode), "source_name": "float32"],
    ]
    let error = #expect(throws: PolicyError.self) { try DTypePolicy.deserialize(serialized) }
    guard case .quantization(mode, let expected)? = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(expected.contains(className))
  }

  @Test(arguments: ["Policy", "PolicyV1", "DTypePolicy", "FloatDTypePolicy"])
  func aPlainClassHasNoMode(className: String) {
    let serialized: ConfigurationValue = [
      "class_name": .string(className), "config": ["mode": "int8", "source_name": "float32"],
    ]
    #expect(throws: PolicyError.self) { try DTypePolicy.deserialize(serialized) }
  }

  @Test(arguments: [
    (PolicyDialect.tensorFlow24, "DTypePolicy"), (.tfKeras, "QuantizedDTypePolicy"), (.keras3, "Policy"),
    (.keras3, "PolicyV1"), (.mezzo, "NoSuchPolicy"), (.mezzo, "policy"),
  ])
  func aClassThatTheDialectLacksIsUnknown(dialect: PolicyDialect, className: String) {
    let serialized: ConfigurationValue = ["class_name": .string(className), "config": ["name": "float32"]]
    let error = #expect(throws: PolicyError.self) { try DTypePolicy.deserialize(serialized, dialect: dialect) }
    guard case .unknownClass(className, let known)? = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    // What is listed can be used instead.
    #expect(known.contains(dialect == .keras3 ? "DTypePolicy" : "Policy") && !known.contains(className))
    #expect(error?.description.contains(known[0]) == true)
  }

  @Test(
    arguments: [
      [:], ["name": "float32"], ["config": ["name": "float32"]], ["class_name": "Policy"],
      ["class_name": 5, "config": [:]],
      5, true, .array(["float32"]), ["class_name": "Policy", "config": ["name": "float32"], "colour": "float32"],
    ] as [ConfigurationValue])
  func anotherFormIsQuoted(serialized: ConfigurationValue) {
    let error = #expect(throws: PolicyError.self) { try DTypePolicy.deserialize(serialized) }
    guard case .serialization(_, let found)? = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(found.contains("float32") == "\(serialized)".contains("float32"))
  }

  @Test func onlyTheBeginningOfALongFormIsQuoted() throws {
    let long = ConfigurationValue.array(Array(repeating: "float32", count: 10_000))
    let error = #expect(throws: PolicyError.self) { try DTypePolicy.deserialize(long) }
    #expect(try #require(error).description.count < 400)
  }
}
