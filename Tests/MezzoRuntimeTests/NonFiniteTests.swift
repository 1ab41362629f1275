import Foundation
import MezzoBackend
import MezzoGraph
import MezzoPolicy
import MezzoRuntime
import Testing

@Suite struct NonFiniteTests {
  private let trace = Trace()
  private let infinity = Double.infinity

  private func tensor(_ scalars: [Double], _ dtype: DType = .float16) throws -> Tensor {
    try Tensor(scalars, shape: [scalars.count], dtype: dtype)
  }

  private func report(_ outputs: [SymbolicTensor], _ inputs: [Tensor]) throws -> NonFiniteReport? {
    try Runtime.builtinOnly().plan(trace.finish(outputs)).firstNonFinite(inputs, states: [])
  }

  private func tagged(
    _ layer: String, _ phase: Graph.Phase = .forward, _ body: () throws -> SymbolicTensor
  ) throws -> SymbolicTensor {
    try trace.tagged(Graph.Origin(layer: layer, phase: phase), body)
  }

  @Test func namesTheLayerThePhaseAndTheOperation() throws {
    let x = trace.input(TensorType(.float16, [3]), name: "x")
    let fine = try tagged("a") { try x + 1 }
    let square = try tagged("b.c", .backward) { try fine * fine }
    let spread = try tagged("d") { try square - square }
    let found = try #require(try report([spread], [try tensor([1, 2, 1000])]))
    #expect(found.layer == "b.c")
    #expect(found.phase == .backward)
    #expect(found.operation == "multiply")
    #expect(found.dtype == .float16)
    #expect((found.elements.nonFinite, found.elements.count) == (1, 3))
    #expect((found.elements.positiveInfinities, found.elements.nans) == (1, 0))
    #expect(found.elements.largestFinite == 9)
    #expect(found.inputs.isEmpty && found.parameters.isEmpty)
    #expect(found.operands.map(\.source) == ["add", "add"])
    #expect(found.largestOperand?.elements.largestFinite == 1001)
    #expect(
      "\(found)" == """
        layer b.c, backward, multiply in float16: 1 of 3 elements is not finite (1 +inf), the others reach 9; its operands \
        are finite, the largest 1001 in add, and float16 ends at 65504
        """)
    #expect(try report([spread], [try tensor([1, 2, 3])]) == nil)
  }

  @Test func infinitiesOfBothSignsAndNaNsAreCountedApart() throws {
    let x = trace.input(TensorType(.float32, [5]), name: "x")
    let y = trace.input(TensorType(.float32, [5]), name: "y")
    let found = try #require(
      try report([try x / y], [try tensor([1, -1, 0, 6, -2], .float32), try tensor([0, 0, 0, 3, 0], .float32)]))
    let elements = found.elements
    #expect((elements.nans, elements.positiveInfinities, elements.negativeInfinities) == (1, 1, 2))
    #expect(elements.largestFinite == 2)
    #expect("\(elements)" == "4 of 5 elements are not finite (1 NaN, 1 +inf, 2 -inf), the others reach 2")
  }

  @Test(arguments: [DType.float16, .bfloat16, .float32, .float64])
  func theLimitIsThatOfTheDType(dtype: DType) throws {
    let limit = try #require(dtype.greatestFinite)
    let x = trace.input(TensorType(dtype, [1]), name: "x")
    let found = try #require(try report([try x * x], [try tensor([limit / 2], dtype)]))
    #expect(found.dtype == dtype)
    #expect(found.elements.limit == limit)
    let operand = try #require(found.largestOperand)
    #expect(operand.source == "x" && operand.elements.dtype == dtype)
    #expect(operand.elements.largestFinite == limit / 2)
  }

  @Test func inputsThatWereNotFiniteComeFirst() throws {
    let x = trace.input(TensorType(.float16, [2]), name: "pixels")
    let found = try #require(try report([try x.exp()], [try tensor([.nan, infinity])]))
    #expect(found.inputs.map(\.name) == ["pixels"])
    #expect(found.inputs[0].elements.nans == 1 && found.inputs[0].elements.positiveInfinities == 1)
    #expect(found.operation == "exp")
    #expect("\(found)".hasPrefix("input pixels was not finite before the step: 2 of 2 elements are not finite"))
    #expect("\(found)".hasSuffix("not finite already: pixels"))
    // What makes something finite of it does not hide it.
    let tamed = try #require(try report([try x.exp().negated().exp()], [try tensor([infinity, infinity])]))
    #expect(tamed.operation == "exp" && tamed.inputs.count == 1)
    let only = try #require(try report([try x.negated().exp()], [try tensor([infinity, 1])]))
    #expect(only.operation == "negate")
  }

  @Test func anInputThatNoResultShowsIsToldAlone() throws {
    let x = trace.input(TensorType(.float32, [1]), name: "x")
    let found = try #require(try report([try x.tanh()], [try tensor([infinity], .float32)]))
    #expect(found.operation == nil && found.parameters.isEmpty)
    #expect(found.elements == found.inputs[0].elements)
    #expect("\(found)" == "input x was not finite before the step: 1 of 1 elements is not finite (1 +inf)")
  }

  /// Constants are computed once and kept, but looked at each time.
  @Test func aVariableThatItsDTypeCannotHoldIsNamed() throws {
    let x = trace.input(TensorType(.float16, [1]), name: "x")
    let narrow = try tagged("dense") {
      try trace.input(TensorType(.float32, [1]), name: "dense.kernel", role: .constant).cast(to: .float16)
    }
    let tensors = [try tensor([1]), try tensor([1e6], .float32)]
    let plan = try Runtime.builtinOnly().plan(trace.finish([try x + narrow]))
    _ = try plan.run(tensors)
    let found = try #require(try plan.firstNonFinite(tensors, states: []))
    #expect(found.layer == "dense")
    #expect(found.operation == "cast" && found.dtype == .float16)
    #expect(found.parameters == ["dense.kernel"])
    #expect(found.inputs.isEmpty)
    #expect(found.largestOperand?.source == "dense.kernel")
    #expect(found.largestOperand?.elements.largestFinite == 1e6)
  }

  /// The parameters of a fused product: kernel and bias, each seen through its cast.
  @Test func aFusedProductNamesAllItsVariables() throws {
    let x = trace.input(TensorType(.float16, [2, 2]), name: "x")
    let product = try tagged("dense") {
      let kernel = trace.input(TensorType(.float32, [2, 3]), name: "dense.kernel", role: .constant)
      let bias = trace.input(TensorType(.float32, [3]), name: "dense.bias", role: .constant)
      return try (x.matmul(kernel.cast(to: .float16)) + bias.cast(to: .float16).broadcast(to: [2, 3])).relu()
    }
    let found = try #require(
      try report(
        [product],
        [
          try Tensor([300, 300, 1, 1], shape: [2, 2], dtype: .float16),
          try Tensor([Double](repeating: 200, count: 6), shape: [2, 3], dtype: .float32),
          try tensor([1, 2, 3], .float32),
        ]))
    #expect(found.operation == "matmul+bias+relu")
    #expect(found.parameters == ["dense.kernel", "dense.bias"])
    #expect((found.elements.nonFinite, found.elements.count) == (3, 6))
    #expect(found.largestOperand?.elements.largestFinite == 300)
    #expect("\(found)".hasSuffix("it read dense.kernel, dense.bias"))
  }

  /// Two products in a row, the gradient of the second a billion times too large for float16.
  private func gradients(scale: Double) throws -> NonFiniteReport? {
    let x = trace.input(TensorType(.float16, [1, 1]), name: "x")
    let kernels = ["a", "b"].map { layer in
      trace.tagged(Graph.Origin(layer: layer, phase: .forward)) {
        trace.input(TensorType(.float32, [1, 1]), name: "\(layer).kernel", role: .state)
      }
    }
    let h = try tagged("a") { try x.matmul(kernels[0].cast(to: .float16)) }
    let y = try tagged("b") { try h.matmul(kernels[1].cast(to: .float16)) }
    let loss = try tagged("loss") { try y.cast(to: .float32).sum() * scale }
    let updates = try zip(kernels, trace.gradients(of: loss, by: kernels)).map { ($0, try $0 - $1) }
    let plan = try Runtime.builtinOnly().plan(trace.finish([loss], updates: updates))
    func kernel(_ value: Double) throws -> Tensor { try Tensor([value], shape: [1, 1], dtype: .float32) }
    return try plan.firstNonFinite(
      [try Tensor([1], shape: [1, 1], dtype: .float16)], states: [try kernel(1), try kernel(4)])
  }

  @Test func theFirstGradientThatIsNotFiniteIsNamed() throws {
    let found = try #require(try gradients(scale: 0x1p20))
    #expect(found.layer == "loss" && found.phase == .backward && found.operation == "cast")
    #expect(found.firstGradient == "b.kernel")
    #expect(found.inputs.isEmpty)
    #expect("\(found)".hasSuffix("the first gradient that is not finite is that of b.kernel"))
  }

  /// 2¹⁵ fits float16, and so does the gradient of the second kernel; times the second kernel it does not.
  @Test func gradientsBeforeItMayBeFinite() throws {
    let found = try #require(try gradients(scale: 0x1p15))
    #expect(found.layer == "b" && found.operation == "matmul" && found.parameters == ["b.kernel"])
    #expect(found.firstGradient == "a.kernel")
    #expect(try Self().gradients(scale: 1) == nil)
  }

  @Test func anUpdateThatOverflowsNamesTheVariable() throws {
    let w = trace.tagged(Graph.Origin(layer: "dense", phase: .forward)) {
      trace.input(TensorType(.float32, [2]), name: "dense.kernel", role: .state)
    }
    let slot = trace.tagged(Graph.Origin(layer: "dense", phase: .update)) {
      trace.input(TensorType(.float32, [2]), name: "dense.kernel.momentum", role: .state)
    }
    let g = trace.input(TensorType(.float32, [2]), name: "g")
    let rate = trace.input(TensorType(.float64, []), name: "learning rate")
    let apply = trace.input(TensorType(.bool, []), name: "apply")
    let results = try trace.tagged(Graph.Origin(layer: "dense", phase: .update)) {
      try trace.apply(SGDUpdate(momentum: 0.5, nesterov: false), [w, slot, g, rate, apply])
    }
    let plan = try Runtime.builtinOnly().plan(trace.finish([], updates: [(w, results[0]), (slot, results[1])]))
    let states = [try tensor([1, 2], .float32), try tensor([3, 4], .float32)]
    let inputs = [try tensor([1, 1e30], .float32), try Tensor(1e20, dtype: .float64), try Tensor(1, dtype: .bool)]
    let found = try #require(try plan.firstNonFinite(inputs, states: states))
    #expect(found.layer == "dense" && found.phase == .update && found.operation == "sgd_update")
    #expect(found.parameters == ["dense.kernel"])
    #expect(found.elements.negativeInfinities == 1)
    // As they were before the update was written over them.
    #expect(found.operands.first?.source == "dense.kernel" && found.operands.first?.elements.largestFinite == 2)
    #expect("\(found)".hasSuffix("it is the new dense.kernel"))
    #expect(states.map { $0.scalars() } == [[1, 2], [3, 4]])

    let bad = [states[0], try tensor([0, infinity], .float32)]
    let kept = try #require(try plan.firstNonFinite([inputs[0], inputs[1], try Tensor(0, dtype: .bool)], states: bad))
    #expect(kept.inputs.map(\.name) == ["dense.kernel.momentum"])
    #expect(kept.inputs[0].layer == "dense" && kept.inputs[0].role == .state)
    #expect(kept.layer == "dense")
  }

  @Test func reportsAreCodable() throws {
    let x = trace.input(TensorType(.float16, [2]), name: "x")
    for scalars in [[1, infinity], [300, 300]] {
      let found = try #require(try report([try x * x], [try tensor(scalars)]))
      #expect(try JSONDecoder().decode(NonFiniteReport.self, from: try JSONEncoder().encode(found)) == found)
    }
  }

  @Test func wrongOperandsAreAnError() throws {
    let x = trace.input(TensorType(.float16, [1]), name: "x")
    let y = try x.exp()
    #expect(throws: RuntimeError.self) { try report([y], []) }
  }

  @Test(arguments: [
    (0, "0"), (1, "1"), (0.5, "0.5"), (3.14159, "3.14"), (65504, "65504"), (123_456.7, "1.23e5"), (999_999.5, "1.0e6"),
    (3.3895313892515355e38, "3.39e38"), (1.7976931348623157e308, "1.8e308"), (0.0001, "1.0e-4"),
  ])
  func magnitudesAreShort(magnitude: Double, text: String) throws {
    let census = ElementCensus(try Tensor(magnitude, dtype: .float64))
    #expect("\(census)" == "all 1 elements are finite and reach \(text)")
  }
}
