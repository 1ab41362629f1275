import MezzoBackend
import MezzoGraph
import MezzoLayers
import MezzoPolicy
import MezzoRuntime
import Testing

/// The policy `_infer`, and TensorFlow 1's dtype behaviour.
@Suite struct InferTests {
  private let runtime = Runtime.builtinOnly()

  /// Returns what it is given.
  private func echo(_ policy: DTypePolicy = .infer, building: @escaping (LayerContext) throws -> Void = { _ in })
    -> Model
  {
    Model(CustomLayer(policy, building: building) { input, _ in input }, runtime: runtime)
  }

  private func zero(_ dtype: DType) throws -> Tensor { try Tensor(zeros: TensorType(dtype, [])) }

  private func environment(_ dialect: PolicyDialect = .mezzo, isV2: Bool) -> PolicyEnvironment {
    let environment = PolicyEnvironment(dialect: dialect)
    environment.usesV2DTypeBehavior = isV2
    return environment
  }

  @Test(arguments: [DType.float16, .bfloat16, .float32, .float64, .int8, .int32, .int64, .bool, .uint8])
  func theFirstInputDecidesWhateverItsKind(_ dtype: DType) throws {
    let model = echo()
    #expect(throws: LayerError.notBuilt(model: "the model")) { try model.policies }
    #expect(try model(zero(dtype)).dtype == dtype)
    #expect(try model.policies == ["": DTypePolicy(dtype)])
  }

  @Test(arguments: [DType.float16, .float64, .int32], [DType.bfloat16, .float32, .int64, .bool])
  func laterInputsAreCastToWhatWasInferred(first: DType, second: DType) throws {
    let model = echo()
    _ = try model(zero(first))
    let isCast = first.isFloatingPoint && second.isFloatingPoint
    for _ in 0..<2 { #expect(try model(zero(second)).dtype == (isCast ? first : second)) }
    #expect(try model.policies[""]?.name == first.name)
  }

  @Test(arguments: [DTypePolicy.infer, .float64, .float16, .mixedBFloat16])
  func withTensorFlow1BehaviorNothingIsCast(policy: DTypePolicy) throws {
    let environment = environment(isV2: false)
    let model = withPolicyEnvironment(environment) { echo(policy) }
    // Fixed when the model is made.
    environment.usesV2DTypeBehavior = true
    for dtype in [DType.float32, .float16, .float64] { #expect(try model(zero(dtype)).dtype == dtype) }
    #expect(try model.policies[""] == policy.resolved(for: .float32))
  }

  @Test func layersThatAreMadeWithTensorFlow1BehaviorInfer() throws {
    try withPolicyEnvironment(environment(isV2: false)) { () throws in
      let model = Model(runtime: runtime) {
        Dense(2)
        Dense(2, policy: .float64)
      }
      #expect(try model(Tensor([1, 2], shape: [1, 2], dtype: .float16)).dtype == .float64, "Dense casts in its call")
      #expect(try model.policies == ["": .float16, "dense": .float16, "dense_1": .float64])
      #expect(try model.variables["dense.kernel"]?.dtype == .float16)
    }
  }

  @Test(arguments: [nil, DType.float64, .int32, .bool], [DType.float16, .float32, .float64])
  func anEarlierWeightDecides(dtype: DType?, floatx: DType) throws {
    try withPolicyEnvironment(PolicyEnvironment()) {
      try setFloatx(floatx)
      let model = echo { context in
        _ = try context.variable("v", shape: [2], initializer: .zeros, dtype: dtype)
        #expect(context.policy == DTypePolicy(dtype ?? floatx))
      }
      let expected = dtype ?? floatx
      #expect(try model(zero(.bfloat16)).dtype == (expected.isFloatingPoint ? expected : .bfloat16))
      #expect(try model.policies[""] == DTypePolicy(expected))
      #expect(try model.variables["v"]?.dtype == expected)
    }
  }

  @Test func aWeightInCallComesTooLate() throws {
    let model = Model(
      CustomLayer(.infer) { input, context in
        _ = try context.variable("v", shape: [2])
        return input
      }, runtime: runtime)
    _ = try model(zero(.float64))
    #expect(try model.variables["v"]?.dtype == .float64)
  }

  @Test func nothingAsFirstLeafLeavesThePolicyToTheFirstWeight() throws {
    let layer = StructuredLayer(.infer) { inputs, context in
      #expect(context.policy == .infer)
      let before = inputs.leaves.compactMap { $0?.dtype }
      let variable = try context.parameter("v", shape: [])
      #expect(context.policy == .float32)
      return before == [.float64] ? .tensor(variable.stored) : .none
    }
    let model = Model(layer, runtime: runtime)
    let outputs = try model(Arguments(.array([.none, .tensor(zero(.float64))])))
    #expect(outputs.tensor?.dtype == .float32)
    #expect(try model.policies == ["": .float32])
  }

  /// The first leaf decides; whether the others are cast at once differs.
  @Test(arguments: PolicyDialect.allCases)
  func theFirstCallCastsWhatTheSystemOfTheDialectCasts(dialect: PolicyDialect) throws {
    try withPolicyEnvironment(environment(dialect, isV2: true)) {
      let model = Model(StructuredLayer(.infer) { inputs, _ in inputs.positional[0] }, runtime: runtime)
      let input = try Arguments<Tensor>(.dictionary(["a": .tensor(zero(.float64)), "b": .tensor(zero(.float16))]))
      let dtypes = try (0..<3).map { _ in try model(input).map(\.dtype).leaves }
      let first: DType = dialect == .tensorFlow24 ? .float16 : .float64
      #expect(dtypes == [[.float64, first], [.float64, .float64], [.float64, .float64]])
      #expect(try model.policies == ["": .float64])
    }
  }

  @Test func everyLayerInfersForItself() throws {
    let model = Model(runtime: runtime) {
      CustomLayer(.infer) { input, _ in try input.cast(to: .float16) }
      Dense(3, policy: .infer)
      Dense(1, policy: .float32)
    }
    _ = try model(Tensor([1, 2], shape: [1, 2], dtype: .float64))
    #expect(try model.policies["custom_layer"] == .float64)
    #expect(try model.policies["dense"] == .float16)
    #expect(try model.variables["dense.kernel"]?.dtype == .float16)
  }

  @Test func anIntegerIsNoPolicyForDense() throws {
    let model = Model(Dense(1, policy: .infer), runtime: runtime)
    #expect(throws: LayerError.nonFloatingPolicy(layer: "", policy: "int32")) {
      try model(Tensor([1, 2], shape: [1, 2], dtype: .int32))
    }
    #expect(!model.isBuilt)
  }

  @Test func manyFirstCallsAtOnceAgree() async throws {
    for _ in 0..<Sample.count(20, over: 5) {
      let model = Model(runtime: runtime) { Dense(4, policy: .infer) }
      let dtypes: [DType] = [.float16, .float32, .float64, .bfloat16]
      try await withThrowingTaskGroup(of: DType.self) { group in
        for index in 0..<8 {
          group.addTask { try model(Tensor([1, 2], shape: [1, 2], dtype: dtypes[index % 4])).dtype }
        }
        var seen: Set<DType> = []
        for try await dtype in group { seen.insert(dtype) }
        #expect(seen.count == 1)
      }
    }
  }
}
