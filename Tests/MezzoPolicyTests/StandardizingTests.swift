import MezzoPolicy
import Testing

struct StandardizingTests {
  @Test(arguments: ["bool", "int8", "uint64", "float16", "bfloat16", "float8_e4m3fn", "string", "complex128"])
  func canonicalNamesAreTaken(name: String) throws {
    #expect(try DType(standardizing: name).name == name)
  }

  @Test func intIsInt64() throws {
    #expect(try DType(standardizing: "int") == .int64)
  }

  @Test func nothingIsFloatx() throws {
    #expect(try DType(standardizing: nil, floatx: .float16) == .float16)
    let environment = PolicyEnvironment()
    try environment.setFloatx(.float64)
    #expect(try withPolicyEnvironment(environment) { try DType(standardizing: nil) } == .float64)
  }

  @Test(arguments: ["half", "float", "double", "Float32", " float32", "", "qint8", "int4", "resource", "mixed_float16"])
  func othersAreRefused(name: String) {
    #expect(throws: PolicyError.unknownDType(name: name)) { try DType(standardizing: name) }
  }
}
