import MezzoBackend
import MezzoGraph
import MezzoLayers
import MezzoPolicy
import MezzoRuntime
import Testing

/// Layers whose kernels are in int8.
@Suite struct QuantizedLayerTests {
  private let runtime = Runtime.builtinOnly()

  private static func int8(_ source: DTypePolicy) throws -> DTypePolicy {
    try DTypePolicy(Quantization(mode: "int8"), from: source)
  }

  private func ramp(_ shape: [Int], _ dtype: DType = .float32) throws -> Tensor {
    let count = shape.reduce(1, *)
    return try Tensor(
      (0..<count).map { Double(($0 * 37) % 101) / 50 - 1 }, shape: shape, dtype: dtype)
  }

  /// ‖got − expected‖ ∕ ‖expected‖
  private func distance(_ got: Tensor, _ expected: Tensor) -> Double {
    let pairs = zip(got.scalars(), expected.scalars())
    let error = pairs.reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
    return (error / expected.scalars().reduce(0) { $0 + $1 * $1 }).squareRoot()
  }

  @Test func denseKeepsItsKernelAsKerasDoes() throws {
    let model = Model(Dense(3, policy: try Self.int8(.float32)), runtime: runtime)
    try model.build(input: [1, 4])
    let plain = Model(Dense(3, policy: .float32), runtime: runtime)
    try plain.build(input: [1, 4])
    let variables = try model.variables
    #expect(variables.paths == ["kernel", "kernel_scale", "bias"])
    #expect(variables["kernel"]?.type == TensorType(.int8, [4, 3]))
    #expect(variables["kernel_scale"]?.type == TensorType(.float32, [3]))
    #expect(!variables.isTrainable("kernel") && !variables.isTrainable("kernel_scale") && variables.isTrainable("bias"))
    // Both begin with the same numbers, here quantized.
    let kernel = try #require(try plain.variables["kernel"]).scalars()
    let scales = try #require(variables["kernel_scale"]).scalars()
    let elements = try #require(variables["kernel"]).scalars()
    for column in 0..<3 {
      let largest = stride(from: column, to: 12, by: 3).map { abs(kernel[$0]) }.max() ?? 0
      #expect(abs(scales[column] * largest / 127 - 1) < 1e-6)
      for index in stride(from: column, to: 12, by: 3) {
        #expect(elements[index] == (kernel[index] * scales[column]).rounded(.toNearestOrEven))
      }
    }
  }

  @Test(arguments: [(DTypePolicy.float32, 0.01), (.mixedBFloat16, 0.012), (.float64, 0.01)])
  func denseIsCloseToItsSource(source: DTypePolicy, tolerance: Double) throws {
    let x = try ramp([3, 5, 64])
    let plain = Model(Dense(32, activation: .gelu, policy: source), runtime: runtime)
    let model = Model(Dense(32, activation: .gelu, policy: try Self.int8(source)), runtime: runtime)
    let (expected, got) = (try plain(x), try model(x))
    #expect(got.type == expected.type)
    #expect(distance(got, expected) < tolerance)
  }

  @Test(arguments: [
    ("abc,cde->abde", [nil, 4, 8] as [Int?], [3, 5, 16], [4, 8]), ("abde,dec->abc", [nil, 8], [3, 5, 4, 6], [8]),
    ("abc,dc->abd", [nil, 8], [2, 3, 16], [8, 1]), ("...c,cd->...d", [8], [2, 3, 16], [8]),
  ])
  func einsumDenseIsCloseToItsSource(equation: String, output: [Int?], input: [Int], scale: [Int]) throws {
    func layer(_ policy: DTypePolicy) -> EinsumDense {
      EinsumDense(equation, outputShape: output, activation: .tanh, biasAxes: "d", policy: policy)
    }
    let x = try ramp(input)
    let biasAxes: String? = equation.contains("->abc") ? "c" : "d"
    var (plain, quantized) = (layer(.float32), layer(try Self.int8(.float32)))
    (plain.biasAxes, quantized.biasAxes) = (biasAxes, biasAxes)
    let model = Model(quantized, runtime: runtime)
    let (expected, got) = (try Model(plain, runtime: runtime)(x), try model(x))
    #expect(try model.variables["kernel_scale"]?.shape == scale)
    #expect(distance(got, expected) < 0.01)
  }

  @Test func anEquationWithABatchIsRefused() throws {
    let layer = EinsumDense("abc,acd->abd", outputShape: [nil, 4], policy: try Self.int8(.float32))
    let error = #expect(throws: LayerError.self) { try Model(layer, runtime: runtime).build(input: [2, 3, 5]) }
    #expect(error?.description.contains("int8") == true)
  }

  @Test func projectionsOfAttentionShareTheirRows() throws {
    let policy = try Self.int8(.float32)
    let model = Model(MultiHeadAttention(numHeads: 2, keyDim: 8, policy: policy), runtime: runtime)
    let x = try ramp([2, 5, 16])
    let inputs = Arguments(.tensor(x), .tensor(x)) as Arguments<Tensor>
    let got = try #require(try model(inputs).tensor)
    let plain = Model(MultiHeadAttention(numHeads: 2, keyDim: 8, policy: .float32), runtime: runtime)
    #expect(distance(got, try #require(try plain(inputs).tensor)) < 0.02)
    // One tensor twice is two inputs of the graph; query alone, key and value together, and what is mixed.
    let attending = Model(
      CustomLayer(policy) { x, context in
        let attention = MultiHeadAttention(numHeads: 2, keyDim: 8, policy: policy)
        return try context.call(attention, LayerInputs(.tensor(x), .tensor(x)), name: "attention").tensor!
      }, runtime: runtime)
    let graph = try TracedCall(attending, input: x.type, isTraining: false) { _ in .constant }.graph
    #expect(graph.nodes.count { $0.operation is Quantize } == 2)
    #expect(graph.nodes.count { $0.operation is QuantizedMatMul } == 4)
  }

