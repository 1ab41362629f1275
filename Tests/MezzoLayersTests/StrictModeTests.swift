import MezzoBackend
import MezzoGraph
import MezzoPolicy
import MezzoRuntime
import Testing

@testable import MezzoLayers

@Suite struct StrictModeTests {
  private func strict(_ policy: DTypePolicy, @LayerBuilder _ layers: () throws -> [any Layer]) rethrows -> Model {
    let environment = PolicyEnvironment()
    environment.isStrict = true
    return try withPolicyEnvironment(environment) {
      try withPolicy(policy) { try Model(runtime: .builtinOnly(), layers) }
    }
  }

  @Test func castsAreDeclared() throws {
    let images = TensorType(.float32, [2, 3])
    let model = strict(.mixedBFloat16) { Dense(2) }
    #expect(throws: LayerError.undeclaredCast(layer: "dense", input: "input", from: .float32, to: .bfloat16)) {
      try model.build(input: images)
    }
    let between = strict(.mixedBFloat16) {
      Cast(to: .bfloat16)
      Dense(2)
      Dense(2, policy: .float32)
    }
    #expect(throws: LayerError.undeclaredCast(layer: "dense_1", input: "input", from: .bfloat16, to: .float32)) {
      try between.build(input: images)
    }
    let declared = strict(.mixedBFloat16) {
      Cast(to: .bfloat16)
      Dense(2)
      Cast(to: .float32)
      Dense(2, policy: .float32)
    }
    #expect(try declared(Tensor(zeros: images)).dtype == .float32)
    // What the environment says later is nothing to a model that exists.
    #expect(
      try withPolicy(.mixedBFloat16) { Model(Dense(2), runtime: .builtinOnly()) }(Tensor(zeros: images)).dtype
        == .bfloat16)
  }

  @Test(arguments: [
    (DType.int8, DType.float16, true), (.uint8, .bfloat16, true), (.int16, .float16, false), (.int16, .float32, true),
    (.int32, .float32, false), (.int32, .float64, true), (.int64, .float64, false), (.uint8, .float16, true),
  ])
  func integersFit(integer: DType, float: DType, fits: Bool) throws {
    let model = strict(DTypePolicy(float)) { Dense(2) }
    let input = TensorType(integer, [2, 3])
    if fits {
      try model.build(input: input)
    } else {
      #expect(throws: GraphError(.inexactIntegers(from: integer, to: float), layer: "dense")) {
        try model.build(input: input)
      }
      // Said aloud it is allowed.
      try strict(DTypePolicy(float)) {
        Cast(to: float)
        Dense(2)
      }.build(input: input)
    }
  }

  private struct Shift: Layer {
    var by: Double
    var policy = globalPolicy()
    func call(_ input: SymbolicTensor, _ context: LayerContext) throws -> SymbolicTensor { try input + by }
  }

  @Test(arguments: [
    (DType.float16, 1e-8, ConstantFate?.some(.vanishes)), (.float16, 1e5, .overflows), (.float16, 2049, .becomes(2048)),
    (.bfloat16, 257, .becomes(256)), (.bfloat16, 1e-8, nil), (.float16, 0.1, nil), (.float32, 1e-46, .vanishes),
  ])
  func constantsStayWhatTheyAre(dtype: DType, value: Double, fate: ConstantFate?) throws {
    let model = strict(DTypePolicy(dtype)) { Shift(by: value) }
    let input = TensorType(dtype, [2])
    guard let fate else { return try model.build(input: input) }
    #expect(throws: GraphError(.constant(value, dtype: dtype, fate: fate), layer: "shift")) {
      try model.build(input: input)
    }
    try withPolicy(DTypePolicy(dtype)) { Model(Shift(by: value), runtime: .builtinOnly()) }.build(input: input)
  }

  @Test func constantsThatVanishOrOverflowAreReported() throws {
    #expect(
      LayerNormalization(epsilon: 1e-50, policy: .mixedFloat16).lostConstants == [
        "LayerNormalization: epsilon 1e-50 vanishes in float32, under the policy mixed_float16"
      ])
    #expect(LeakyReLU(negativeSlope: 1e39, policy: .float32).lostConstants.count == 1)
    #expect(ELU(alpha: 1e-60, policy: .mixedBFloat16).lostConstants.count == 1)
    #expect(Rescaling(1e-60, offset: 1e60, policy: .float32).lostConstants.count == 2)
    #expect(Rescaling(1e-60, offset: 1e60, policy: .float64).lostConstants.isEmpty)
    #expect(Rescaling(0, policy: .float16).lostConstants.isEmpty && LeakyReLU(policy: .float16).lostConstants.isEmpty)
    let model = strict(.float32) { LeakyReLU(negativeSlope: 1e39) }
    #expect(throws: LayerError.self) { try model.build(input: TensorType(.float32, [2, 3])) }
  }

  @Test func epsilonsOfStrictModelsAreErrors() throws {
    let layer = LayerNormalization(epsilon: 1e-50, policy: .mixedFloat16)
    let constant = LayerConstant("epsilon", 1e-50, dtype: .float32)
    #expect(layer.constants(under: layer.policy) == [constant] && constant.fate == .vanishes)
    #expect(LayerNormalization(epsilon: 1e-8, policy: .float16).constants(under: .float16)[0].fate == nil)
    let model = strict(.float32) { layer.following(.float32) }
    #expect(throws: LayerError.constant(layer: "layer_normalization", constant, .vanishes)) {
      try model.build(input: TensorType(.float32, [2, 3]))
    }
  }

  @Test func callsNoteWhatPoliciesCast() throws {
    let model = withPolicy(.mixedFloat16) { Model(Dense(2), runtime: .builtinOnly()) }
    let call = try TracedCall(model, input: TensorType(.float32, [1, 3]), isTraining: false) { _ in .constant }
    #expect(
      call.casts[""] == [
        LayerCast(kind: .input, name: "input", from: .float32, to: .float16),
        LayerCast(kind: .variable, name: "kernel", from: .float32, to: .float16),
        LayerCast(kind: .variable, name: "bias", from: .float32, to: .float16),
      ])
  }
}

extension LayerNormalization {
  fileprivate func following(_ policy: DTypePolicy) -> LayerNormalization {
    LayerNormalization(axis: axis, epsilon: epsilon, policy: policy)
  }
}
