import MezzoBackend
import MezzoGraph
import MezzoPolicy
import MezzoRuntime
import Testing

/// Products with constant weights, which are packed once, and with others, beside sums in float64.
@Suite struct ProductSumTests {
  private struct Case: CustomTestStringConvertible {
    var rows, depth, columns: Int
    var testDescription: String { "\(rows)x\(depth)x\(columns)" }
  }

  /// Every height of a tile and what is left over of several, odd depths, and columns before and behind a panel's end.
  private static let cases =
    (1...17).map { Case(rows: $0, depth: 6 + $0, columns: 3 + 16 * ($0 % 7)) } + [
      Case(rows: 1, depth: 1, columns: 1), Case(rows: 24, depth: 1, columns: 97),
      Case(rows: 3, depth: 513, columns: 530),
      Case(rows: 16, depth: 384, columns: 384), Case(rows: 40, depth: 129, columns: 1000),
      Case(rows: 300, depth: 65, columns: 50), Case(rows: 131, depth: 100, columns: 483),
    ]

  private func values(_ count: Int, _ seed: Int) -> [Double] {
    (0..<count).map { place in
      let number: Int = (place &* 7919 &+ seed &* 104_729) % 257
      return Double(number - 128) / 64
    }
  }

  private struct Product {
    var x, w, bias: Tensor
    var expected: [Double] = []
    /// What all terms of a sum come to without their signs, by which its rounding is measured.
    var magnitudes: [Double] = []
  }

  private func product(_ extents: Case, _ dtype: DType, isTransposed: Bool) throws -> Product {
    let (m, k, n) = (extents.rows, extents.depth, extents.columns)
    let weights = isTransposed ? [n, k] : [k, n]
    var product = Product(
      x: try Tensor(values(m * k, 1), shape: [m, k], dtype: dtype),
      w: try Tensor(values(k * n, 2), shape: weights, dtype: dtype),
      bias: try Tensor(values(n, 3), shape: [n], dtype: dtype))
    let (x, w, bias) = (product.x.scalars(), product.w.scalars(), product.bias.scalars())
    for row in 0..<m {
      for column in 0..<n {
        var (sum, magnitude) = (bias[column], abs(bias[column]))
        for i in 0..<k {
          let term = x[row * k + i] * (isTransposed ? w[column * k + i] : w[i * n + column])
          sum += term
          magnitude += abs(term)
        }
        product.expected.append(sum)
        product.magnitudes.append(magnitude)
      }
    }
    return product
  }

  private func plan(_ product: Product, isTransposed: Bool, hasRELU: Bool, threads: Int) throws -> Plan {
    let trace = Trace()
    let x = trace.input(product.x.type, name: "x")
    let w = trace.input(product.w.type, name: "w", role: .constant)
    let bias = trace.input(product.bias.type, name: "bias", role: .constant)
    let sum = try x.matmul(isTransposed ? w.transposed() : w) + bias
    return try Runtime(.builtin(), threads: threads).plan(trace.finish([hasRELU ? try sum.relu() : sum]))
  }

  @Test(arguments: cases, [DType.bfloat16, .float16, .float32])
  private func theyAreTheSums(extents: Case, dtype: DType) throws {
    for isTransposed in [false, true] {
      let product = try product(extents, dtype, isTransposed: isTransposed)
      for threads in [1, 2] {
        let plan = try plan(product, isTransposed: isTransposed, hasRELU: threads == 2, threads: threads)
        #expect(plan.records[0].isPacked)
        let result = try plan.run([product.x, product.w, product.bias])[0].scalars()
        var expected = product
        if threads == 2 { expected.expected = product.expected.map { max($0, 0) } }
        expectSums(of: expected, result, dtype, extents.testDescription)
      }
    }
  }

