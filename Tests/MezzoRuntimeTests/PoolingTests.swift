import MezzoGraph
import MezzoPolicy
import MezzoRuntime
import Testing

@Suite struct PoolingTests {
  private let windows = ConvolutionWindows(strides: [2, 1], low: [1, 0], high: [0, 1], dilations: [1, 1])

  /// The result, and the gradient of a weighted sum of it; `isMoved`: as `maxPool` traces it behind a ReLU.
  private func run(_ x: Tensor, isMoved: Bool) throws -> (operations: [String], results: [Tensor]) {
    let trace = Trace()
    let symbol = trace.input(x.type, name: "x")
    let rectified = try symbol.relu()
    let pooled =
      isMoved
      ? try rectified.maxPool(size: [3, 2], windows)
      : try trace.apply(MaxPool(size: [3, 2], windows: windows), [rectified])[0]
    let weights = try trace.constant(0.75, dtype: x.dtype)
    let gradient = try trace.gradients(of: (pooled * pooled * weights).sum(), by: [symbol])[0]
    let plan = try Runtime.builtinOnly().plan(trace.finish([pooled, gradient]))
    return (plan.records.map(\.operation), try plan.run([x]))
  }

  /// Bit for bit, with equal elements, windows with none above 0, and infinities.
  @Test(arguments: [DType.float16, .bfloat16, .float32, .float64]) func aReLUMovesBehindIt(_ dtype: DType) throws {
    var generator = Xorshift(state: 3)
    let shape = [2, 6, 5, 3]
    var elements = try Tensor.random(shape, in: -2...2, &generator).scalars().map { ($0 * 2).rounded() / 2 }
    for index in 40..<90 { elements[index] = -elements[index].magnitude }
    elements[7] = .infinity
    elements[150] = -.infinity
    let x = try Tensor(elements, shape: shape, dtype: dtype)
    let (moved, plain) = (try run(x, isMoved: true), try run(x, isMoved: false))
    let (first, last) = (moved.operations.firstIndex(of: "max_pool"), moved.operations.firstIndex(of: "relu"))
    #expect(try #require(first) < #require(last))
    for (one, other) in zip(moved.results, plain.results) {
      #expect(one == other)
    }
  }
}
