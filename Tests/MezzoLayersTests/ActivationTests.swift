import MezzoBackend
import MezzoGraph
import MezzoLayers
import MezzoPolicy
import MezzoRuntime
import Testing

/// Activations over an axis that are more than one operation.
@Suite struct ActivationTests {
  private func run(
    _ function: ActivationFunction, _ values: [Double], _ shape: [Int], _ policy: DTypePolicy = .float64
  ) throws -> Tensor {
    let input = try Tensor(values, shape: shape, dtype: policy.computeDType ?? .float64)
    return try Model(Activation(function, policy: policy), runtime: .builtinOnly())(input)
  }

  /// By sorting, as the paper does it.
  private func sparsemax(_ row: [Double]) -> [Double] {
    let sorted = row.sorted(by: >)
    var (sum, threshold) = (0.0, 0.0)
    for (index, value) in sorted.enumerated() {
      sum += value
      if 1 + Double(index + 1) * value > sum { threshold = (sum - 1) / Double(index + 1) }
    }
    return row.map { max($0 - threshold, 0) }
  }

  @Test(arguments: [1, 2, 3, 7, 33]) func sparsemaxIsTheNearestDistribution(width: Int) throws {
    let rows: [[Double]] = (0..<9).map { row in
      let (scale, offset) = (Double(3 + row * row), row == 4 ? 1e6 : 0)
      return (0..<width).map { column in Double((column * 37 + row * 13) % 29) / scale + offset }
    }
    let output = try run(.sparsemax, rows.flatMap { $0 }, [3, 3, width])
    #expect(output.shape == [3, 3, width])
    let found = output.scalars()
    for (row, values) in rows.enumerated() {
      let part = found[row * width..<(row + 1) * width]
      let sum: Double = part.reduce(0, +)
      #expect(abs(sum - 1) < 1e-9)
      for (found, expected) in zip(part, sparsemax(values)) {
        let distance: Double = abs(found - expected)
        #expect(distance < 1e-9)
      }
    }
  }

  @Test func sparsemaxOfWhatIsNoNumberIsNone() throws {
    let found = try run(.sparsemax, [1, .nan, 3, 1, 2, 3], [2, 3], .float32).scalars()
    #expect(found[..<3].allSatisfy(\.isNaN) && found[3...] == [0, 0, 1])
    #expect(try run(.sparsemax, [], [2, 0], .float32).shape == [2, 0])
  }

  @Test func halvesAreGated() throws {
    let found = try run(.glu, [1, -2, 0, 3, 5, 4, 2, 0], [2, 4], .mixedFloat16)
    #expect(found.shape == [2, 2] && found.dtype == .float16)
    #expect(found.scalars()[0] == 0.5 && found.scalars()[3] == 2)
    #expect(throws: GraphError.self) { try run(.glu, [1, 2, 3], [1, 3]) }
    #expect(throws: GraphError.self) { try run(.glu, [1], []) }
  }
}
