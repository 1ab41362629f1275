import MezzoBackend
import MezzoPolicy
import MezzoRuntime
import Testing

@testable import MezzoGraph

/// Exceptions for single operations, as far as numbers show them.
@Suite struct OperationPrecisionTests {
  private let runtime = Runtime.builtinOnly()

  private func evaluate(
    _ inputs: [Tensor], _ dtypes: [OperationCode: DType], _ body: ([SymbolicTensor]) throws -> [SymbolicTensor]
  ) throws -> [Tensor] {
    let precision = try OperationPrecision(dtypes)
    return try runtime.evaluate(inputs) { symbols in
      try symbols[0].trace.withPrecision(precision) { try body(symbols) }
    }
  }

  /// 2²⁴ + 1 is no float32, so that in one order or another float32 loses the 1.
  @Test func productsAreSummedInTheAccumulator() throws {
    let big = 0x1p24
    let rows: [[Double]] = [
      [big, 1, -big], [big, -big, 1], [1, big, -big], [1, -big, big], [-big, 1, big], [-big, big, 1],
    ]
    let x = try Tensor(rows.flatMap { $0 }, shape: [6, 3], dtype: .bfloat16)
    let ones = try Tensor([1, 1, 1], shape: [3, 1], dtype: .bfloat16)
    let plain = try evaluate([x, ones], [:]) { [try $0[0].matmul($0[1])] }[0]
    #expect(plain.scalars().contains(0))
    let wide = try evaluate([x, ones], [.matmul: .float64]) { [try $0[0].matmul($0[1])] }[0]
    #expect(wide.dtype == .bfloat16)
    #expect(wide.scalars() == [1, 1, 1, 1, 1, 1])
  }

  @Test func gradientsOfProductsAreSummedInTheAccumulatorToo() throws {
    let big = 0x1p24
    let x = try Tensor([big, 1, -big, -big, 1, big, 1, big, -big], shape: [3, 3], dtype: .float32)
    let kernel = try Tensor([1, 1, 1], shape: [3, 1], dtype: .float32)
    let gradients = try evaluate([x.transposed3(), kernel], [.matmul: .float64]) { symbols in
      try symbols[0].trace.gradients(of: try symbols[0].matmul(symbols[1]).sum(), by: [symbols[1]])
    }
    #expect(gradients[0].scalars() == [1, 1, 1])
  }

  @Test func softmaxInFloat32UnderFloat16() throws {
    let logits = (0..<24).map { Double($0 * 37 % 24) / 2 - 6 }
    let x = try Tensor(logits, shape: [4, 6], dtype: .float16)
    let trace = Trace()
    let input = trace.input(x.type, name: "x")
    let precision = try OperationPrecision([.softmax: .float32])
    let plan = try runtime.plan(trace.finish([try trace.withPrecision(precision) { try input.softmax() }]))
    #expect(plan.records.map(\.operation).contains("softmax"))
    #expect(plan.records.first { $0.operation == "softmax" }?.dtypes.contains("float16") == false)
    let found = try plan.run([x])[0]
    let exact = try runtime.evaluate([x.cast(to: .float64)]) { [try $0[0].softmax()] }[0]
    #expect(found.dtype == .float16)
    for (found, exact) in zip(found.scalars(), exact.scalars()) {
      // Half a unit in the last place of float16, and a little for float32's.
      #expect(abs(found - exact) <= exact * 0x1p-11 * 1.01 + 0x1p-25)
    }
  }

  /// An exception may narrow too: then results have no more digits than it.
  @Test func anExceptionMayNarrow() throws {
    let x = try Tensor([0.1, 0.2, 0.7, 1.1], shape: [4], dtype: .float32)
    let narrow = try evaluate([x], [.exp: .bfloat16]) { [try $0[0].exp()] }[0]
    #expect(narrow.dtype == .float32)
    let expected = try runtime.evaluate([x.cast(to: .bfloat16)]) { [try $0[0].exp().cast(to: .float32)] }[0]
    #expect(narrow == expected)
    #expect(narrow != (try runtime.evaluate([x]) { [try $0[0].exp()] }[0]))
  }

  /// Every operation in float64 between float32 values: gradients are those of float64 but for the rounding between.
  @Test(
    arguments: Sample.every(
      4, of: GradientCase.all.indices.filter { !GradientCase.all[$0].name.contains("_update") }))
  func gradientsInAnotherDTypeAgreeWithFloat64(_ index: Int) throws {
    let gradientCase = GradientCase.all[index]
    let everything = Dictionary(uniqueKeysWithValues: OperationPrecision.operations.map { ($0, DType.float64) })
    for (set, shapes) in gradientCase.shapes.enumerated() {
      let points = try gradientCase.points(shapes, seed: UInt64(1 + index * 16 + set))
      var nodes: [Graph.Node] = []
      var values: [TensorType] = []
      func gradients(_ dtype: DType, _ dtypes: [OperationCode: DType]) throws -> [Tensor] {
        try evaluate(points.map { try $0.cast(to: dtype) }, dtypes) { symbols in
          let trace = symbols[0].trace
          let results = try trace.gradients(of: try gradientCase.body(symbols).sum(), by: symbols)
          (nodes, values) = (trace.finish([]).nodes, trace.finish([]).values)
          return results
        }
      }
      let exact = try gradients(.float64, [:])
      let found = try gradients(.float32, everything)
      for node in nodes {
        guard case .backend(let code, _) = node.operation.lowering, everything[code] != nil else { continue }
        let operands = node.operands.map { values[$0].dtype }.filter(\.isFloatingPoint)
        #expect(operands.allSatisfy { $0 == .float64 }, "\(code) of \(operands)")
      }
      let largest = exact.flatMap { $0.scalars() }.reduce(1) { max($0, abs($1)) }
      for (found, exact) in zip(found, exact) {
        #expect(found.dtype == .float32)
        for (found, exact) in zip(found.scalars(), exact.scalars()) {
          #expect(abs(found - exact) <= Double(nodes.count) * largest * 0x1p-24, "\(gradientCase.name) \(shapes)")
        }
      }
    }
  }
}

extension Tensor {
  /// The transpose of a 3 × 3 matrix.
  fileprivate func transposed3() throws -> Tensor {
    let scalars = scalars()
    return try Tensor((0..<9).map { scalars[$0 % 3 * 3 + $0 / 3] }, shape: [3, 3], dtype: dtype)
  }
}
