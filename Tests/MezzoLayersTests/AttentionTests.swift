import MezzoBackend
import MezzoGraph
import MezzoPolicy
import MezzoRuntime
import Testing

@testable import MezzoLayers

/// Attention as one operation gives what it gives written out in smaller ones.
@Suite struct AttentionTests {
  private let runtime = Runtime.builtinOnly()

  /// One that gives an operation a dtype which it has anyway, so that layers write themselves out.
  private func writtenOut(_ dtype: DType) throws -> DTypePolicy {
    try DTypePolicy(parameters: dtype, compute: dtype, operations: ["softmax": dtype])
  }

  private func sequence(_ length: Int, _ dtype: DType, seed: Int) throws -> Tensor {
    var place = seed
    return try Tensor(TensorType(dtype, [2, length, 4])) {
      place += 1
      return Double(place * 37 % 17) / 8 - 1
    }
  }

  private func check(
    _ dtype: DType, dialect: PolicyDialect, named: [String: Tree<Tensor>] = [:],
    _ layer: (DTypePolicy) -> any Layer
  ) throws {
    let inputs = Arguments(
      .tensor(try sequence(3, dtype, seed: 0)), .tensor(try sequence(5, dtype, seed: 40)), named: named)
    var results: [[Double]] = []
    var operations: [Set<String>] = []
    for policy in [try DTypePolicy(parameters: dtype, compute: dtype), try writtenOut(dtype)] {
      let model = withPolicyEnvironment(PolicyEnvironment(dialect: dialect)) {
        Model(layer(policy), seed: 2, runtime: runtime)
      }
      results.append(try model(inputs).leaves[0]?.scalars() ?? [])
      operations.append(Set(try #require(model.plan(known: inputs.map(\.type))).records.map(\.operation)))
    }
    #expect(operations[0].contains("attention") && !operations[1].contains("attention"))
    #expect(results[0].count == results[1].count && !results[0].isEmpty)
    for (got, expected) in zip(results[0], results[1]) {
      #expect(abs(got - expected) <= 32 * (dtype.epsilon ?? 0), "\(got) and \(expected)")
    }
  }

  /// The last row of the first mask hides every key.
  private func masks() throws -> [Tensor] {
    [
      try Tensor([1, 1, 0, 1, 0, 0, 1, 1, 0, 1, 0, 0, 0, 0, 0], shape: [3, 5], dtype: .bool),
      try Tensor([1, 1, 0, 1, 0, 0, 0, 1, 1, 1], shape: [2, 1, 5], dtype: .bool),
    ]
  }

  @Test(arguments: [DType.float32, .float64], [PolicyDialect.mezzo, .keras3])
  func multiHeadAttention(dtype: DType, dialect: PolicyDialect) throws {
    for isCausal in [false, true] {
      let layer = { MultiHeadAttention(numHeads: 2, keyDim: 3, valueDim: 2, isCausal: isCausal, policy: $0) }
      try check(dtype, dialect: dialect, layer)
      for mask in try masks() {
        try check(dtype, dialect: dialect, named: ["attention_mask": .tensor(mask)], layer)
      }
    }
  }

  @Test(arguments: [PolicyDialect.mezzo, .keras3]) func groupedQueryAttention(dialect: PolicyDialect) throws {
    try check(.float32, dialect: dialect) {
      GroupedQueryAttention(headDim: 2, numQueryHeads: 4, numKeyValueHeads: 2, isCausal: true, policy: $0)
    }
  }

  @Test(arguments: [PolicyDialect.mezzo, .keras3]) func attention(dialect: PolicyDialect) throws {
    let mask = try Tensor([1, 0, 1, 1, 0, 0, 0, 0, 0, 0], shape: [2, 5], dtype: .bool)
    for isCausal in [false, true] {
      try check(.float32, dialect: dialect) { Attention(isCausal: isCausal, policy: $0) }
      try check(.float32, dialect: dialect, named: ["value_mask": .tensor(mask)]) {
        Attention(isCausal: isCausal, policy: $0)
      }
    }
  }
}
