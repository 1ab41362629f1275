import MezzoBackend
import MezzoGraph
import MezzoLayers
import MezzoPolicy
import MezzoRuntime
import Testing

/// Decoding step by step gives what one causal pass gives.
@Suite struct KeyValueCacheTests {
  private static let (batch, length, dim) = (2, 5, 4)
  private let runtime = Runtime.builtinOnly()

  static let policies: [DTypePolicy] = [.float64, .float32, .float16, .bfloat16, .mixedFloat16, .mixedBFloat16]

  private func sequence(_ policy: DTypePolicy) throws -> Tensor {
    var place = 0.0
    return try Tensor(TensorType(policy == .float64 ? .float64 : .float32, [Self.batch, Self.length, Self.dim])) {
      place += 1
      return (place * 37).truncatingRemainder(dividingBy: 17) / 8 - 1
    }
  }

  private func steps(_ x: Tensor, _ range: Range<Int>) throws -> Tensor {
    let width = Self.dim
    let all = x.scalars()
    let chosen = (0..<Self.batch).flatMap { (row: Int) -> ArraySlice<Double> in
      let first: Int = (row * Self.length + range.lowerBound) * width
      return all[first..<first + range.count * width]
    }
    return try Tensor(chosen, shape: [Self.batch, range.count, width], dtype: x.dtype)
  }

  /// Decodes in the given parts, with a cache that is longer than the sequence.
  private func decode(_ model: Model, _ cache: Tree<Tensor>, _ x: Tensor, _ parts: [Range<Int>]) throws -> [Double] {
    var cache = cache
    var outputs = Array(repeating: [Double](), count: Self.batch)
    for part in parts {
      let token = Tree.tensor(try steps(x, part))
      let position = try Tree.tensor(Tensor(Double(part.lowerBound), dtype: .int32))
      let results = try model(Arguments(token, token, named: ["cache": cache, "position": position]))
      guard case .array(let elements) = results, let output = elements[0].tensor?.scalars() else { return [] }
      cache = .array(Array(elements.dropFirst()))
      for row in outputs.indices {
        outputs[row] += output[row * part.count * Self.dim..<(row + 1) * part.count * Self.dim]
      }
    }
    return outputs.flatMap { $0 }
  }

  private func check(_ layer: any Layer, _ cache: Tree<Tensor>, _ policy: DTypePolicy) throws {
    let model = Model(layer, seed: 2, runtime: runtime)
    let x = try sequence(policy)
    let whole = try #require(try model(Arguments(.tensor(x), .tensor(x))).tensor?.scalars())
    let tolerance = 8 * ((policy.computeDType ?? .float32).epsilon ?? 0)
    for parts in [[0..<1, 1..<2, 2..<3, 3..<4, 4..<5], [0..<3, 3..<4, 4..<5], [0..<2, 2..<5]] {
      let decoded = try decode(model, cache, x, parts)
      #expect(decoded.count == whole.count)
      for (got, expected) in zip(decoded, whole) { #expect(abs(got - expected) <= tolerance * max(1, abs(expected))) }
    }
  }

  @Test(arguments: policies) func multiHeadAttention(policy: DTypePolicy) throws {
    let layer = MultiHeadAttention(numHeads: 2, keyDim: 3, valueDim: 2, isCausal: true, policy: policy)
    try check(layer, try layer.emptyCache(batch: Self.batch, length: 8), policy)
  }

  @Test(arguments: policies) func groupedQueryAttention(policy: DTypePolicy) throws {
    let layer = GroupedQueryAttention(
      headDim: 2, numQueryHeads: 4, numKeyValueHeads: 2, isCausal: true, policy: policy)
    try check(layer, try layer.emptyCache(batch: Self.batch, length: Self.length), policy)
  }

  @Test func whatDoesNotFitIsNotMissedInSilence() throws {
    let layer = MultiHeadAttention(numHeads: 1, keyDim: 2, isCausal: true, policy: .float32)
    let model = Model(layer, runtime: runtime)
    let token = Tree.tensor(try Tensor(zeros: TensorType(.float32, [1, 1, 4])))
    let cache = try layer.emptyCache(batch: 1, length: 2)
    func output(_ position: Double) throws -> [Double] {
      let place = try Tree.tensor(Tensor(position, dtype: .int32))
      return try model(Arguments(token, token, named: ["cache": cache, "position": place])).leaves[0]?.scalars() ?? []
    }
    #expect(try output(1).allSatisfy(\.isFinite))
    #expect(try output(2).allSatisfy(\.isNaN))
    #expect(try output(-1).allSatisfy(\.isNaN))
  }

  @Test func cachesOfOtherShapesAreRefused() throws {
    let layer = MultiHeadAttention(numHeads: 1, keyDim: 2, isCausal: true, policy: .float32)
    let model = Model(layer, runtime: runtime)
    let token = Tree.tensor(try Tensor(zeros: TensorType(.float32, [1, 1, 4])))
    let place = try Tree.tensor(Tensor(0, dtype: .int32))
    let cache = try layer.emptyCache(batch: 1, length: 2)
    let other = try GroupedQueryAttention(headDim: 2, numQueryHeads: 2, numKeyValueHeads: 2, policy: .float32)
      .emptyCache(batch: 1, length: 2)
    let real = try Tree.tensor(Tensor(0.0, dtype: .float32))
    for named in [
      ["cache": cache], ["position": place], ["cache": other, "position": place], ["cache": cache, "position": real],
      ["cache": token, "position": place],
    ] {
      #expect(throws: LayerError.self) { try model(Arguments(token, token, named: named)) }
    }
  }
}
