import MezzoPolicy
import Testing

struct PolicyErrorTests {
  @Test(arguments: [
    (PolicyError.unknownPolicy(name: "fp16"), "\"mixed_bfloat16\""),
    (.removedPolicy(name: "fp16", suggestion: nil), "Use a mixed policy"),
    (.removedPolicy(name: "fp16", suggestion: "\"mixed_float16\""), "Use \"mixed_float16\" instead"),
    (.unknownDType(name: "fp16"), "\"bfloat16\""),
    (.nonFloatingGlobalPolicy(name: "fp16"), "Give this policy to the layers"),
    (.unknownFloatx(name: "fp16"), "\"float64\""),
    (.unknownClass(name: "fp16", known: ["Policy", "DTypePolicy"]), "Use one of Policy, DTypePolicy"),
    (.file(path: "a.json", error: .unknownPolicy(name: "fp16")), "a.json: Cannot convert"),
  ])
  func saysWhatCameAndWhatToDo(error: PolicyError, advice: String) {
    #expect(error.description.contains("\"fp16\""))
    #expect(error.description.contains(advice))
  }
}
