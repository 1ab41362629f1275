import MezzoBackend
import MezzoGraph
import MezzoPolicy
import MezzoRuntime
import Testing

@testable import MezzoLayers

/// Rules of policies for kinds of layers, and what is misspelt in them.
@Suite struct LayerRuleTests {
  private struct Halving: Layer {
    var policy = globalPolicy()
    func call(_ input: SymbolicTensor, _ context: LayerContext) throws -> SymbolicTensor { try input * 0.5 }
  }

  private func model(_ policy: String, strict: Bool = true) throws -> Model {
    let environment = PolicyEnvironment()
    environment.isStrict = strict
    return try withPolicyEnvironment(environment) {
      try withPolicy(DTypePolicy(policy)) {
        Model(runtime: .builtinOnly()) {
          Halving()
          Dense(2)
        }
      }
    }
  }

  private func error(_ policy: String) throws -> LayerError? {
    let model = try model(policy)
    return #expect(throws: LayerError.self) { try model.build(input: [1, 3]) }
  }

  @Test func aMisspeltClassIsAnErrorInStrictMode() throws {
    let error = try error("c=f32,layer.Dence=float32")
    #expect(
      error
        == .unknownLayerRule(
          policy: "params=float32,compute=float32,output=float32,layer.Dence=float32", className: "Dence",
          nearest: "Dense"))
    #expect(error?.description.contains("write Dense") == true)
    let far = try self.error("c=f32,layer.Quux=float32")
    guard case .unknownLayerRule(_, "Quux", nil)? = far else {
      Issue.record("\(String(describing: far))")
      return
    }
    #expect(far?.description.contains("LayerRegistry.register") == true)
  }

  @Test func otherModelsAreBuiltAllTheSame() throws {
    let model = try model("c=bf16,layer.Dence=float32", strict: false)
    try model.build(input: [1, 3])
    #expect(try model.policies["dense"]?.computeDType == .bfloat16)
  }

  @Test func classesOfTheModelAreKnownWithoutBeingRegistered() throws {
    let model = try model("c=f32,layer.Halving=float32,layer.Dense=float32,layer.LSTM=float32")
    try model.build(input: [1, 3])
    #expect(try model.policies["dense"] == .float32)
  }

  @Test(arguments: [
    ("Dence", "Dense"), ("dense", "Dense"), ("LayerNormalisation", "LayerNormalization"), ("Conv2d", "Conv2D"),
    ("BatchNorm", nil), ("", nil), ("X", nil),
  ])
  func whatWasMeantIsSaid(name: String, nearest: String?) {
    #expect(
      Spelling.nearest(to: name, among: ["Dense", "LayerNormalization", "Conv2D", "BatchNormalization"]) == nearest)
  }

  // MARK: - Casts that calls take note of

  private func casts(_ policy: String, isTraining: Bool = true) throws -> [String: [LayerCast]] {
    let model = try withPolicy(DTypePolicy(policy)) { Model(Dense(2), runtime: .builtinOnly()) }
    return try TracedCall(model, input: .init(.float32, [1, 3]), isTraining: isTraining) { _ in .constant }.casts
  }

  @Test func operationsInADTypeOfTheirOwnAreNoted() throws {
    #expect(
      try casts("c=bf16,o=f32,op.matmul=f32")[""] == [
        LayerCast(kind: .input, name: "input", from: .float32, to: .bfloat16),
        LayerCast(kind: .variable, name: "kernel", from: .float32, to: .bfloat16),
        LayerCast(kind: .variable, name: "bias", from: .float32, to: .bfloat16),
        LayerCast(kind: .operation, name: "matmul", from: .bfloat16, to: .float32),
        LayerCast(kind: .output, name: "output", from: .bfloat16, to: .float32),
      ])
    #expect(try casts("c=f32,op.matmul=f32").isEmpty)
    #expect(
      try casts("params=float32,accumulator=float64")[""] == [
        LayerCast(kind: .operation, name: "matmul", from: .float32, to: .float64)
      ])
  }

  @Test func whatIsQuantizedIsNoted() throws {
    #expect(
      try casts("int8_from_mixed_bfloat16", isTraining: false)[""] == [
        LayerCast(kind: .input, name: "input", from: .float32, to: .bfloat16),
        LayerCast(kind: .quantized, name: "kernel", from: .float32, to: .int8),
        LayerCast(kind: .quantized, name: "input", from: .bfloat16, to: .int8),
        LayerCast(kind: .variable, name: "bias", from: .float32, to: .bfloat16),
      ])
  }
}
