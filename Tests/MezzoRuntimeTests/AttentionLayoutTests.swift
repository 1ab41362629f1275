import MezzoBackend
import MezzoGraph
import MezzoPlugins
import MezzoPolicy
import Testing

@testable import MezzoRuntime

/// Results of attention lie as they are read: heads side by side.
@Suite struct AttentionLayoutTests {
  private static let (batch, heads, length, width) = (2, 3, 5, 4)

  /// `[batch, length, heads * width]` three times -> attention in heads, put side by side again, and as it was.
  private func graph(_ dtype: DType, trained: Bool) throws -> Graph {
    let (batch, heads, length, width) = (Self.batch, Self.heads, Self.length, Self.width)
    let trace = Trace()
    let inputs = ["q", "k", "v"].map { trace.input(TensorType(dtype, [batch, length, heads * width]), name: $0) }
    let split = try inputs.map { try $0.reshaped([batch, length, heads, width]).transposed([0, 2, 1, 3]) }
    let own = try split[0].attention(keys: split[1], values: split[2], scale: 0.5)
    let joined = try own.transposed([0, 2, 1, 3]).reshaped([batch, length, heads * width])
    guard trained else { return trace.finish([joined, own, try own * 2]) }
    let gradients = try trace.gradients(of: (joined * joined).sum(), by: inputs)
    return trace.finish([joined] + gradients)
  }

  private func inputs(_ dtype: DType) throws -> [Tensor] {
    let shape = [Self.batch, Self.length, Self.heads * Self.width]
    let count = shape.reduce(1, *)
    return try [0, 5, 10].map { (shift: Int) in
      let scalars = (0..<count).map { (index: Int) -> Double in Double((index * 7 + shift) % 23) / 8 - 1.25 }
      return try Tensor(scalars, shape: shape, dtype: dtype)
    }
  }

  private func copies(_ planner: Planner) -> Int {
    planner.steps.count { $0.request.code == .cast && $0.request.inputs[0].dtype == $0.request.results[0].dtype }
  }

  @Test(arguments: [DType.float32, .bfloat16, .float16, .float64]) func nothingIsCopied(_ dtype: DType) throws {
    let runtime = Runtime.builtinOnly()
    // One copy: the second output, which is no view for the caller.
    #expect(copies(try Planner(try graph(dtype, trained: false), router: runtime.router)) == 1)
    #expect(copies(try Planner(try graph(dtype, trained: true), router: runtime.router)) == 0)
  }

  /// A backend that writes rows in order alone gets to, and gives what the built-in one does.
  @Test(arguments: [DType.float32, .bfloat16], [false, true])
  func aBackendMayWantItsResultsDense(_ dtype: DType, _ trained: Bool) throws {
    let short = try #require(dtype.shortName)
    let fake = FakeBackend(
      "dense",
      [
        try .fake(
          .attention,
          "q:\(short)[...,s,d] k:\(short)[...,t,d] v:\(short)[...,t,e] bias:f32[...,s,t] -> o:\(short)[...,s,e] lse:f32[...,s]",
          when: "contiguous(o)", nanoseconds: 0)
      ])
    // Without the rules for pairs of bfloat16, which the fake one does not stand for.
    let options = try RoutingOptions(parsing: "denormals,fallback=silent", pins: "op:attention=dense")
    let builtin = BackendRegistry.builtin().backends
    let found = try Runtime(BackendRegistry([fake] + builtin), threads: 2, options: options)
      .plan(graph(dtype, trained: trained)).run(inputs(dtype))
    #expect(fake.requests.contains { $0.code == .attention })
    let own = Runtime(BackendRegistry(builtin), threads: 2, options: try RoutingOptions(parsing: "denormals"))
    #expect(try own.plan(graph(dtype, trained: trained)).run(inputs(dtype)) == found)
  }

