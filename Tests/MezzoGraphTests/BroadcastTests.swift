import MezzoBackend
import MezzoGraph
import MezzoPolicy
import Testing

@Suite struct BroadcastTests {
  struct Pair: Sendable {
    var left: [Int]
    var right: [Int]
    var result: [Int]
  }

  @Test(arguments: [
    Pair(left: [], right: [], result: []),
    Pair(left: [], right: [2, 3], result: [2, 3]),
    Pair(left: [3], right: [2, 3], result: [2, 3]),
    Pair(left: [2, 1], right: [1, 3], result: [2, 3]),
    Pair(left: [4, 1, 3], right: [2, 1], result: [4, 2, 3]),
    Pair(left: [1], right: [0], result: [0]),
    Pair(left: [2, 0], right: [1, 1, 1], result: [1, 2, 0]),
  ])
  func followsNumPy(_ pair: Pair) throws {
    let trace = Trace()
    let left = trace.input(TensorType(.float32, pair.left), name: "left")
    let right = trace.input(TensorType(.float32, pair.right), name: "right")
    #expect(try (left + right).shape == pair.result)
    #expect(try (right * left).shape == pair.result)
    #expect(try left.isLess(right).type == TensorType(.bool, pair.result))
    #expect(try left.isEqual(right).select(left, right).shape == pair.result)
  }

  @Test(arguments: [
    Pair(left: [2], right: [3], result: []), Pair(left: [2, 3], right: [2], result: []),
    Pair(left: [0], right: [2], result: []),
  ])
  func refusesOthers(_ pair: Pair) throws {
    let trace = Trace()
    let left = trace.input(TensorType(.float32, pair.left), name: "left")
    let right = trace.input(TensorType(.float32, pair.right), name: "right")
    let expected = GraphError(
      .shape(operation: "add", expected: "shapes that broadcast", found: [left.type, right.type]), layer: "a.b")
    #expect(throws: expected) {
      try trace.tagged(Graph.Origin(layer: "a.b", phase: .forward)) { try left + right }
    }
  }

  @Test func dtypesMustBeEqual() {
    let trace = Trace()
    let left = trace.input(TensorType(.float32, [2]), name: "left")
    let right = trace.input(TensorType(.bfloat16, [1]), name: "right")
    let found = [TensorType(.float32, [2]), TensorType(.bfloat16, [2])]
    #expect(throws: GraphError(.dtype(operation: "maximum", expected: "operands of one dtype", found: found))) {
      try left.maximum(right)
    }
  }

  @Test func scalarsTakeTheDTypeBesideThem() throws {
    let trace = Trace()
    let x = trace.input(TensorType(.bfloat16, [2]), name: "x")
    for result in [try x + 1, try 1 + x, try x - 1, try 1 - x, try x * 2, try 2 * x, try x / 2, try 2 / x] {
      #expect(result.type == x.type)
    }
  }

  @Test func nothingIsRecordedWhereNothingChanges() throws {
    let trace = Trace()
    let x = trace.input(TensorType(.float32, [2, 3]), name: "x")
    _ = try [x.broadcast(to: [2, 3]), x.reshaped([2, 3]), x.cast(to: .float32), x.sum(axes: [], keepDims: true)]
    #expect(trace.finish([x]).nodes.isEmpty)
  }
}
