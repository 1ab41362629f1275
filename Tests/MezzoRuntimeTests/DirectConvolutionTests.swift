import MezzoGraph
import MezzoPolicy
import MezzoRuntime
import Testing

@Suite struct DirectConvolutionTests {
  /// More filters than the steps behind a product take at once.
  @Test(arguments: [DType.float32, .bfloat16]) func manyFiltersAreFinishedInParts(_ dtype: DType) throws {
    let (filters, runtime) = (1100, Runtime.builtinOnly())
    var generator = Xorshift(state: 3)
    let inputs: [Tensor] = try [[2, 4, 5, 1], [3, 3, 1, filters], [filters]].map { shape in
      try Tensor.random(shape, in: -1...1, &generator).cast(to: dtype)
    }
    let windows = ConvolutionWindows(strides: [1, 1], low: [1, 1], high: [1, 1], dilations: [1, 1])
    let fused = try runtime.evaluate(inputs) { x in [try (x[0].convolution(x[1], windows) + x[2]).gelu()] }
    let wide = try runtime.evaluate(inputs) { x in
      let x = try x.map { try $0.cast(to: .float64) }
      return [try (x[0].convolution(x[1], windows) + x[2]).gelu()]
    }
    let roundoff = dtype == .float32 ? 0x1p-20 : 0x1p-8
    for (ours, truth) in zip(fused[0].scalars(), wide[0].scalars()) {
      #expect(abs(ours - truth) <= roundoff * (1 + abs(truth)))
    }
  }
}
