import MezzoBackend
import MezzoGraph
import MezzoPolicy
import MezzoRuntime
import Testing

@testable import MezzoLayers

@Suite struct RepolicyTests {
  private let sample: Tensor

  init() throws {
    sample = try Tensor((0..<24).map { Double($0) / 8 - 1.3 }, shape: [4, 6], dtype: .float32)
  }

  private func model(_ policy: DTypePolicy = .float32) throws -> Model {
    let model = withPolicy(policy) {
      Model(seed: 3, runtime: .builtinOnly()) {
        Dense(5, activation: .relu)
        Dense(3)
      }
    }
    try model.build(input: sample.type)
    return model
  }

  private func dtypes(_ model: Model) throws -> [DType] {
    let variables = try model.variables
    return variables.paths.compactMap { variables[$0]?.dtype }
  }

  @Test(arguments: [DTypePolicy.mixedFloat16, .mixedBFloat16, .float16, .bfloat16, .float64])
  func layersFollowTheNewPolicyAndGoBack(policy: DTypePolicy) throws {
    let model = try model()
    let (before, weights) = (try model(sample), try model.variables)
    let change = try model.repolicy(policy, sample: sample)
    let after = try model(sample)
    #expect(after.dtype == policy.computeDType)
    #expect(Set(try dtypes(model)) == [try #require(policy.variableDType)])
    #expect(change.layers.map(\.path) == ["", "dense", "dense_1"])
    #expect(change.layers.allSatisfy { $0.before == .float32 && $0.after == policy })
    #expect(try model.policies.values.allSatisfy { $0 == policy })
    let moved = zip(before.scalars(), after.scalars()).map { abs($0 - $1) }.max() ?? 0
    #expect(try #require(change.outputs).largestDifference == moved)
    try change.undo()
    #expect(try model.variables == weights)
    #expect(try model(sample) == before)
  }

  @Test func recastWeightsSayWhatTheyLost() throws {
    let model = try model()
    let change = try model.repolicy(.bfloat16)
    #expect(change.variables.count == 4 && change.outputs == nil)
    let kernel = try #require(change.variables.first { $0.path == "dense.kernel" })
    #expect(kernel.before == .float32 && kernel.after == .bfloat16)
    // Rounding to 8 bits loses up to a part in 512, and something of random numbers always.
    #expect(kernel.largestRelativeError > 0 && kernel.largestRelativeError <= 0x1p-8)
    #expect(kernel.overflows == 0 && kernel.underflows == 0)
  }

  @Test func masterWeightsStay() throws {
    let model = try model()
    let weights = try model.variables
    let change = try model.repolicy(.bfloat16, storage: .keep)
    #expect(change.variables.isEmpty && change.layers.allSatisfy { $0.after == .mixedBFloat16 })
    #expect(try model.variables == weights && model(sample).dtype == .bfloat16)
    try model.repolicy(.float64, storage: .keep)
    #expect(try model.policies["dense"]?.name == "params=float32,compute=float64,output=float64")
    #expect(try model.variables == weights && model(sample).dtype == .float64)
  }

  @Test func layersMayDiffer() throws {
    let model = try model()
    try model.repolicy(DTypePolicyMap(default: .mixedBFloat16, ["dense_1": .float32]))
    #expect(try model.policies["dense"] == .mixedBFloat16 && model.policies["dense_1"] == .float32)
    #expect(try model.policies["dense"]?.origin == .map)
    #expect(try model(sample).dtype == .float32)
  }

  @Test func whatCannotBeVerifiedLeavesTheModelAsItWas() throws {
    let model = try model()
    var large = try model.variables
    large.set("dense.bias", try Tensor([1e5, 0, 0, 0, 0], shape: [5], dtype: .float32))
    try model.setVariables(large)
    let before = try model(sample)
    #expect(throws: RepolicyError.overflow(path: "dense.bias", dtype: .float16, elements: 1)) {
      try model.repolicy(.float16)
    }
    let failure = #expect(throws: RepolicyError.self) {
      try model.repolicy(.float16, storage: .keep, sample: sample)
    }
    guard case .nonFiniteOutputs(let elements) = try #require(failure) else {
      Issue.record("\(failure as Any)")
      return
    }
    #expect(elements > 0)
    let strict = #expect(throws: RepolicyError.self) { try model.repolicy(.bfloat16, sample: sample, tolerance: 1e-9) }
    guard case .difference(let relative, 1e-9) = try #require(strict) else {
      Issue.record("\(strict as Any)")
      return
    }
    #expect(relative > 1e-9 && relative < 0.05)
    #expect(throws: LayerError.self) { try model.repolicy(DTypePolicy(DType.int32)) }
    #expect(try model.variables == large && model(sample) == before)
    #expect(try model.policies["dense"] == .float32)
  }

  @Test func learntWeightsAreNotThrownAway() throws {
    let model = try model()
    let change = try model.repolicy(.mixedBFloat16)
    var learnt = try model.variables
    learnt.set("dense.bias", try Tensor([1, 2, 3, 4, 5], shape: [5], dtype: .float32))
    try model.setVariables(learnt)
    #expect(throws: RepolicyError.changedSince) { try change.undo() }
    #expect(try model.variables == learnt && model.policies["dense"] == .mixedBFloat16)
  }

  @Test func needsToKnowTheInputs() throws {
    #expect(throws: LayerError.self) { try Model(Dense(2), runtime: .builtinOnly()).repolicy(.float16) }
    let built = try Model(Dense(2, policy: .float32), runtime: .builtinOnly())
      .repolicy(.mixedFloat16, sample: sample)
    #expect(built.layers.map(\.after) == [.mixedFloat16])
  }

  @Test func mapsDecideForLayersWithoutAPolicyOfTheirOwn() throws {
    let map = try DTypePolicyMap(default: .mixedBFloat16, ["block[.]dense": .float64, "block.*": .float16])
    let model = withPolicy(.float32) {
      Model(
        Sequential([Sequential([Dense(2), Dense(2, policy: .bfloat16)], name: "block"), Dense(2)]), policyMap: map,
        runtime: .builtinOnly())
    }
    let ambiguous = PolicyError.ambiguousPath(path: "block.dense", keys: ["block[.]dense", "block.*"])
    #expect(throws: ambiguous) { try model.build(input: sample.type) }
    let exact = try DTypePolicyMap(default: .mixedBFloat16, ["block.dense": .float64, "block.*": .float16])
    let fixed = withPolicy(.float32) {
      Model(
        Sequential([Sequential([Dense(2), Dense(2, policy: .bfloat16)], name: "block"), Dense(2)]), policyMap: exact,
        runtime: .builtinOnly())
    }
    try fixed.build(input: sample.type)
    #expect(try fixed.policies["block.dense"] == .float64 && fixed.policies["block.dense_1"] == .bfloat16)
    #expect(try fixed.policies["dense"] == .mixedBFloat16 && fixed.policies["dense"]?.origin == .map)
  }
}
