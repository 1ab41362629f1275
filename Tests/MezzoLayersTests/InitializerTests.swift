import Foundation
import MezzoBackend
import MezzoGraph
import MezzoPolicy
import MezzoLayers
import Testing

@Suite struct InitializerTests {
  private let type = TensorType(.float32, [200, 100])

  @Test func glorotAndHeStayWithinTheirBounds() throws {
    for (initializer, limit) in [
      (Initializer.glorotUniform, (6.0 / 300).squareRoot()), (.heUniform, (6.0 / 200).squareRoot()),
    ] {
      let values = try initializer.tensor(type, seed: 7, path: "kernel").scalars()
      let largest = values.map(\.magnitude).max() ?? 0
      #expect(largest <= limit * (1 + 0x1p-23))
      #expect(largest > 0.99 * limit)
      let mean = values.reduce(0, +) / Double(values.count)
      // Four standard errors of the mean of 20,000 uniform numbers.
      #expect(abs(mean) < 4 * limit / (3.0 * 20_000).squareRoot())
    }
  }

  @Test func normalNumbersHaveTheirMeanAndDeviation() throws {
    let values = try Initializer.randomNormal(mean: 2, deviation: 3).tensor(type, seed: 1, path: "x").scalars()
    let mean = values.reduce(0, +) / Double(values.count)
    let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count)
    #expect(abs(mean - 2) < 4 * 3 / (20_000.0).squareRoot())
    #expect(abs(variance.squareRoot() - 3) < 0.1)
  }

  private static let variances: [(Initializer, Double)] = [
    (.glorotNormal, 0.02 / 3), (.heNormal, 0.01), (.lecunNormal, 0.005), (.lecunUniform, 0.005),
    (.varianceScaling(scale: 3, mode: .fanOut, distribution: .untruncatedNormal), 0.03),
    (.truncatedNormal(deviation: 2), 3.0949652),
  ]

  @Test(arguments: variances.indices) func variancesAreThoseAskedFor(_ index: Int) throws {
    let (initializer, variance) = Self.variances[index]
    let values = try initializer.tensor(type, seed: 3, path: "x").scalars()
    let found = values.reduce(0) { $0 + $1 * $1 } / Double(values.count)
    #expect(abs(found - variance) < 0.04 * variance)
    if case .varianceScaling(_, _, .untruncatedNormal) = initializer { return }
    let deviation = variance.squareRoot() / 0.8796256610342398
    #expect(values.allSatisfy { $0.magnitude <= 2 * deviation * (1 + 1e-6) })
  }

  @Test func seedsOfTheirOwnAndDiagonals() throws {
    let seeded = Initializer.heNormal.seeded(9)
    let first = try seeded.tensor(type, seed: 1, path: "a")
    #expect(try seeded.tensor(type, seed: 2, path: "b") == first)
    #expect(try Initializer.heNormal.seeded(8).tensor(type, seed: 1, path: "a") != first)
    let square = TensorType(.float16, [2, 3])
    #expect(try Initializer.identity(gain: 2).tensor(square, seed: 0, path: "").scalars() == [2, 0, 0, 0, 2, 0])
    let read = try JSONDecoder().decode(Initializer.self, from: JSONEncoder().encode(seeded))
    #expect(read == seeded)
  }

  @Test func constantsAreConstant() throws {
    let small = TensorType(.bfloat16, [3])
    #expect(try Initializer.zeros.tensor(small, seed: 0, path: "").scalars() == [0, 0, 0])
    #expect(try Initializer.ones.tensor(small, seed: 0, path: "").scalars() == [1, 1, 1])
    #expect(try Initializer.constant(1.5).tensor(small, seed: 0, path: "").scalars() == [1.5, 1.5, 1.5])
  }

  @Test func pathsGetDifferentNumbersAndOrderDoesNotMatter() throws {
    let a = try Initializer.glorotUniform.tensor(type, seed: 1, path: "a.kernel")
    let b = try Initializer.glorotUniform.tensor(type, seed: 1, path: "b.kernel")
    #expect(a != b)
    #expect(try Initializer.glorotUniform.tensor(type, seed: 1, path: "a.kernel") == a)
  }
}
