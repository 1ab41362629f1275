import MezzoBackend
import MezzoGraph
import MezzoLayers
import MezzoPolicy
import MezzoRuntime
import Testing

@Suite struct StatefulTests {
  private let runtime = Runtime.builtinOnly()

  static let layers: [@Sendable (DTypePolicy, Bool) -> any Layer] = [
    { SimpleRNN(2, stateful: $1, policy: $0) }, { LSTM(2, stateful: $1, policy: $0) },
    { GRU(2, stateful: $1, policy: $0) },
  ]

  /// Two halves of a sequence one after the other give what the whole gives.
  @Test(arguments: [0, 1, 2], [DTypePolicy.float32, .mixedBFloat16])
  func itGoesOnWhereTheLastCallEnded(index: Int, policy: DTypePolicy) throws {
    let whole = Model(Self.layers[index](policy, false), runtime: runtime)
    let stateful = Model(Self.layers[index](policy, true), runtime: runtime)
    let numbers = (0..<12).map { Double($0 % 5) / 4 - 0.5 }
    let expected = try whole(Tensor(numbers, shape: [1, 4, 3], dtype: .float32))
    let first = try Tensor(Array(numbers[..<6]), shape: [1, 2, 3], dtype: .float32)
    let second = try Tensor(Array(numbers[6...]), shape: [1, 2, 3], dtype: .float32)
    let begun = try stateful(first)
    #expect(try stateful(second) == expected)
    #expect(try stateful(first) != begun)
    try stateful.resetStates()
    #expect(try stateful(first) == begun)
    #expect(try stateful(second) == expected)
    let state = try #require(try stateful.variables["state_0"])
    #expect(state.type == TensorType(policy.computeDType ?? .float32, [1, 2]))
    #expect(try !stateful.isTrainable("state_0"))
  }

  @Test func anotherBatchIsRefused() throws {
    let model = Model(LSTM(2, stateful: true, policy: .float32), runtime: runtime)
    _ = try model(Tensor(zeros: TensorType(.float32, [2, 3, 4])))
    #expect(throws: LayerError.self) { try model(Tensor(zeros: TensorType(.float32, [1, 3, 4]))) }
  }

  @Test func aLayerOfOnesOwnKeepsAState() throws {
    let counter = CustomLayer { x, context in
      let count = try context.state("count", shape: [], dtype: .float32)
      try context.assign(count, count.value(in: context) + 1)
      return try x * count.value(in: context)
    }
    let model = Model(counter, runtime: runtime)
    let one = try Tensor([1], shape: [1, 1], dtype: .float32)
    #expect(try (0..<3).map { _ in try model(one).scalar() } == [1, 2, 3])
    try model.resetStates()
    #expect(try model(one).scalar() == 1)
  }
}
