import MezzoBackend
import MezzoGraph
import MezzoLayers
import MezzoPolicy
import MezzoRuntime
import Testing

/// Layers of several inputs and outputs, in arrays and dictionaries.
@Suite struct NestedInputTests {
  private let runtime = Runtime.builtinOnly()

  private func scalar(_ dtype: DType) -> Tree<TensorType> { .tensor(TensorType(dtype, [])) }

  /// The dtypes that a layer is called with.
  private func seen(
    _ policy: DTypePolicy, _ inputs: Arguments<TensorType>, autocast: Bool = true
  ) throws -> Arguments<DType> {
    var seen = Arguments<DType>()
    let layer = StructuredLayer(policy, autocast: autocast) { inputs, _ in
      seen = inputs.map(\.dtype)
      return .none
    }
    _ = try TracedCall(Model(layer, runtime: runtime), inputs: inputs, isTraining: false) { _ in .constant }
    return seen
  }

  static let dtypes: [DType] = [
    .float16, .bfloat16, .float32, .float64, .float8E5M2, .int8, .int32, .int64, .uint8, .bool, .complex64, .string,
  ]

  @Test(arguments: [DTypePolicy.float16, .float32, .float64, .mixedFloat16, .mixedBFloat16], dtypes)
  func everyFloatingLeafOfEveryArgumentIsCast(policy: DTypePolicy, dtype: DType) throws {
    let expected = dtype.isFloatingPoint ? try #require(policy.computeDType) : dtype
    let types = Arguments<TensorType>(
      .array([scalar(dtype), .none, .dictionary(["b": scalar(dtype), "a": .array([scalar(dtype)])])]), scalar(dtype),
      named: ["mask": scalar(.bool), "state": .dictionary(["h": scalar(dtype)])])
    let leaf = Tree<DType>.tensor(expected)
    #expect(
      try seen(policy, types)
        == Arguments(
          .array([leaf, .none, .dictionary(["b": leaf, "a": .array([leaf])])]), leaf,
          named: ["mask": .tensor(.bool), "state": .dictionary(["h": leaf])]))
    #expect(try seen(policy, types, autocast: false) == types.map(\.dtype))
  }

  @Test(arguments: [DType.int32, .bool, .complex128, .string])
  func aPolicyThatDoesNotComputeInFloatingPointCastsNothing(_ dtype: DType) throws {
    let types = Arguments<TensorType>(scalar(.float16), .array([scalar(.int8), scalar(.float64)]))
    #expect(try seen(DTypePolicy(dtype), types) == types.map(\.dtype))
  }

  @Test func aModelRunsOnStructuresAndReturnsThem() throws {
    let layer = StructuredLayer(.float64) { inputs, context in
      guard case .dictionary(let pair) = inputs.positional[0], let a = pair["a"]?.tensor, let b = pair["b"]?.tensor,
        let scale = inputs.named["scale"]?.tensor
      else { return .none }
      let sum = try a + b
      return .dictionary(["z": .tensor(try sum * scale), "y": .array([.tensor(sum), .tensor(a), .none, .tensor(sum)])])
    }
    let model = Model(layer, runtime: runtime)
    func tensor(_ value: Double, _ dtype: DType) throws -> Tree<Tensor> { .tensor(try Tensor(value, dtype: dtype)) }
    for value in [1.0, 2.0] {
      let outputs = try model(
        Arguments(
          .dictionary(["b": tensor(0x1p-30, .float64), "a": tensor(value, .bfloat16)]),
          named: ["scale": tensor(2, .float32)]))
      let sum = try tensor(value + 0x1p-30, .float64)
      #expect(
        try outputs
          == .dictionary([
            "z": tensor(2 * value + 0x1p-29, .float64), "y": .array([sum, tensor(value, .float64), .none, sum]),
          ]))
    }
  }

  @Test func stringsAreHandedOnButNotComputed() throws {
    let type = TensorType(.string, [1, 2])
    let model = Model(CustomLayer(.float16) { input, _ in input }, runtime: runtime)
    try model.build(input: type)
    #expect(throws: (any Error).self) { try model.explain(input: type) }
    #expect(throws: (any Error).self) { try Model(Dense(1, policy: .float16), runtime: runtime).explain(input: type) }
  }

  @Test func whatIsNoTensorIsRefusedByLayersOfOne() throws {
    let types = Arguments<TensorType>(.array([.tensor(TensorType(.float32, [1, 2]))]))
    let error = #expect(throws: LayerError.self) {
      try Model(Dense(1, policy: .float32), runtime: runtime).build(inputs: types)
    }
    #expect(error?.description.contains("one tensor") == true)
    let two = Arguments<TensorType>(scalar(.float32), scalar(.float32))
    #expect(throws: LayerError.self) { try Model(Flatten(policy: .float32), runtime: runtime).build(inputs: two) }
    let named = Arguments<TensorType>(named: ["x": scalar(.float32)])
    #expect(throws: LayerError.self) { try Model(Sequential([]), runtime: runtime).build(inputs: named) }
  }

  @Test func oneTensorIsNotMadeOfSeveral() throws {
    let model = Model(StructuredLayer { inputs, _ in .array(inputs.positional) }, runtime: runtime)
    let input = try Tensor(1, dtype: .float32)
    #expect(try model(Arguments(.tensor(input))) == .array([.tensor(input)]))
    #expect(throws: LayerError.outputs(layer: "", found: "1 in a structure")) { try model(input) }
  }

  @Test func theFirstLayerOfASequenceTakesAllInputs() throws {
    let layers = Sequential(
      [
        StructuredLayer { inputs, _ in
          .tensor(try inputs.leaves.compactMap { $0 }.reduce(inputs.positional[0].tensor!) { try $0 + $1 })
        },
        Activation(.relu, policy: .float32),
      ], policy: .float32)
    let model = Model(layers, runtime: runtime)
    let one = try Tensor(1, dtype: .float32)
    #expect(try model(Arguments(.tensor(one), named: ["a": .tensor(one)])) == .tensor(Tensor(3, dtype: .float32)))
  }

  @Test func leavesAreVisitedFromLeftToRightAndByName() {
    let tree = Tree<Int>.array([.tensor(1), .dictionary(["b": .tensor(3), "a": .tensor(2)]), .none, .tensor(4)])
    #expect(tree.leaves == [1, 2, 3, nil, 4])
    var order: [Int] = []
    #expect(
      tree.map {
        order.append($0)
        return "\($0)"
      } == .array([.tensor("1"), .dictionary(["a": .tensor("2"), "b": .tensor("3")]), .none, .tensor("4")]))
    #expect(order == [1, 2, 3, 4])
  }
}
