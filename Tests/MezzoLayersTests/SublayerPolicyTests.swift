import MezzoBackend
import MezzoGraph
import MezzoLayers
import MezzoPolicy
import MezzoRuntime
import Testing

/// Which policy layers follow that are called by others.
@Suite struct SublayerPolicyTests {
  private let runtime = Runtime.builtinOnly()

  /// Calls one sublayer.
  struct Parent: Layer {
    var policy: DTypePolicy
    var sublayerPolicy: SublayerPolicy
    var child: AnyLayer

    init(_ policy: DTypePolicy, _ sublayerPolicy: SublayerPolicy, _ child: any Layer) {
      self.policy = policy
      self.sublayerPolicy = sublayerPolicy
      self.child = AnyLayer(child)
    }

    func call(_ input: SymbolicTensor, _ context: LayerContext) throws -> SymbolicTensor {
      try context.call(child.layer, input, name: "child")
    }
  }

  private func policies(_ layer: any Layer, under global: DTypePolicy = .float16) throws -> [String: DTypePolicy] {
    let model = Model(layer, runtime: runtime)
    try withPolicy(global) { try model.build(input: [1, 2]) }
    return try model.policies
  }

  @Test(arguments: [DTypePolicy.float32, .float64, .mixedFloat16], [DTypePolicy.float32, .mixedBFloat16])
  func sublayersFollowWhatTheyTookWhenTheyWereMade(global: DTypePolicy, parent: DTypePolicy) throws {
    let layer = withPolicy(global) { Parent(parent, .own, Dense(2)) }
    #expect(try policies(layer) == ["": parent, "child": global])
  }

  @Test(arguments: [DTypePolicy.float32, .float64, .mixedFloat16], [DTypePolicy.float32, .mixedBFloat16])
  func sublayersFollowTheirParentWhereItSaysSo(global: DTypePolicy, parent: DTypePolicy) throws {
    let layer = withPolicy(global) { Parent(parent, .parent, Dense(2)) }
    #expect(try policies(layer) == ["": parent, "child": parent])
  }

  @Test func sublayersFollowTheGlobalPolicyOfBuildingWhereTheParentSaysSo() throws {
    let layer = withPolicy(.float64) { Parent(.mixedBFloat16, .global, Dense(2)) }
    let model = Model(layer, runtime: runtime)
    try withPolicy(.mixedFloat16) { try model.build(input: [1, 2]) }
    #expect(try model.policies["child"] == .mixedFloat16)
    let output = try withPolicy(.float64) { try model(Tensor([1, 2], shape: [1, 2], dtype: .float32)) }
    #expect(output.dtype == .float16, "what was decided stays")
  }

  @Test(arguments: SublayerPolicy.allCases) func aPolicyOfItsOwnStays(_ choice: SublayerPolicy) throws {
    let layer = Parent(.mixedBFloat16, choice, Dense(2, policy: .float64))
    #expect(try policies(layer)["child"] == .float64)
  }

  @Test func containersHandThroughWhatIsSaidAroundThem() throws {
    let layer = withPolicy(.float16) {
      Parent(
        .mixedBFloat16, .parent,
        Sequential([Sequential([Dense(2), Dense(2, policy: .float64)]), Parent(.float32, .own, Dense(1))]))
    }
    #expect(
      try policies(layer) == [
        "": .mixedBFloat16, "child": .mixedBFloat16, "child.sequential": .mixedBFloat16,
        "child.sequential.dense": .mixedBFloat16, "child.sequential.dense_1": .float64, "child.parent": .float32,
        "child.parent.child": .float16,
      ])
  }

  @Test func aSequenceCanBeTheParent() throws {
    let layer = withPolicy(.float16) { Sequential([Dense(2)], policy: .mixedBFloat16, sublayerPolicy: .parent) }
    #expect(try policies(layer)["dense"] == .mixedBFloat16)
  }

  @Test(arguments: [DTypePolicy.float32, .float64, .mixedBFloat16])
  func aLayerMadeInCallTakesThePolicyOfTheCaller(policy: DTypePolicy) throws {
    let layer = CustomLayer(policy) { input, context in
      #expect(globalPolicy() == policy)
      return try context.call(Dense(3), input, name: "made")
    }
    let model = Model(layer, runtime: runtime)
    for global in [DTypePolicy.float16, .float64] {
      let output = try withPolicy(global) { try model(Tensor([1, 2], shape: [1, 2], dtype: .float32)) }
      #expect(output.dtype == policy.computeDType)
    }
    #expect(try model.layers.map(\.policy.origin) == [.own, .scope])
    #expect(globalPolicy() != .float16, "the scope leaves no trace")
  }

  @Test func aLayerCalledTwiceIsOneLayer() throws {
    let shared = Dense(2, policy: .infer)
    let layer = CustomLayer(.float32) { input, context in
      let once = try context.call(shared, input.cast(to: .float64), name: "shared")
      return try context.call(shared, once.cast(to: .bfloat16), name: "shared")
    }
    let model = Model(layer, runtime: runtime)
    #expect(try model(Tensor([1, 2], shape: [1, 2], dtype: .float32)).dtype == .float64)
    #expect(try model.variables.paths == ["shared.kernel", "shared.bias"])
    #expect(try model.layers.map(\.path) == ["", "shared"])
  }

  @Test func twoLayersUnderOneNameAreRefused() throws {
    for other in [Activation(.relu, policy: .float64), Dense(2, policy: .float32)] as [any Layer] {
      let layer = CustomLayer { input, context in
        let first = try context.call(Activation(.relu, policy: .float32), input, name: "same")
        return try context.call(other, first, name: "same")
      }
      #expect(throws: LayerError.sameName(container: "", name: "same")) { try policies(layer) }
    }
    let nameless = CustomLayer { input, context in try context.call(Activation(.relu), input, name: "") }
    #expect(throws: LayerError.self) { try policies(nameless) }
  }
}
