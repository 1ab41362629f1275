import MezzoPolicy
import Testing

@testable import MezzoGolden

@Suite struct GoldenComparisonTests {
  private func differs(
    _ expected: ConfigurationValue, _ got: ConfigurationValue, tolerance: Double = 0,
    subjects: [ConfigurationValue] = []
  ) -> String? {
    GoldenComparison(tolerance: tolerance, subjects: subjects).mismatch(expected: expected, got: got).map(\.path)
  }

  @Test func equalValuesAreEqual() {
    let values: [ConfigurationValue] = [nil, true, 1, .number(1.5), "x", .array([1, nil]), ["a": ["b": 2]]]
    for (index, left) in values.enumerated() {
      for (other, right) in values.enumerated() { #expect((differs(left, right) == nil) == (index == other)) }
    }
  }

  @Test func numbersAreComparedByValue() {
    #expect(differs(1, .number(1)) == nil)
    #expect(differs(.number(1), 1) == nil)
    #expect(differs(1, true) != nil)
    #expect(differs(0, .number(-0.0)) != nil)
    #expect(differs(.number(1), .number(1.0.nextUp)) != nil)
    #expect(differs(9_007_199_254_740_993, 9_007_199_254_740_992) != nil)
    #expect(differs(.exactly(.nan), "nan") == nil)
    #expect(differs(.exactly(-.infinity), "inf") != nil)
  }

  @Test func toleranceIsRelativeAboveOne() {
    #expect(differs(.number(100), .number(100.9), tolerance: 0.01) == nil)
    #expect(differs(.number(100), .number(101.1), tolerance: 0.01) != nil)
    #expect(differs(.number(0.1), .number(0.109), tolerance: 0.01) == nil)
    #expect(differs(.number(0.1), "nan", tolerance: 0.01) != nil)
    #expect(differs(.number(.infinity), .number(1), tolerance: 0.01) != nil)
  }

  @Test func placesAreNamed() {
    #expect(differs(["ok": ["data": .array([1, 2])]], ["ok": ["data": .array([1, 3])]]) == "ok.data[1]")
    #expect(differs(["ok": .array([1])], ["ok": .array([1, 2])]) == "ok")
    #expect(differs(["a": 1, "b": 2], ["a": 1]) == "b")
    #expect(differs(["a": 1], ["a": 1, "c": 2]) == "c")
  }

  @Test func whatTheSystemCouldNotDoIsNotCompared() {
    #expect(differs(["x": ["no_kernel": true], "y": 1], ["x": 5, "y": 1]) == nil)
    #expect(differs(["x": ["op_error": "ValueError"], "y": 1], ["x": 5, "y": 2]) == "y")
    #expect(differs(["x": ["no_kernel": false]], ["x": 5]) == "x")
    #expect(differs(["x": ["op_error": nil]], ["x": 5]) == "x")
  }

  private func error(_ type: String, _ message: String) -> ConfigurationValue {
    ["error": ["type": .string(type), "message": .string(message)]]
  }

  @Test func errorsAreComparedByClassAndSubstance() {
    let expected = error(
      "ValueError", "Cannot convert 'abc' to a policy; use 'mixed_float16' or a dtype such as float32")
    let good = error("ValueError", "\"abc\" is no policy. There are mixed_float16 and dtypes: float32.")
    #expect(differs(expected, good, subjects: ["abc"]) == nil)
    #expect(differs(expected, error("TypeError", "abc mixed_float16 float32"), subjects: ["abc"]) != nil)
    #expect(differs(expected, error("ValueError", "abcd mixed_float16 float32"), subjects: ["abc"]) != nil)
    #expect(differs(expected, error("ValueError", "abc mixed_float16 float64"), subjects: ["abc"]) != nil)
    #expect(differs(expected, error("ValueError", "abc and float32"), subjects: ["abc"]) != nil)
    #expect(differs(expected, ["ok": nil]) != nil)
    #expect(differs(["ok": nil], good) != nil)
  }

  @Test func subjectsThatTheMessageDoesNotNameNeedNotBeNamed() {
    let expected = error("ValueError", "The policy cannot be set now")
    #expect(differs(expected, error("ValueError", "not now"), subjects: ["float64", "set_x", 7]) == nil)
    #expect(differs(error("ValueError", "got 7"), error("ValueError", "not now"), subjects: [7]) != nil)
    #expect(differs(error("ValueError", "got ''"), error("ValueError", "got \"\""), subjects: [""]) == nil)
  }

  @Test func statedErrorsNameTheirFacts() {
    let stated = ConfigurationValue.error(.valueError, naming: ["int32", "layer dense"])
    #expect(differs(stated, error("ValueError", "layer dense cannot compute in int32")) == nil)
    #expect(differs(stated, error("ValueError", "layer dense cannot compute in int64")) != nil)
    #expect(differs(stated, error("TypeError", "layer dense cannot compute in int32")) != nil)
  }

  @Test func textsAreComparedBySubstance() {
    let expected: ConfigurationValue = ["level": "info", "text": "OK: V100 is fast with mixed_float16"]
    #expect(differs(expected, ["level": "info", "text": "mixed_float16: fine on V100"], subjects: ["V100"]) == nil)
    #expect(differs(expected, ["level": "info", "text": "mixed_float16: fine"], subjects: ["V100"]) == "text")
    #expect(differs(expected, ["level": "warning", "text": "mixed_float16 on V100"], subjects: ["V100"]) == "level")
  }
}
