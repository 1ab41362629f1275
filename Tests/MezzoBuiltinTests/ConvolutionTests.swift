import MezzoBackend
import MezzoGraph
import MezzoPolicy
import Testing

/// Convolutions large enough to be cut into boxes, chunks and pieces, and shared out, which the conformance kit's are not.
struct ConvolutionTests {
  struct Windows: Sendable, CustomStringConvertible {
    var batch, channels, filters: Int
    var extents, size: [Int]
    var strides, low, high, dilations: [Int]

    init(
      _ batch: Int, _ extents: [Int], _ size: [Int], channels: Int, filters: Int, strides: [Int]? = nil,
      low: [Int]? = nil, high: [Int]? = nil, dilations: [Int]? = nil
    ) {
      let (ones, zeros) = (extents.map { _ in 1 }, extents.map { _ in 0 })
      (self.batch, self.channels, self.filters) = (batch, channels, filters)
      (self.extents, self.size) = (extents, size)
      (self.strides, self.dilations) = (strides ?? ones, dilations ?? ones)
      (self.low, self.high) = (low ?? zeros, high ?? zeros)
    }

    var x: [Int] { [batch] + extents + [channels] }
    var kernel: [Int] { size + [channels, filters] }
    var y: [Int] {
      let places = extents.indices.map {
        (extents[$0] + low[$0] + high[$0] - (size[$0] - 1) * dilations[$0] - 1) / strides[$0] + 1
      }
      return [batch] + places + [filters]
    }
    var attributes: [Attribute] {
      [
        Attribute("strides", .ints(strides)), Attribute("low", .ints(low)), Attribute("high", .ints(high)),
        Attribute("dilations", .ints(dilations)), Attribute("groups", .int(1)),
      ]
    }
    var description: String { "\(batch) of \(extents) by \(size), \(channels) to \(filters)" }

    /// Of a convolution or a gradient: the operands, the result.
    func shapes(_ code: OperationCode) -> ([[Int]], [Int]) {
      switch code {
      case .convolutionInputGradient: ([y, kernel], x)
      case .convolutionKernelGradient: ([x, y], kernel)
      default: ([x, kernel], y)
      }
    }
  }

  private static let all = [
    // Whole panels of columns, and images whose sums are chunks.
    Windows(17, [9, 8], [3, 3], channels: 16, filters: 64),
    // Zeros around, which boxes of places skip.
    Windows(9, [12, 11], [3, 3], channels: 8, filters: 48, low: [1, 1], high: [1, 1]),
    // A line that is cut; a panel that is not whole.
    Windows(1, [700], [3], channels: 9, filters: 33, low: [2]),
    // Taps apart, one of them outside of most places.
    Windows(
      3, [20, 18], [5, 4], channels: 6, filters: 20, strides: [2, 3], low: [4, 0], high: [0, 3], dilations: [2, 1]),
    Windows(2, [12, 13], [3, 2], channels: 12, filters: 17, high: [3, 1], dilations: [3, 5]),
    Windows(2, [6, 7, 8], [2, 3, 3], channels: 16, filters: 32, low: [1, 1, 0], high: [0, 1, 2]),
    // One channel; a single image of few places.
    Windows(8, [20, 20], [3, 3], channels: 1, filters: 32),
    Windows(1, [3, 3], [3, 3], channels: 96, filters: 130, low: [1, 1], high: [1, 1]),
  ]
  private static let codes: [OperationCode] = [.convolution, .convolutionInputGradient, .convolutionKernelGradient]

  /// Numbers from -3 to 3, some more often than others.
  private func numbers(_ shape: [Int], seed: Int) -> [Double] {
    var state = UInt64(truncatingIfNeeded: seed &* 2_654_435_761 &+ 12345)
    return (0..<shape.reduce(1, *)).map { _ in
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Double((state >> 33) % 7) - 3
    }
  }

  /// Sums of small integers are exact, in float32 and in float64, whose convolutions are another code.
  @Test(arguments: codes, Sample.every(3, of: all)) func sumsAreExact(of code: OperationCode, windows: Windows) throws {
    let (shapes, result) = windows.shapes(code)
    let values = shapes.enumerated().map { numbers($0.element, seed: $0.offset) }
    func tensors(_ dtype: DType) throws -> [Tensor] {
      try zip(values, shapes).map { try Tensor($0, shape: $1, dtype: dtype) }
    }
    let exact = try compute(
      code, tensors(.float64), to: TensorType(.float64, result), attributes: windows.attributes)[0]
    for dtype in [DType.float32, .float16, .bfloat16] {
      for threads in [1, 3] {
        let got = try compute(
          code, tensors(dtype), to: TensorType(dtype, result), attributes: windows.attributes, threads: threads)[0]
        #expect(
          try got.scalars() == Tensor(exact.scalars(), shape: result, dtype: dtype).scalars(), "\(dtype), \(threads)")
      }
    }
  }

  @Test(arguments: codes, Sample.every(3, of: all))
  func threadsDoNotChangeABit(of code: OperationCode, windows: Windows) throws {
    let (shapes, result) = windows.shapes(code)
    let operands = try shapes.enumerated().map { index, shape in
      try Tensor(numbers(shape, seed: index).map { $0 / 7 + 0.01 }, shape: shape, dtype: .float32)
    }
    let results = try [1, 2, 5].map {
      try elements(
        compute(
          code, operands, to: TensorType(.float32, result), attributes: windows.attributes, threads: $0)[0],
        as: UInt32.self)
    }
    #expect(results[1] == results[0] && results[2] == results[0])
  }
}
