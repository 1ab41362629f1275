import MezzoBackend
import MezzoPolicy
import MezzoRuntime
import Testing

@testable import MezzoGraph

@Suite struct GradientTests {
  @Test(arguments: GradientCase.all.indices) func agreesWithFiniteDifferences(_ index: Int) throws {
    let gradientCase = GradientCase.all[index]
    for (set, shapes) in gradientCase.shapes.enumerated() {
      let points = try gradientCase.points(shapes, seed: UInt64(1 + index * 16 + set))
      try FiniteDifferences.check(gradientCase.name, points, step: gradientCase.step) { weights, variables, _ in
        try weights.sum(try gradientCase.body(variables))
      }
    }
  }

  @Test(arguments: Sample.every(5, of: GradientCase.all.indices.filter { GradientCase.all[$0].isSmooth }))
  func secondDerivativesAgreeToo(_ index: Int) throws {
    let gradientCase = GradientCase.all[index]
    for (set, shapes) in gradientCase.shapes.enumerated() {
      let points = try gradientCase.points(shapes, seed: UInt64(1000 + index * 16 + set))
      try FiniteDifferences.check(gradientCase.name, points, step: gradientCase.step) { weights, variables, _ in
        let loss = try weights.sum(try gradientCase.body(variables))
        let gradients = try loss.trace.gradients(of: loss, by: variables)
        return try gradients.dropFirst().reduce(try weights.sum(gradients[0])) { try $0 + weights.sum($1) }
      }
    }
  }

  /// A new operation needs a case here, or a place among those without a gradient.
  @Test func everyOperationIsTested() throws {
    var codes = Set(GradientCase.withoutGradient.map(\.code))
    var views: Set<String> = []
    for gradientCase in GradientCase.all {
      let trace = Trace()
      let operands = gradientCase.shapes[0].map { trace.input(TensorType(.float64, $0), name: "x") }
      _ = try gradientCase.body(operands)
      for node in trace.finish([]).nodes {
        switch node.operation.lowering {
        case .backend(let code, _): if gradientCase.name.hasPrefix(code.name) { codes.insert(code) }
        case .view(.transpose): views.insert("transpose")
        case .view(.reshape): views.insert("reshape")
        case .view(.broadcast): views.insert("broadcast")
        case .view(.windows): views.insert("windows")
        case .constant: break
        }
      }
    }
    #expect(Set(OperationCode.allCases).subtracting(codes).isEmpty)
    #expect(views == ["transpose", "reshape", "broadcast", "windows"])
  }

  @Test func operationsWithoutAGradientSaySo() {
    let context = GradientContext(operands: [], results: [], resultGradients: [])
    for (operation, code) in GradientCase.withoutGradient {
      #expect(throws: GraphError(.notDifferentiable(operation: code.name))) { try operation.gradient(context) }
    }
  }

  @Test func aNetworkWithCrossEntropyAgrees() throws {
    var generator = Xorshift(state: 7)
    let shapes = [[4, 5], [5, 6], [6], [6, 3], [3]]
    let points = try shapes.map { try Tensor.random($0, in: -1...1, &generator) }
    let labels = try Tensor([0, 2, 1, 1], shape: [4], dtype: .int32)
    try FiniteDifferences.check("network", points, fixed: [labels]) { weights, v, fixed in
      let hidden = try (v[0].matmul(v[1]) + v[2]).gelu()
      let logits = try hidden.matmul(v[3]) + v[4]
      let loss = try logits.sparseCrossEntropy(labels: fixed[0])
      let decay = try (v[1] * v[1]).sum() * 0.01
      return try weights.sum(loss) + weights.sum(decay)
    }
  }

  /// Layer normalisation and attention over one value, used many times.
  @Test func aValueThatIsUsedManyTimesCollectsItsGradients() throws {
    var generator = Xorshift(state: 8)
    let points = [
      try Tensor.random([3, 4], in: -1...1, &generator), try Tensor.random([4], in: 0.5...1.5, &generator),
    ]
    try FiniteDifferences.check("attention", points) { weights, v, _ in
      let centered = try v[0] - v[0].mean(axes: [-1], keepDims: true)
      let variance = try (centered * centered).mean(axes: [-1], keepDims: true)
      let normal = try centered / (variance + 0.125).sqrt() * v[1]
      let attention = try (normal.matmul(normal.transposed()) * 0.5).softmax().matmul(normal)
      return try weights.sum(attention + v[0])
    }
  }

  @Test func sharesTheGradientOfEqualMaxima() throws {
    let x = try Tensor([3, 1, 3, 2], shape: [4], dtype: .float64)
    let gradient = try Runtime.builtinOnly().evaluate([x]) { symbols in
      try symbols[0].trace.gradients(of: try symbols[0].max() * 6, by: symbols)
    }
    #expect(gradient[0].scalars() == [3, 0, 3, 0])
  }

  @Test func kinksHaveTheGradientThatIsDocumented() throws {
    let zeros = try Tensor([0, 0], shape: [2], dtype: .float64)
    let gradients = try Runtime.builtinOnly().evaluate([zeros, zeros]) { s in
      let trace = s[0].trace
      return try trace.gradients(of: try s[0].relu().sum(), by: [s[0]])
        + trace.gradients(of: try s[0].abs().sum(), by: [s[0]])
        + trace.gradients(of: try s[0].maximum(s[1]).sum(), by: s)
        + trace.gradients(of: try s[0].minimum(s[1]).sum(), by: s)
    }
    #expect(gradients.map { $0.scalars()[0] } == [0, 0, 1, 0, 1, 0])
  }

  @Test func whatTheLossIgnoresGetsZeros() throws {
    let x = try Tensor([1, 2], shape: [2], dtype: .float64)
    let gradients = try Runtime.builtinOnly().evaluate([x, try x.cast(to: .bfloat16)]) { symbols in
      try symbols[0].trace.gradients(of: try symbols[0].sum(), by: symbols)
    }
    #expect(gradients.map { $0.scalars() } == [[1, 1], [0, 0]])
    #expect(gradients[1].dtype == .bfloat16)
  }

  @Test func gradientsOfEmptyTensorsAreEmpty() throws {
    let x = try Tensor([], shape: [0, 3], dtype: .float64)
    let gradients = try Runtime.builtinOnly().evaluate([x]) { symbols in
      try symbols[0].trace.gradients(of: try (symbols[0].exp().sum() + symbols[0].softmax().sum()), by: symbols)
        + symbols[0].trace.gradients(of: try symbols[0].mean(), by: symbols)
    }
    #expect(gradients.map(\.shape) == [[0, 3], [0, 3]])
  }

  /// The product of the extents beside the 0 does not fit an integer.
  @Test func theMeanOfHugeEmptyAxesDoesNotOverflow() throws {
    let trace = Trace()
    let x = trace.input(TensorType(.float64, [0, 1 << 40, 1 << 40]), name: "x")
    let gradient = try trace.gradients(of: try x.mean(axes: [1, 2]).sum(), by: [x])[0]
    #expect(gradient.type == x.type)
    // No backend can address it, which is an error and no trap.
    #expect(throws: RuntimeError.self) { try Runtime.builtinOnly().plan(trace.finish([gradient])) }
  }
}