  /// Operands that are not constant, whose rows or columns lie side by side; long sums, and rows that meet in the lines of a cache.
  @Test(
    arguments: [
      Case(rows: 1, depth: 40, columns: 33), Case(rows: 5, depth: 3, columns: 10),
      Case(rows: 33, depth: 300, columns: 49),
      Case(rows: 130, depth: 1100, columns: 10), Case(rows: 7, depth: 513, columns: 530),
      Case(rows: 1024, depth: 260, columns: 17), Case(rows: 300, depth: 600, columns: 100),
      Case(rows: 9, depth: 300, columns: 1024),
    ], [DType.bfloat16, .float16, .float32])
  private func operandsLieEitherWay(extents: Case, dtype: DType) throws {
    for (isTransposed, threads) in [(false, 1), (true, 2)] {
      let product = try product(extents, dtype, isTransposed: isTransposed)
      for isColumnwise in [false, true] {
        let trace = Trace()
        let (m, k) = (extents.rows, extents.depth)
        let elements = product.x.scalars()
        let columns = (0..<m * k).map { elements[$0 % m * k + $0 / m] }
        let left = isColumnwise ? try Tensor(columns, shape: [k, m], dtype: dtype) : product.x
        let x = trace.input(left.type, name: "x")
        let w = trace.input(product.w.type, name: "w")
        let bias = trace.input(product.bias.type, name: "bias")
        let sum = try (isColumnwise ? x.transposed() : x).matmul(isTransposed ? w.transposed() : w) + bias
        let plan = try Runtime(.builtin(), threads: threads).plan(trace.finish([sum]))
        let result = try plan.run([left, product.w, product.bias])[0].scalars()
        expectSums(of: product, result, dtype, extents.testDescription)
      }
    }
  }

  private func expectSums(of product: Product, _ result: [Double], _ dtype: DType, _ name: String) {
    let rounding = dtype == .bfloat16 ? 1.0 / 256 : dtype == .float16 ? 1.0 / 2048 : 0
    let wrong = product.expected.indices.first {
      !(abs(result[$0] - product.expected[$0]) <= rounding * abs(product.expected[$0]) + 1e-6 * product.magnitudes[$0])
    }
    guard let wrong else { return }
    Issue.record("\(name) element \(wrong): \(result[wrong]), not \(product.expected[wrong])")
  }

  /// What is not a number in one row or column stays there, and what lies behind an odd row is not read.
  @Test(arguments: [DType.bfloat16, .float32]) func whatIsNotFiniteStaysWhereItIs(dtype: DType) throws {
    let (m, k, n) = (9, 7, 21)
    var product = try product(Case(rows: m, depth: k, columns: n), dtype, isTransposed: false)
    var x = product.x.scalars()
    x[4 * k] = .nan
    x[6 * k + 2] = .infinity
    product.x = try Tensor(x, shape: [m, k], dtype: dtype)
    product.w = try Tensor([Double](repeating: 1, count: k * n), shape: [k, n], dtype: dtype)
    let result = try plan(product, isTransposed: false, hasRELU: false, threads: 1)
      .run([product.x, product.w, product.bias])[0].scalars()
    for row in 0..<m {
      let elements = result[row * n..<(row + 1) * n]
      if row == 4 { #expect(elements.allSatisfy { $0.isNaN }) }
      if row == 6 { #expect(elements.allSatisfy { $0 == .infinity }) }
      if row != 4, row != 6 { #expect(elements.allSatisfy { $0.isFinite }) }
    }
  }

  /// The number of threads changes no bit, and a row does not depend on those beside it.
  @Test(arguments: [DType.bfloat16, .float32]) func rowsAreComputedAlike(dtype: DType) throws {
    let extents = Case(rows: 21, depth: 301, columns: 700)
    let all = try product(extents, dtype, isTransposed: false)
    let results = try [1, 2, 3].map {
      try plan(all, isTransposed: false, hasRELU: false, threads: $0).run([all.x, all.w, all.bias])[0].scalars()
    }
    #expect(results[0] == results[1] && results[0] == results[2])
    var one = all
    one.x = try Tensor(Array(all.x.scalars()[5 * 301..<6 * 301]), shape: [1, 301], dtype: dtype)
    let row = try plan(one, isTransposed: false, hasRELU: false, threads: 2).run([one.x, one.w, one.bias])[0].scalars()
    #expect(row == Array(results[0][5 * 700..<6 * 700]))
  }
}
