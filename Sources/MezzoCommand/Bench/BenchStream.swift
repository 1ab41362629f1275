import Mezzo

/// Data and weights of workloads, the same in every language: 24 random bits an element, each tensor from a stream of its
/// own.
struct BenchStream {
  private var random: SplitMix64

  init(seed: UInt64, tensor: Int) { random = SplitMix64(seed: (seed << 32) &+ UInt64(tensor)) }

  private mutating func bits() -> UInt64 { random.next() >> 40 }

  /// In [−limit, limit), rounded to float32 in every step.
  mutating func uniform(_ limit: Double, _ shape: [Int]) throws -> Tensor {
    let limit = Float(limit)
    return try Tensor(TensorType(.float32, shape)) {
      Double((Float(bits()) - 0x1p23) * 0x1p-23 * limit)
    }
  }

  /// Of variance 1.
  mutating func unit(_ shape: [Int]) throws -> Tensor { try uniform(3.0.squareRoot(), shape) }

  /// A kernel whose last two axes are inputs and outputs, behind those of a window.
  mutating func glorot(_ shape: [Int]) throws -> Tensor {
    let window = shape.dropLast(2).reduce(1, *)
    let fans = shape.suffix(2).reduce(0, +) * window
    return try uniform((6 / Double(fans)).squareRoot(), shape)
  }

  mutating func integers(_ range: Range<Int>, _ shape: [Int]) throws -> Tensor {
    try Tensor(TensorType(.int32, shape)) {
      Double(range.lowerBound + Int(bits() % UInt64(range.count)))
    }
  }
}
