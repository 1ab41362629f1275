import Foundation
import MezzoPolicy
import Testing

struct DTypePolicyTests {
  struct Parsed: Sendable {
    let name: String
    let compute, variable: DType?
  }

  static let names: [Parsed] =
    [
      Parsed(name: "mixed_float16", compute: .float16, variable: .float32),
      Parsed(name: "mixed_bfloat16", compute: .bfloat16, variable: .float32),
      Parsed(name: "_infer", compute: nil, variable: nil),
      Parsed(name: "half", compute: .float16, variable: .float16),
      Parsed(name: "float", compute: .float32, variable: .float32),
      Parsed(name: "double", compute: .float64, variable: .float64),
    ] + DType.allCases.map { Parsed(name: $0.name, compute: $0, variable: $0) }

  @Test(arguments: names)
  func name(means parsed: Parsed) throws {
    let policy = try DTypePolicy(parsed.name)
    #expect(policy.name == parsed.name)
    #expect(policy.computeDType == parsed.compute)
    #expect(policy.variableDType == parsed.variable)
    #expect(policy.description == "<Policy \"\(parsed.name)\">")
  }

  @Test(arguments: [
    "", " float32", "float32\n", "half ", "mixed_float16 ", "Mixed_bfloat16", "FLOAT32", "abc", "über", "fp16", "bf16",
    "int",
    "str", "infer", "mixed", "mixed_", "mixed_float32", "mixed_float64", "mixed_float8", "mixed_half", "mixed_int8",
    "mixed_bloat16", "float32_vars", "_float32_vars ",
  ])
  func unknown(name: String) {
    #expect(throws: PolicyError.unknownPolicy(name: name)) { try DTypePolicy(name) }
  }

  @Test(arguments: [
    ("infer_float32_vars", "\"mixed_float16\" or \"mixed_bfloat16\""),
    ("infer_with_float32_vars", "\"mixed_float16\" or \"mixed_bfloat16\""),
    ("float16_with_float32_vars", "\"mixed_float16\""),
    ("bfloat16_with_float32_vars", "\"mixed_bfloat16\""),
    ("mixed_float16_float32_vars", nil), ("float16_float32_vars", nil), ("_float32_vars", nil),
    ("abc_float32_vars", nil),
  ])
  func removed(name: String, suggestion: String?) {
    #expect(throws: PolicyError.removedPolicy(name: name, suggestion: suggestion)) { try DTypePolicy(name) }
  }

  @Test func constantsAreWhatTheirNamesMean() throws {
    let constants: [DTypePolicy] = [.float16, .bfloat16, .float32, .float64, .mixedFloat16, .mixedBFloat16, .infer]
    for constant in constants {
      #expect(try DTypePolicy(constant.name) == constant)
    }
  }

  @Test func equalityIsByValueAndCountsTheName() throws {
    #expect(try DTypePolicy("float32") == DTypePolicy(.float32))
    #expect(try DTypePolicy("half") != DTypePolicy("float16"))
    #expect(DTypePolicy.bfloat16 != .mixedBFloat16)
    #expect(try Set([DTypePolicy("mixed_float16"), .mixedFloat16, DTypePolicy("half"), .float16]).count == 3)
  }

  @Test(arguments: DType.allCases)
  func inferTakesTheInputsDType(dtype: DType) throws {
    #expect(DTypePolicy.infer.resolved(for: dtype) == DTypePolicy(dtype))
    #expect(try DTypePolicy("half").resolved(for: dtype).name == "half")
    #expect(DTypePolicy.mixedFloat16.resolved(for: dtype) == .mixedFloat16)
  }

  @Test(arguments: names)
  func configurationReadsBack(parsed: Parsed) throws {
    let policy = try DTypePolicy(parsed.name)
    let data = try JSONEncoder().encode(policy)
    #expect(String(decoding: data, as: UTF8.self) == "{\"name\":\"\(parsed.name)\"}")
    #expect(try JSONDecoder().decode(DTypePolicy.self, from: data) == policy)
  }

  @Test func configurationOfOldFilesMayHoldALossScale() throws {
    let data = Data(#"{"name": "mixed_float16", "loss_scale": "dynamic"}"#.utf8)
    #expect(try JSONDecoder().decode(DTypePolicy.self, from: data) == .mixedFloat16)
  }

  @Test(arguments: [#"{"name": "abc"}"#, #"{"name": null}"#, #"{"name": 5}"#, "{}", #""float32""#])
  func badConfiguration(text: String) {
    #expect(throws: DecodingError.self) { try JSONDecoder().decode(DTypePolicy.self, from: Data(text.utf8)) }
  }

  @Test func badNameInAConfigurationIsNamed() throws {
    let error = #expect(throws: DecodingError.self) {
      try JSONDecoder().decode([DTypePolicy].self, from: Data(#"[{"name": "fp16"}]"#.utf8))
    }
    guard case .dataCorrupted(let context) = error else {
      Issue.record("expected dataCorrupted, got \(String(describing: error))")
      return
    }
    #expect(context.underlyingError as? PolicyError == .unknownPolicy(name: "fp16"))
    #expect(context.codingPath.last?.stringValue == "name")
  }
}
