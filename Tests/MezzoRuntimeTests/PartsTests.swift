import MezzoBackend
import MezzoGraph
import MezzoPlugins
import MezzoPolicy
import Testing

@testable import MezzoRuntime

/// Products and convolutions that are large enough to be shared out to several threads give what one thread of the built-in
/// backend gives: cut by rows, by columns and by the batch, with a part that is smaller than the others.
@Suite struct PartsTests {
  /// The built-in backend, and oneDNN where the system has it.
  static let backends = ["builtin", "onednn"]

  private func runtime(_ backend: String) -> Runtime? {
    let registry = BackendRegistry.discovered()
    guard registry.backends.contains(where: { $0.id == backend }) else { return nil }
    var options = RoutingOptions()
    options.pins = [
      .matmul, .convolution, .convolutionInputGradient, .convolutionKernelGradient,
    ].map { Pin(operation: $0, backend: backend) }
    return Runtime(registry, threads: 3, options: options)
  }

  private static let alone = Runtime(.builtin(), threads: 1)

  private func tensor(_ shape: [Int], _ dtype: DType, seed: UInt64) throws -> Tensor {
    var random = Xorshift(state: seed)
    let numbers = (0..<shape.reduce(1, *)).map { _ in Double(random.next(2001) - 1000) / 1000 }
    return try Tensor(numbers, shape: shape, dtype: dtype)
  }

  private func expectClose(_ found: [Tensor], _ expected: [Tensor], _ tolerance: Double) {
    for (found, expected) in zip(found, expected) {
      #expect(found.type == expected.type)
      let worst = zip(found.scalars(), expected.scalars()).map { abs($0 - $1) / (1 + abs($1)) }.max() ?? 0
      #expect(worst < tolerance)
    }
  }

  struct Product: Sendable {
    var m, n, k: Int
    var isATransposed = false
    var isBTransposed = false
  }

  @Test(
    arguments: backends,
    [
      Product(m: 67, n: 200, k: 60), Product(m: 200, n: 67, k: 60, isATransposed: true),
      Product(m: 67, n: 131, k: 70, isBTransposed: true),
      Product(m: 301, n: 41, k: 50, isATransposed: true, isBTransposed: true), Product(m: 16, n: 257, k: 130),
    ])
  func products(_ backend: String, _ product: Product) throws {
    guard let runtime = runtime(backend) else { return }
    let (m, n, k, isA, isB) = (product.m, product.n, product.k, product.isATransposed, product.isBTransposed)
    let a = try tensor(isA ? [k, m] : [m, k], .float32, seed: 1)
    let b = try tensor(isB ? [n, k] : [k, n], .float32, seed: 2)
    let bias = try tensor([n], .float32, seed: 3)
    for isConstant in [false, true] {
      let trace = Trace()
      var x = trace.input(a.type, name: "a")
      var w = trace.input(b.type, name: "b", role: isConstant ? .constant : .argument)
      let c = trace.input(bias.type, name: "bias")
      if isA { x = try x.transposed() }
      if isB { w = try w.transposed() }
      let graph = trace.finish([try (x.matmul(w) + c).relu()])
      expectClose(
        try runtime.makePlan(graph).run([a, b, bias]), try Self.alone.makePlan(graph).run([a, b, bias]), 1e-5)
    }
  }

  @Test(arguments: backends) func productsOfABatch(_ backend: String) throws {
    guard let runtime = runtime(backend) else { return }
    let a = try tensor([7, 40, 50], .float32, seed: 4), b = try tensor([7, 50, 60], .float32, seed: 5)
    let body: ([SymbolicTensor]) throws -> [SymbolicTensor] = { [try $0[0].matmul($0[1])] }
    expectClose(try runtime.evaluate([a, b], body), try Self.alone.evaluate([a, b], body), 1e-5)
  }

  struct Batch: Sendable {
    var a: [Int]
    var b: [Int]
    var isBTransposed = false
  }

  /// A matrix B of its own for each of a batch, packed or not, and rows of several matrices with a relu.
  @Test(
    arguments: backends,
    [
      Batch(a: [6, 64, 64], b: [6, 64, 64], isBTransposed: true), Batch(a: [6, 64, 64], b: [6, 64, 64]),
      Batch(a: [1, 2, 200, 64], b: [1, 2, 64, 32]), Batch(a: [2, 512, 64], b: [2, 64, 64]),
    ])
  func constantsOfABatch(_ backend: String, _ batch: Batch) throws {
    guard let runtime = runtime(backend) else { return }
    let a = try tensor(batch.a, .float32, seed: 9), b = try tensor(batch.b, .float32, seed: 10)
    for isConstant in [false, true] {
      let trace = Trace()
      let x = trace.input(a.type, name: "a")
      let w = trace.input(b.type, name: "b", role: isConstant ? .constant : .argument)
      let rank = batch.b.count
      let turned = Array(0..<rank - 2) + [rank - 1, rank - 2]
      let graph = trace.finish([try x.matmul(batch.isBTransposed ? w.transposed(turned) : w).relu()])
      expectClose(try runtime.makePlan(graph).run([a, b]), try Self.alone.makePlan(graph).run([a, b]), 1e-5)
    }
  }

  /// Batches that three threads share unequally, or that are too small for them.
  @Test(arguments: backends, [1, 2, 7]) func convolutions(_ backend: String, _ images: Int) throws {
    guard let runtime = runtime(backend) else { return }
    let windows = ConvolutionWindows(strides: [1, 1], low: [1, 1], high: [1, 1], dilations: [1, 1])
    for dtype in [DType.float32, .bfloat16] {
      let x = try tensor([images, 14, 14, 8], dtype, seed: 6), kernel = try tensor([3, 3, 8, 24], dtype, seed: 7)
      let bias = try tensor([24], dtype, seed: 8)
      func graph() throws -> Graph {
        let trace = Trace()
        let inputs = [x, kernel, bias].map { trace.input($0.type, name: "input") }
        let y = try (inputs[0].convolution(inputs[1], windows) + inputs[2]).relu()
        let loss = try y.cast(to: .float32).sum()
        let gradients = try trace.gradients(of: loss, by: inputs)
        return trace.finish([y] + gradients)
      }
      let found = try runtime.makePlan(graph()).run([x, kernel, bias])
      #expect(found.count == 4)
      let expected = try Self.alone.makePlan(graph()).run([x, kernel, bias])
      expectClose(found, expected, dtype == .float32 ? 1e-4 : 2e-2)
      #expect(try runtime.makePlan(graph()).run([x, kernel, bias]) == found, "the same bits at every run")
    }
  }
}
