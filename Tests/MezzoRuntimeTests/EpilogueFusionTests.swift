import MezzoBackend
import MezzoGraph
import MezzoPolicy
import MezzoRuntime
import Testing

@Suite struct EpilogueFusionTests {
  private let trace = Trace()
  private let x: SymbolicTensor
  private let kernel: SymbolicTensor
  private let bias: SymbolicTensor
  private let inputs: [Tensor]

  init() throws {
    try self.init(.float32)
  }

  private init(_ dtype: DType) throws {
    var generator = Xorshift(state: 3)
    inputs = try [[4, 3], [3, 5], [5]].map { try Tensor.random($0, in: -2...2, &generator).cast(to: dtype) }
    x = trace.input(inputs[0].type, name: "x")
    kernel = trace.input(inputs[1].type, name: "kernel")
    bias = trace.input(inputs[2].type, name: "bias")
  }

  private func plan(_ outputs: [SymbolicTensor], _ runtime: Runtime = .builtinOnly()) throws -> Plan {
    try runtime.plan(trace.finish(outputs))
  }

  private func operations(_ outputs: SymbolicTensor...) throws -> [String] {
    try plan(outputs).records.map(\.operation)
  }

  @Test func biasAndActivationJoinTheProduct() throws {
    let product = try x.matmul(kernel) + bias
    #expect(try operations(product.relu()) == ["matmul+bias+relu"])
    #expect(try operations(product.gelu()) == ["matmul+bias+gelu"])
    #expect(try operations(product.gelu(approximate: true)) == ["matmul+bias+gelu_tanh"])
    #expect(try operations(product.sigmoid()) == ["matmul+bias+sigmoid"])
    #expect(try operations(x.matmul(kernel).tanh()) == ["matmul+tanh"])
  }

  @Test func theBiasMayStandOnTheLeft() throws {
    #expect(try operations((bias + x.matmul(kernel)).relu()) == ["matmul+bias+relu"])
  }

  @Test func whatIsNeededElsewhereIsKept() throws {
    let product = try x.matmul(kernel)
    let sum = try product + bias
    let activated = try sum.relu()
    #expect(try operations(activated, sum) == ["matmul+bias", "relu"])
    #expect(try operations(activated, product) == ["matmul", "add", "relu"])
    #expect(try operations(activated + sum) == ["matmul+bias", "relu", "add"])
  }

  @Test func deadUsersDoNotCount() throws {
    let sum = try x.matmul(kernel) + bias
    _ = try sum.exp()
    #expect(try operations(sum.relu()) == ["matmul+bias+relu"])
  }

