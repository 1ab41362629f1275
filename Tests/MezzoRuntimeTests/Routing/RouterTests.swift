import MezzoBackend
import MezzoGraph
import MezzoPolicy
import Testing

@testable import MezzoRuntime

@Suite struct RouterTests {
  private static let origin = Graph.Origin(layer: "model.dense", phase: .backward)

  private func request(_ code: OperationCode, _ dtype: DType, _ shape: [Int] = [4, 4]) -> OperationRequest {
    let operand = Operand(dtype: dtype, shape: shape)
    return OperationRequest(code, inputs: [operand, operand], results: [operand])
  }

  @Test func theCheapestExactRuleWins() throws {
    let cheap = FakeBackend("cheap", [try .fake(.add, "x:f32 y:f32 -> z:f32", nanoseconds: 1)])
    let dear = FakeBackend("dear", [try .fake(.add, "x:f32 y:f32 -> z:f32", nanoseconds: 1e6)])
    let route = try Runtime.with([dear, cheap]).router.route(request(.add, .float32), origin: Self.origin)
    #expect(route.record.backend == "cheap")
    #expect(route.record.casts.isEmpty)
    #expect(dear.requests.isEmpty, "only the chosen backend is asked to prepare")
  }

  @Test func exactBeatsWidenedUnlessItIsDearer() throws {
    for (exactCost, winner) in [(50.0, "exact"), (1e6, "wide")] {
      let exact = FakeBackend("exact", [try .fake(.add, "x:bf16 y:bf16 -> z:bf16", nanoseconds: exactCost)])
      let wide = FakeBackend("wide", [try .fake(.add, "x:f32 y:f32 -> z:f32", nanoseconds: 1)])
      let route = try Runtime.with([wide, exact], builtin: false).router.route(
        request(.add, .bfloat16), origin: Self.origin)
      #expect(route.record.backend == winner)
      #expect(route.request.inputs[0].dtype == (winner == "exact" ? .bfloat16 : .float32))
      #expect(route.record.candidates.map(\.verdict) == [.chosen, .possible])
    }
  }

