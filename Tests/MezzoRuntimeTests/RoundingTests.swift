import MezzoBackend
import MezzoGraph
import MezzoPolicy
import MezzoRuntime
import Testing

/// What is rounded to 16 bits and read in float32 again.
@Suite struct RoundingTests {
  private let x = TensorType(.float32, [5, 7])

  private func input() throws -> Tensor {
    var generator = Xorshift(state: 11)
    return try Tensor.random([5, 7], in: -3...3, &generator).cast(to: .float32)
  }

  @Test(arguments: [DType.float16, .bfloat16]) func isRoundedInOnePass(_ dtype: DType) throws {
    let trace = Trace()
    let symbol = trace.input(x, name: "x")
    let plan = try Runtime.builtinOnly().plan(
      trace.finish([try symbol.cast(to: dtype).cast(to: .float32).exp()]))
    #expect(plan.records.map(\.operation) == ["cast+cast(\(dtype.name))", "exp"])
    let input = try input()
    let rounded = try Runtime.builtinOnly().evaluate([try input.cast(to: dtype).cast(to: .float32)]) {
      [try $0[0].exp()]
    }
    #expect(try plan.run([input]) == rounded)
  }

  @Test func isKeptWhereSomebodyReadsIt() throws {
    let trace = Trace()
    let symbol = trace.input(x, name: "x")
    let narrow = try symbol.cast(to: .bfloat16)
    let plan = try Runtime.builtinOnly().plan(
      trace.finish([narrow, try narrow.cast(to: .float32).exp()]))
    #expect(plan.records.map(\.operation) == ["cast", "cast", "exp"])
    let input = try input()
    let results = try plan.run([input])
    #expect(results[0] == (try input.cast(to: .bfloat16)))
  }

  /// A bias and an activation are done on a convolution's sums, before the one rounding.
  @Test(arguments: [DType.float32, .bfloat16]) func aConvolutionTakesItsBias(_ dtype: DType) throws {
    let trace = Trace()
    let image = trace.input(TensorType(dtype, [2, 5, 4, 3]), name: "x")
    let kernel = trace.input(TensorType(dtype, [3, 2, 3, 4]), name: "kernel")
    let bias = trace.input(TensorType(dtype, [4]), name: "bias")
    let windows = ConvolutionWindows(strides: [1, 2], low: [1, 0], high: [1, 0], dilations: [1, 1])
    let plan = try Runtime.builtinOnly().plan(
      trace.finish([try (image.convolution(kernel, windows) + bias).gelu()]))
    #expect(plan.records.map(\.operation) == ["convolution+bias+gelu"])
  }
}
