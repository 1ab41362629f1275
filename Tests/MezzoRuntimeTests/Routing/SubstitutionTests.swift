import MezzoBackend
import MezzoGraph
import MezzoPlugins
import MezzoPolicy
import Testing

@testable import MezzoRuntime

@Suite struct SubstitutionTests {
  private static let origin = Graph.Origin(layer: "model", phase: .forward)

  private func request(
    _ code: OperationCode, _ inputs: DType, _ result: DType, epilogue: [EpilogueStep] = []
  ) -> OperationRequest {
    let operand = Operand(dtype: inputs, shape: [4, 4])
    let bias = epilogue.contains { $0.operand != nil } ? [Operand(dtype: inputs, shape: [4])] : []
    return OperationRequest(
      code, inputs: [operand, operand] + bias, results: [Operand(dtype: result, shape: [4, 4])], epilogue: epilogue)
  }

  private func route(
    _ request: OperationRequest, _ rules: [Rule], _ options: String = "fallback=silent"
  ) throws -> RouteRecord {
    let runtime = Runtime(
      BackendRegistry([FakeBackend("fake", rules)] + BackendRegistry.builtin().backends),
      options: try RoutingOptions(parsing: options))
    return try runtime.router.route(request, origin: Self.origin).record
  }

  /// For every pair of dtypes: what a rule of the one does for a request of the other is just what the ladder permits.
  @Test(arguments: [DType.float16, .bfloat16, .float32, .float64, .float8E4M3FN, .float8E5M2])
  func nothingIsNarrowed(_ asked: DType) throws {
    for given in [DType.float16, .bfloat16, .float32, .float64, .float8E4M3FN, .float8E5M2] {
      let short = try #require(given.shortName)
      let rules = [try Rule.fake(.add, "x:\(short) y:\(short) -> z:\(short)", nanoseconds: 0)]
      let narrow = (asked.bitWidth ?? 0) < 32
      for (ladder, allowed) in [
        ("exact", given == asked), ("widen", given == asked || (narrow && given == .float32)),
        ("any", given == asked || (narrow && given == .float32) || given == .float64),
      ] {
        let record = try route(request(.add, asked, asked), rules, "fallback=silent,\(ladder)")
        #expect(
          (record.candidates.first { $0.backend == "fake" }?.verdict != .dropped) == allowed,
          "\(asked) \(given) \(ladder)")
      }
    }
  }

  @Test func resultsMayBeRoundedOnceBehindARule() throws {
    let rules = [try Rule.fake(.matmul, "A:bf16[m,k] B:bf16[k,n] -> C:f32[m,n]", nanoseconds: 0)]
    let record = try route(request(.matmul, .bfloat16, .bfloat16), rules)
    #expect(record.backend == "fake")
    #expect(record.casts == ["result float32 to bfloat16"])
    #expect(record.why.contains("float32 result rounded once"))
  }

  @Test func aStepBehindARoundingIsNoMatch() throws {
    let narrow = try Rule.fake(.matmul, "A:bf16[m,k] B:bf16[k,n] -> C:bf16[m,n]", nanoseconds: 0)
    let wide = try Rule.fake(.matmul, "A:bf16[m,k] B:bf16[k,n] -> C:f32[m,n]", nanoseconds: 0)
    let asked = request(.matmul, .bfloat16, .bfloat16, epilogue: [.bias(operand: 2), .gelu(approximate: false)])
    let record = try route(asked, [narrow])
    #expect(record.backend == "builtin")
    let dropped = try #require(record.candidates.first { $0.backend == "fake" })
    #expect(dropped.reason == "epilogue" && dropped.why.contains("rounds to bfloat16 before bias"))
    #expect(dropped.hint != nil)
    #expect(try route(asked, [wide]).candidates.contains { $0.backend == "fake" && $0.takesPart })
    // ReLU keeps what rounding keeps.
    #expect(try route(request(.matmul, .bfloat16, .bfloat16, epilogue: [.relu]), [narrow]).backend == "fake")
  }

  @Test func numericsArePartOfTheMatch() throws {
    for (numerics, word) in [
      (Numerics(isDeterministic: false), "deterministic"), (Numerics(isStrictMath: false), "math mode"),
    ] {
      var rule = try Rule.fake(.add, "x:f32 y:f32 -> z:f32", nanoseconds: 0)
      rule.numerics = numerics
      let record = try route(request(.add, .float32, .float32), [rule])
      let candidate = try #require(record.candidates.first { $0.backend == "fake" })
      #expect(candidate.reason == "numerics" && candidate.why.contains(word))
      #expect(try route(request(.add, .float32, .float32), [rule], "add=any").backend == "fake")
    }
    var flushing = try Rule.fake(.add, "x:f32 y:f32 -> z:f32", nanoseconds: 0)
    flushing.numerics.keepsDenormals = false
    #expect(try route(request(.add, .float32, .float32), [flushing]).backend == "fake")
    #expect(try route(request(.add, .float32, .float32), [flushing], "denormals").backend == "builtin")
    var loose = try Rule.fake(.add, "x:f32 y:f32 -> z:f32", nanoseconds: 0)
    loose.numerics.roundsToNearestEven = false
    #expect(try route(request(.add, .float32, .float32), [loose], "any").backend == "builtin", "never other roundings")
  }

  @Test func whatAWiderLadderWouldAllowIsAHint() throws {
    let rules = [try Rule.fake(.add, "x:f32 y:f32 -> z:f32")]
    let record = try route(request(.add, .bfloat16, .bfloat16), rules, "exact,fallback=silent")
    #expect(record.candidates.first { $0.backend == "fake" }?.hint?.contains("add=widen") == true)
  }

  /// Steps that a backend leaves over only when it is asked must not be rounded before either.
  @Test func lateLeftoversAreDeclined() throws {
    let fake = FakeBackend(
      "fake",
      [
        try .fake(
          .matmul, "A:bf16[m,k] B:bf16[k,n] -> C:bf16[m,n]", nanoseconds: 0,
          epilogue: [.bias(operand: 2), .gelu(approximate: false)])
      ],
      wrap: { prepared, _ in WrappedOperation(prepared, consumedEpilogue: 1) })
    let runtime = Runtime.with([fake])
    let asked = request(.matmul, .bfloat16, .bfloat16, epilogue: [.bias(operand: 2), .gelu(approximate: false)])
    let record = try runtime.router.route(asked, origin: Self.origin).record
    #expect(record.backend == "builtin")
    #expect(record.candidates.first { $0.backend == "fake" }?.verdict == .declined)
  }
}