  @Test(arguments: [DType.float16, .bfloat16, .float8E5M2]) func wideningIsWrittenDown(_ dtype: DType) throws {
    let wide = FakeBackend("wide", [try .fake(.add, "x:f32 y:f32 -> z:f32")])
    let route = try Runtime.with([wide], builtin: false).router.route(request(.add, dtype), origin: Self.origin)
    #expect(
      route.record.casts == [
        "operand 0 \(dtype) to float32", "operand 1 \(dtype) to float32", "result float32 to \(dtype)",
      ])
    #expect(route.record.dtypes == "\(dtype), \(dtype) -> \(dtype)")
    #expect(route.record.why.contains("through float32"))
  }

  @Test(arguments: [DType.float64, .int32]) func nothingElseIsWidened(_ dtype: DType) throws {
    let wide = FakeBackend("wide", [try .fake(.add, "x:f32 y:f32 -> z:f32")])
    #expect(throws: RuntimeError.self) {
      try Runtime.with([wide], builtin: false).router.route(request(.add, dtype), origin: Self.origin)
    }
  }

  @Test func theRecordSaysAll() throws {
    let picky = FakeBackend("picky", [try .fake(.add, "x:f32[m,n] y:f32[m,n] -> z:f32[m,n]", when: "n % 32 == 0")])
    let route = try Runtime.with([picky]).router.route(request(.add, .float32), origin: Self.origin)
    let record = route.record
    #expect(record.layer == "model.dense")
    #expect(record.phase == .backward)
    #expect(record.operation == "add")
    #expect(record.request == "add float32[4, 4] float32[4, 4] -> float32[4, 4]")
    #expect(record.dtypes == "float32, float32 -> float32")
    #expect(record.backend == "builtin")
    #expect(record.rule == "add.f32")
    #expect(record.why.contains("direct"))
    #expect(record.why.contains("n = 4"), "\(record.why)")
    #expect(record.estimatedNanoseconds > 0)
    #expect(record.candidates[0].verdict == .chosen)
    let dropped = try #require(record.candidates.first { $0.backend == "picky" })
    #expect(dropped.verdict == .dropped)
    #expect(dropped.why.contains("n % 32"))
  }

  @Test(arguments: [BackendError.Kind.declined(.limit), .outOfMemory, .failed(status: 4)])
  func whoDeclinesAtPrepareHandsOver(_ kind: BackendError.Kind) throws {
    let shy = FakeBackend("shy", [try .fake(.add, "x:f32 y:f32 -> z:f32")], decline: { _ in kind })
    let route = try Runtime.with([shy]).router.route(request(.add, .float32), origin: Self.origin)
    #expect(shy.requests.count == 1)
    #expect(route.record.backend == "builtin")
    #expect(
      route.record.candidates.contains { $0.backend == "shy" && $0.verdict != .possible && $0.why == "not today" })
    #expect(route.record.why.contains("shy/add.fake: not today"))
  }

  @Test func nobodyIsAnErrorWithTheReasons() throws {
    let shy = FakeBackend("shy", [try .fake(.add, "x:f32 y:f32 -> z:f32")], decline: { _ in .declined(.limit) })
    let narrow = FakeBackend("narrow", [try .fake(.add, "x:f16 y:f16 -> z:f16")])
    let error = #expect(throws: RuntimeError.self) {
      try Runtime.with([shy, narrow], builtin: false).router.route(request(.add, .float32), origin: Self.origin)
    }
    guard case .noRoute(let layer, let request, let reasons)? = error else { return }
    #expect(layer == "model.dense")
    #expect(request.code == .add)
    #expect(Set(reasons) == ["shy/add.fake: not today", "narrow/add.fake: x is float32, the rule takes float16"])
    let text = error.map { "\($0)" } ?? ""
    #expect(text.contains("model.dense") && text.contains("add float32[4, 4]") && text.contains("not today"))
  }

  @Test func aLooseAccumulatorIsNoMatch() throws {
    let loose = FakeBackend("loose", [try .fake(.add, "x:f64 y:f64 -> z:f64", accumulator: .float32)])
    let route = try Runtime.with([loose]).router.route(request(.add, .float64), origin: Self.origin)
    #expect(route.record.backend == "builtin")
    #expect(route.record.why.contains("accumulates in float32"))
  }

  @Test func stridedOperandsAreMadeDenseForWhoNeedsIt() throws {
    let dense = FakeBackend(
      "dense",
      [
        try .fake(.add, "x:f32 y:f32 -> z:f32", when: "contiguous(x) and contiguous(y)"),
        try .fake(.cast, "x:f32 -> y:f32"),
      ])
    let x = try Tensor([1, 2, 3, 4, 5, 6], shape: [2, 3], dtype: .float32)
    let trace = Trace()
    let symbol = trace.input(x.type, name: "x")
    let plan = try Runtime.with([dense], builtin: false).plan(
      trace.finish([try symbol.transposed() + symbol.reshaped([3, 2])]))
    #expect(plan.records.map(\.operation) == ["cast", "add"])
    #expect(plan.records[1].casts == ["operand 0 made row-major"])
    #expect(plan.records[1].why.contains("row-major"))
    #expect(try plan.run([x])[0].scalars() == [2, 6, 5, 9, 8, 12])
  }

  /// To make its operand dense would be to ask for the very same cast again.
  @Test func aCastIsNotMadeDenseByACast() throws {
    let dense = FakeBackend("dense", [try .fake(.cast, "x:f32 -> y:f32", when: "contiguous(x)")])
    let strided = OperationRequest(
      .cast, inputs: [Operand(dtype: .float32, shape: [2, 3], strides: [1, 2])],
      results: [Operand(dtype: .float32, shape: [2, 3])])
    #expect(throws: RuntimeError.self) {
      try Runtime.with([dense], builtin: false).router.route(strided, origin: Self.origin)
    }
  }

  @Test func contradictoryClaimsHandOver() throws {
    let greedy = FakeBackend(
      "greedy", [try .fake(.add, "x:f32 y:f32 -> z:f32")],
      wrap: { prepared, _ in WrappedOperation(prepared, packing: Packing(operand: 1, bytes: 64, key: [0, 0])) })
    let wild = FakeBackend(
      "wild", [try .fake(.add, "x:f32 y:f32 -> z:f32")],
      wrap: { prepared, _ in WrappedOperation(prepared, consumedEpilogue: 3) })
    let route = try Runtime.with([greedy, wild]).router.route(request(.add, .float32), origin: Self.origin)
    #expect(route.record.backend == "builtin")
    #expect(route.record.candidates.contains { $0.why.contains("no constant") })
    #expect(route.record.candidates.contains { $0.why.contains("3 steps of an epilogue of 0") })
  }

  @Test func durationsAreReadable() {
    #expect(Router.duration(12.7) == "12 ns")
    #expect(Router.duration(1_250) == "1.3 µs")
    #expect(Router.duration(2_500_000) == "2.5 ms")
  }
}