  @Test func aSumThatANormalisationAloneReadsIsItsResidual() throws {
    let other = trace.input(TensorType(.float32, [4, 3]), name: "other")
    #expect(try operations((x + other).layerNormalized(epsilon: 1e-3)) == ["layer_norm"])
    let sum = try x + other
    #expect(try operations(sum.layerNormalized(epsilon: 1e-3), sum) == ["add", "layer_norm"])
    let product = try x.matmul(kernel) + bias
    let residual = trace.input(TensorType(.float32, [4, 5]), name: "residual")
    #expect(
      try operations((product + residual).layerNormalized(epsilon: 1e-3)) == ["matmul+bias", "layer_norm"])
    let given = [inputs[0], try inputs[0].cast(to: .float32)]
    let whole = try Runtime.builtinOnly().evaluate(given) { [try ($0[0] + $0[1]).layerNormalized(epsilon: 1e-3)] }
    let doubled = try Runtime.builtinOnly().evaluate(given) { [try $0[0] + $0[1]] }
    let apart = try Runtime.builtinOnly().evaluate(doubled) { [try $0[0].layerNormalized(epsilon: 1e-3)] }
    #expect(whole == apart)
  }

  @Test func onlyAVectorAlongTheLastAxisIsABias() throws {
    let full = trace.input(TensorType(.float32, [4, 5]), name: "full")
    let column = trace.input(TensorType(.float32, [4, 1]), name: "column")
    #expect(try operations(x.matmul(kernel) + full) == ["matmul+add"])
    #expect(try operations(x.matmul(kernel) + column) == ["matmul", "add"])
    #expect(try operations(x.matmul(kernel).relu() + bias) == ["matmul+relu", "add"])
    let product = try x.matmul(kernel)
    #expect(try operations(product + product) == ["matmul", "add"])
  }

  /// The bias is computed after the product: the fused step stands where all its operands are there.
  @Test func theStepWaitsForItsOperands() throws {
    let product = try x.matmul(kernel)
    let result = try (product + bias.exp()).relu()
    let plan = try plan([result])
    #expect(plan.records.map(\.operation) == ["exp", "matmul+bias+relu"])
    let eager = Runtime.builtinOnly()
    let sum = try eager.evaluate(inputs) { [try $0[0].matmul($0[1])] } + eager.evaluate(inputs) { [try $0[2].exp()] }
    let expected = try eager.evaluate(try eager.evaluate(sum) { [try $0[0] + $0[1]] }) { [try $0[0].relu()] }
    #expect(try plan.run(inputs) == expected)
  }

  @Test(arguments: [DType.float16, .bfloat16]) func aCastToFloat32IsLeftToTheAccumulator(_ dtype: DType) throws {
    let fixture = try EpilogueFusionTests(dtype)
    let product = try (fixture.x.matmul(fixture.kernel) + fixture.bias).cast(to: .float32)
    let plan = try fixture.plan([product])
    #expect(plan.records.map(\.operation) == ["matmul+bias"])
    // Exactly: operands are small multiples of powers of two, and the sums are not rounded to 16 bits.
    let exact = try Runtime.builtinOnly().evaluate(try fixture.inputs.map { try $0.cast(to: .float64) }) {
      [try $0[0].matmul($0[1]) + $0[2]]
    }
    #expect(try plan.run(fixture.inputs)[0] == exact[0].cast(to: .float32))
    let sum = try fixture.plan([try fixture.x.sum(axes: [0]).cast(to: .float32)])
    #expect(sum.records.map(\.operation) == ["reduce_sum"])
    #expect(try sum.run(fixture.inputs)[0].dtype == .float32)
  }

  @Test func theCastStaysWhereTheNarrowValueIsNeeded() throws {
    let fixture = try EpilogueFusionTests(.bfloat16)
    let product = try fixture.x.matmul(fixture.kernel)
    let wide = try product.cast(to: .float32)
    #expect(try fixture.plan([wide, product]).records.map(\.operation) == ["matmul", "cast"])
    #expect(try fixture.plan([try fixture.x.exp().cast(to: .float32)]).records.map(\.operation) == ["exp", "cast"])
    #expect(try fixture.plan([try product.cast(to: .float64)]).records.map(\.operation) == ["matmul", "cast"])
  }

  /// A backend that takes a product and a bias but no activation leaves the rest to the host.
  @Test func whatABackendLeavesOverIsDoneBehindIt() throws {
    let result = try (x.matmul(kernel) + bias).gelu().tanh()
    let expected = try plan([result]).run(inputs)
    for (steps, names) in [
      ([EpilogueStep.bias(operand: 2)], ["matmul+bias", "gelu", "tanh"]), ([], ["matmul", "add", "gelu", "tanh"]),
    ] {
      let fake = FakeBackend(
        "fake",
        [
          try .fake(.matmul, "A:f32[m,k] B:f32[k,n] -> C:f32[m,n]", epilogue: steps),
          try .fake(.add, "x:f32 y:f32 -> z:f32"), try .fake(.gelu, "x:f32 -> y:f32"),
          try .fake(.tanh, "x:f32 -> y:f32"),
        ])
      let plan = try plan([result], .with([fake], builtin: false))
      #expect(plan.records.map(\.operation) == names)
      #expect(try plan.run(inputs) == expected)
    }
  }

  /// The accumulator is wider than what was asked for: activations come before the one rounding.
  @Test func whatIsLeftOverInFloat32IsRoundedAtTheEnd() throws {
    let fixture = try EpilogueFusionTests(.bfloat16)
    let fake = FakeBackend(
      "fake",
      [
        try .fake(.matmul, "A:f32[m,k] B:f32[k,n] -> C:f32[m,n]"), try .fake(.add, "x:f32 y:f32 -> z:f32"),
        try .fake(.relu, "x:f32 -> y:f32"), try .fake(.cast, "x:T{bf16,f32} -> y:U{bf16,f32}"),
      ])
    let result = try (fixture.x.matmul(fixture.kernel) + fixture.bias).relu()
    let plan = try fixture.plan([result], .with([fake], builtin: false))
    #expect(plan.records.map(\.operation).filter { $0 != "cast" } == ["matmul", "add", "relu"])
    #expect(plan.records.last?.operation == "cast")
    #expect(try plan.run(fixture.inputs) == fixture.plan([result]).run(fixture.inputs))
  }
}
