import Foundation
import MezzoBackend
import MezzoGraph
import MezzoPolicy
import Testing

/// Rows that softmax and layer normalisation take two at a time, in vectors, beside what float64 makes of them.
struct RowTests {
  private static let dtypes: [DType] = [.float16, .bfloat16, .float32]
  /// About what vectors hold, and what sums hold before they move on to float64.
  private static let lengths = Sample.every(
    3, of: [1, 2, 15, 16, 17, 31, 32, 33, 63, 64, 65, 100, 1000, 2048, 2049, 2081])
  private static let rows = 3

  private func values(_ count: Int, over range: Double, _ dtype: DType, seed: UInt64) throws -> Tensor {
    var state = seed
    let values = (0..<count).map { _ in
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return (Double(state >> 40) / 0x1p24 - 0.5) * 2 * range
    }
    return try Tensor(values, shape: [count], dtype: dtype)
  }

  private func shaped(_ tensor: Tensor, _ length: Int) throws -> Tensor {
    try Tensor(bytes: tensor.withUnsafeBytes { Array($0) }, shape: [Self.rows, length], dtype: tensor.dtype)
  }

  @Test(arguments: dtypes, lengths) func softmax(_ dtype: DType, length: Int) throws {
    for range in [0.1, 8, 40] {
      let x = try shaped(values(Self.rows * length, over: range, dtype, seed: UInt64(length)), length)
      let y = try compute(.softmax, [x], to: x.type, attributes: [Attribute("axis", .int(1))])[0].scalars()
      let given = x.scalars()
      let epsilon = try #require(dtype.epsilon)
      for row in 0..<Self.rows {
        let place = row * length..<(row + 1) * length
        let largest = try #require(given[place].max())
        let exponentials = given[place].map { exp($0 - largest) }
        let sum = exponentials.reduce(0, +)
        // In float32 a difference of `range` and its half unit, which is multiplied by e.
        let bound = dtype == .float32 ? (4 + 2 * range) * epsilon : 0.51 * epsilon
        let leastStep = dtype == .float16 ? 0x1p-24 : 0x1p-133
        for (y, e) in zip(y[place], exponentials) {
          #expect(abs(y - e / sum) <= bound * (e / sum) + 0.51 * leastStep, "length \(length), range \(range)")
        }
      }
    }
  }

  @Test(arguments: dtypes, lengths) func layerNormalization(_ dtype: DType, length: Int) throws {
    let x = try shaped(values(Self.rows * length, over: 3, dtype, seed: 1), length)
    let r = try shaped(values(Self.rows * length, over: 1, dtype, seed: 2), length)
    let gamma = try values(length, over: 1, .float32, seed: 3), beta = try values(length, over: 1, .float32, seed: 4)
    let epsilon = try #require(dtype.epsilon)
    for centered in [true, false] {
      let y = try compute(
        .layerNorm, [x, r, gamma, beta], to: x.type,
        attributes: [Attribute("epsilon", .float(1e-5)), Attribute("centered", .int(centered ? 1 : 0))])[0].scalars()
      let sums = zip(x.scalars(), r.scalars()).map(+)
      for row in 0..<Self.rows {
        let place = row * length..<(row + 1) * length
        let mean = centered ? sums[place].reduce(0, +) / Double(length) : 0
        let square = sums[place].reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(length)
        for (i, (g, b)) in zip(gamma.scalars(), beta.scalars()).enumerated() {
          let expected = (sums[place.lowerBound + i] - mean) / (square + 1e-5).squareRoot() * g + b
          let bound = dtype == .float32 ? 16 * epsilon : 0.51 * epsilon
          #expect(
            abs(y[place.lowerBound + i] - expected) <= bound * max(abs(expected), dtype == .float32 ? 1 : 0x1p-8),
            "length \(length), element \(i)")
        }
      }
    }
  }

  /// What is no number stays in its row, wherever in it, and does not become one.
  @Test(arguments: dtypes) func nothingLeaksIntoTheRowBeside(_ dtype: DType) throws {
    let length = 70
    for place in [0, 33, 69] {
      for value in [Double.nan, .infinity] {
        var values = (0..<Self.rows * length).map { Double($0 % 7) }
        values[length + place] = value
        let x = try Tensor(values, shape: [Self.rows, length], dtype: dtype)
        let ones = try Tensor([Double](repeating: 1, count: length), shape: [length], dtype: .float32)
        let softmax = try compute(.softmax, [x], to: x.type, attributes: [Attribute("axis", .int(1))])[0].scalars()
        let norm = try compute(
          .layerNorm, [x, x, ones, ones], to: x.type,
          attributes: [Attribute("epsilon", .float(1e-5)), Attribute("centered", .int(1))])[0].scalars()
        for result in [softmax, norm] {
          for (i, element) in result.enumerated() { #expect(element.isNaN == (i / length == 1)) }
        }
      }
    }
  }

  /// A NaN of all bits, which rounding to bfloat16 must not carry out of.
  @Test func gammaOfNaNIsNaN() throws {
    let x = try shaped(values(Self.rows * 40, over: 3, .bfloat16, seed: 1), 40)
    let gamma = try Tensor(
      bytes: [Float](repeating: Float(bitPattern: 0x7fff_ffff), count: 40).withUnsafeBytes { Array($0) }, shape: [40],
      dtype: .float32)
    let y = try compute(
      .layerNorm, [x, x, gamma, gamma], to: x.type,
      attributes: [Attribute("epsilon", .float(1e-5)), Attribute("centered", .int(1))])[0]
    for element in y.scalars() { #expect(element.isNaN) }
  }
}