  @Test func whatIsNoNumberStaysNone() throws {
    let model = Model(Dense(4, policy: try Self.int8(.float32)), runtime: runtime)
    let x = try Tensor([1, 2, 3, .nan, 0, 0, .infinity, 1], shape: [4, 2], dtype: .float32)
    let rows = try model(x).scalars()
    #expect(rows[0..<4].allSatisfy { $0.isFinite })
    #expect(rows[4..<8].allSatisfy { $0.isNaN })
    #expect(rows[8..<12].allSatisfy { $0 == 0 })
    #expect(rows[12...].allSatisfy { !$0.isFinite })
  }

  @Test func weightsInInt8AreNotTrained() throws {
    let policy = try Self.int8(.float32)
    let model = Model(Sequential([Dense(4, policy: policy), Dense(2, policy: .float32)]), runtime: runtime)
    try model.build(input: [1, 3])
    func trace() throws {
      _ = try TracedCall(model, input: TensorType(.float32, [1, 3]), isTraining: true) { _ in .state }
    }
    #expect(throws: LayerError.quantizedTraining(layer: "dense", policy: "int8_from_float32")) { try trace() }
    try model.freeze("dense")
    #expect(throws: Never.self) { try trace() }
  }

  @Test func quantizingLeavesEveryOtherLayerAsItIs() throws {
    let model = Model(
      Sequential([LayerNormalization(policy: .float32), Dense(4, policy: .mixedBFloat16), Activation(.relu)]),
      runtime: runtime)
    let x = try ramp([3, 8])
    let before = try model(x)
    let change = try model.quantize(sample: x)
    #expect(change.layers.map(\.path) == ["dense"])
    #expect(try model.policies["dense"]?.name == "int8_from_mixed_bfloat16")
    #expect(try distance(model(x), before) < 0.02)
    #expect(try model.quantize().layers.isEmpty)
    #expect(throws: PolicyError.self) { try Model(Dense(1, policy: .float16), runtime: runtime).quantize(sample: x) }
  }

  @Test func rangesOfInputsCanBeFixed() throws {
    let policy = try Self.int8(.float32)
    let model = Model(
      Sequential([Dense(24, activation: .relu, policy: policy), Dense(8, policy: policy)]), runtime: runtime)
    let x = try ramp([5, 16])
    let dynamic = try model(x)
    let limits = try model.calibrate([x, try ramp([3, 16])])
    #expect(limits.keys.sorted() == ["dense", "dense_1"])
    #expect(limits["dense"] == x.scalars().map { abs($0) }.max())
    #expect(try model.variables["dense.input_limit"]?.type == TensorType(.float32, []))
    #expect(try distance(model(x), dynamic) < 0.03)
    // What is beyond the range is cut off there.
    let larger = try Tensor(x.scalars().map { $0 * 1000 }, shape: [5, 16], dtype: .float32)
    let largest = try Tensor(x.scalars().map { $0 == 0 ? 0 : $0 < 0 ? -1 : 1 }, shape: [5, 16], dtype: .float32)
    #expect(try distance(model(larger), model(largest)) < 0.02)
    #expect(throws: LayerError.self) { try model.calibrate([]) }
    let infinite = try Tensor(x.scalars().map { $0 / 0 }, shape: [5, 16], dtype: .float32)
    #expect(throws: LayerError.self) { try model.calibrate([infinite]) }
    try model.repolicy(.float32)
    #expect(try model.variables.paths.contains { $0.hasSuffix("input_limit") } == false)
  }

  @Test func aModelIsQuantizedAndBack() throws {
    let x = try ramp([5, 16])
    let model = Model(Sequential([Dense(24, activation: .relu), Dense(8)], policy: .float32), runtime: runtime)
    let before = try model(x)
    let weights = try model.variables
    let change = try model.repolicy(try Self.int8(.mixedBFloat16), sample: x, tolerance: 0.1)
    #expect(change.variables.map(\.path) == ["dense.kernel", "dense_1.kernel"])
    #expect(change.variables.allSatisfy { $0.after == .int8 && $0.before == .float32 })
    #expect(try model.variables["dense.kernel_scale"]?.shape == [24])
    #expect(try distance(model(x), before) < 0.02)

    // Loading the same weights quantizes them in the same way.
    let loaded = Model(
      Sequential([Dense(24, activation: .relu), Dense(8)], policy: try Self.int8(.mixedBFloat16)), policyMap: nil,
      runtime: runtime)
    try loaded.build(input: [5, 16])
    _ = try loaded.repolicy(try Self.int8(.mixedBFloat16))
    let report = try loaded.load(weights)
    #expect(report.isComplete && report.loaded.contains("dense.kernel_scale"))
    #expect(try loaded(x).scalars() == model(x).scalars())

    try model.repolicy(.float32)
    #expect(try model.variables.paths.contains("dense.kernel_scale") == false)
    #expect(try distance(model(x), before) < 0.02)
    try model.repolicy(try Self.int8(.float32)).undo()
    #expect(try model.variables["dense.kernel"]?.dtype == .float32)
  }
}