  /// Whatever the roundings on the way, the largest score is taken away from itself exactly.
  @Test(arguments: [DType.float32, .bfloat16, .float64], [1e5, 1e10, 1e15])
  func largeScoresCancel(_ dtype: DType, _ size: Double) throws {
    let trace = Trace()
    let shapes = [[1, 5, 8], [1, 20, 8], [1, 20, 4]]
    let inputs = zip(["q", "k", "v"], shapes).map { trace.input(TensorType(dtype, $1), name: $0) }
    let graph = trace.finish([try inputs[0].attention(keys: inputs[1], values: inputs[2], scale: 0.3)])
    // Every fifth key has the largest score, and value 4, 9, 14 or 19.
    let keys = (0..<160).map { (index: Int) -> Double in Double(index / 8 % 5 + 1) * size }
    let values = (0..<80).map { (index: Int) -> Double in Double(index / 4) }
    let operands = [
      try Tensor([Double](repeating: 1e5, count: 40), shape: shapes[0], dtype: dtype),
      try Tensor(keys, shape: shapes[1], dtype: dtype), try Tensor(values, shape: shapes[2], dtype: dtype),
    ]
    let found = try Runtime.builtinOnly().plan(graph).run(operands)[0]
    #expect(found.scalars() == [Double](repeating: 11.5, count: 20))
  }

  /// A result that is rounded into its layout is not read again as if it lay in another.
  @Test func aRoundingThatIsReadInFloat32KeepsTheOrder() throws {
    let (batch, heads, length, width) = (Self.batch, Self.heads, Self.length, Self.width)
    let trace = Trace()
    let type = TensorType(.bfloat16, [batch, length, heads * width])
    let split = try ["q", "k", "v"].map { name in
      try trace.input(type, name: name).reshaped([batch, length, heads, width]).transposed([0, 2, 1, 3])
    }
    let joined = try split[0].attention(keys: split[1], values: split[2], scale: 0.5)
      .transposed([0, 2, 1, 3]).reshaped([batch, length, heads * width])
    let graph = trace.finish([try joined.cast(to: .float32)])
    let fake = FakeBackend(
      "dense",
      [
        try .fake(
          .attention,
          "q:f32[...,s,d] k:f32[...,t,d] v:f32[...,t,e] bias:f32[...,s,t] -> o:f32[...,s,e] lse:f32[...,s]",
          when: "contiguous(o)", nanoseconds: 0)
      ])
    let builtin = BackendRegistry.builtin().backends
    let options = try RoutingOptions(parsing: "denormals,fallback=silent", pins: "op:attention=dense")
    let found = try Runtime(BackendRegistry([fake] + builtin), threads: 2, options: options)
      .plan(graph).run(inputs(.bfloat16))
    #expect(fake.requests.contains { $0.code == .attention && $0.inputs[0].dtype == .float32 })
    let own = Runtime(BackendRegistry(builtin), threads: 2, options: try RoutingOptions(parsing: "denormals"))
    #expect(try own.plan(graph).run(inputs(.bfloat16)) == found)
  }

  /// Against the same products one by one.
  @Test func valuesAreRight() throws {
    let (batch, heads, length, width) = (Self.batch, Self.heads, Self.length, Self.width)
    let runtime = Runtime.builtinOnly()
    let found = try runtime.plan(graph(.float64, trained: false)).run(inputs(.float64))
    let expected = try runtime.evaluate(inputs(.float64)) { x in
      let split = try x.map { try $0.reshaped([batch, length, heads, width]).transposed([0, 2, 1, 3]) }
      let weights = try (split[0].matmul(split[1].transposed()) * 0.5).softmax()
      let own = try weights.matmul(split[2])
      return [try own.transposed([0, 2, 1, 3]).reshaped([batch, length, heads * width]), own, try own * 2]
    }
    for (ours, theirs) in zip(found, expected) {
      #expect(ours.type == theirs.type)
      for (a, b) in zip(ours.scalars(), theirs.scalars()) { #expect(abs(a - b) < 1e-12) }
    }
  }
}
