import Logging
import MezzoBackend
import MezzoGraph
import MezzoPlugins
import MezzoPolicy
import Testing

@testable import MezzoRuntime

/// What happens when backends decline and fail, and what is told of it.
@Suite struct RouterFailureTests {
  private static let origin = Graph.Origin(layer: "model", phase: .forward)

  private func request(_ code: OperationCode = .add, _ dtype: DType = .float32, _ extent: Int = 4) -> OperationRequest {
    let operand = Operand(dtype: dtype, shape: [extent])
    return OperationRequest(code, inputs: [operand, operand], results: [operand])
  }

  private func runtime(
    _ fakes: [FakeBackend], _ words: String = "", lines: Locked<[(Logger.Level, String)]> = Locked([])
  ) throws -> Runtime {
    Runtime(
      BackendRegistry(fakes + BackendRegistry.builtin().backends), threads: 2,
      options: try RoutingOptions(parsing: words), problem: nil,
      notices: Notices { level, text in lines.withLock { $0.append((level, text)) } })
  }

  @Test func declinesAndFailuresAreToldApart() throws {
    for (kind, verdict, reason) in [
      (BackendError.Kind.declined(.limit), RouteRecord.Verdict.declined, "limit"), (.outOfMemory, .failed, "failed"),
      (.failed(status: 4), .failed, "failed"), (.invalid, .failed, "failed"),
    ] {
      let lines = Locked<[(Logger.Level, String)]>([])
      let shy = FakeBackend("shy", [try .fake(.add, "x:f32 y:f32 -> z:f32")], decline: { _ in kind })
      let router = try runtime([shy], "fallback=silent", lines: lines).router
      for _ in 0..<2 {
        let record = try router.route(request(), origin: Self.origin).record
        let candidate = try #require(record.candidates.first { $0.backend == "shy" })
        #expect(candidate.verdict == verdict && candidate.reason == reason && candidate.hint != nil)
        #expect(record.backend == "builtin" && record.isFallback)
      }
      #expect(lines.withLock { $0.count } == (verdict == .failed ? 1 : 0), "a failure is told once")
      #expect(lines.withLock { $0.allSatisfy { $0.0 == .warning && $0.1.contains("not today") } })
    }
  }

  @Test func whoFailsAgainAndAgainIsRetired() throws {
    let lines = Locked<[(Logger.Level, String)]>([])
    let bad = FakeBackend(
      "bad", [try .fake(.add, "x:f32 y:f32 -> z:f32")], decline: { _ in .failed(status: 4) })
    let router = try runtime([bad], "fallback=silent", lines: lines).router
    for _ in 0..<5 { #expect(try router.route(request(), origin: Self.origin).record.backend == "builtin") }
    #expect(bad.requests.count == BackendHealth.limit)
    let record = try router.route(request(), origin: Self.origin).record
    let candidate = try #require(record.candidates.first { $0.backend == "bad" })
    #expect(candidate.why.contains("retired after 3 failures") && candidate.why.contains("not today"))
    #expect(lines.withLock { $0.count { $0.1.contains("asked no more") } } == 1)
  }

  @Test func aSuccessMakesUpForFailures() throws {
    let count = Locked(0)
    let moody = FakeBackend(
      "moody", [try .fake(.add, "x:f32 y:f32 -> z:f32")],
      decline: { _ in
        count.withLock {
          $0 += 1
          return $0 % 3 == 0 ? nil : .failed(status: 4)
        }
      })
    let router = try runtime([moody], "fallback=silent").router
    for _ in 0..<12 { _ = try router.route(request(), origin: Self.origin) }
    #expect(moody.requests.count == 12)
  }

  @Test func fallbacksAreToldOnceAnOperationAndReason() throws {
    let lines = Locked<[(Logger.Level, String)]>([])
    let narrow = FakeBackend(
      "narrow", [try .fake(.add, "x:f16[n] y:f16[n] -> z:f16[n]", when: "n % 32 == 0", nanoseconds: 0)])
    let router = try runtime([narrow], lines: lines).router
    for extent in [4, 5] {
      #expect(try router.route(request(.add, .float16, extent), origin: Self.origin).record.isFallback)
      #expect(try router.route(request(.add, .float32, extent), origin: Self.origin).record.isFallback)
      // Nobody else offers it, so nobody was passed over.
      #expect(try !router.route(request(.multiply, .float16, extent), origin: Self.origin).record.isFallback)
    }
    #expect(try !router.route(request(.add, .float16, 64), origin: Self.origin).record.isFallback)
    let told = lines.withLock { $0 }
    #expect(told.count == 2, "\(told)")
    #expect(told.allSatisfy { $0.0 == .notice && $0.1.contains("falls back to the built-in backend") })
    #expect(told.contains { $0.1.contains("n % 32") } && told.contains { $0.1.contains("the rule takes float16") })
  }

  @Test func theLevelOfFallbacksIsTheUsers() throws {
    let narrow = FakeBackend("narrow", [try .fake(.add, "x:f16 y:f16 -> z:f16")])
    let lines = Locked<[(Logger.Level, String)]>([])
    _ = try runtime([narrow], "fallback=silent", lines: lines).router.route(request(), origin: Self.origin)
    #expect(lines.withLock { $0.isEmpty })
    let error = #expect(throws: RuntimeError.self) {
      try runtime([narrow], "fallback=error").router.route(request(), origin: Self.origin)
    }
    guard case .routing(.fallback(let layer, _, let reasons))? = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(layer == "model" && reasons == ["narrow/add.fake: x is float32, the rule takes float16"])
    #expect(throws: Never.self) {
      try runtime([narrow], "fallback=error").router.route(request(.multiply), origin: Self.origin)
    }
  }

  @Test func strictForbidsSubstitutionsAndBrokenPromises() throws {
    let exact = FakeBackend("exact", [try .fake(.add, "x:f32 y:f32 -> z:f32", nanoseconds: 0)])
    let strict = try runtime([exact], "strict").router
    #expect(try strict.route(request(), origin: Self.origin).record.backend == "exact")
    #expect(try strict.route(request(.multiply, .bfloat16), origin: Self.origin).record.backend == "builtin")
    // A rule for float32 says nothing about other dtypes, which are computed as the policy asks.
    for dtype in [DType.bfloat16, .float64] {
      let record = try strict.route(request(.add, dtype), origin: Self.origin).record
      #expect(record.backend == "builtin" && record.isFallback && record.casts.isEmpty)
      let error = #expect(throws: RuntimeError.self) {
        try runtime([exact], "strict,fallback=error").router.route(request(.add, dtype), origin: Self.origin)
      }
      guard case .routing(.fallback(_, _, let reasons))? = error else {
        Issue.record("\(dtype): \(String(describing: error))")
        continue
      }
      #expect(reasons.count == 1 && reasons[0].contains("exact/add.fake"))
    }
    for kind in [BackendError.Kind.declined(.limit), .failed(status: 4)] {
      let shy = FakeBackend("shy", [try .fake(.add, "x:f32 y:f32 -> z:f32")], decline: { _ in kind })
      // Also where a third backend takes it.
      for others in [[], [FakeBackend("other", [try .fake(.add, "x:f32 y:f32 -> z:f32", nanoseconds: 1e4)])]] {
        let error = #expect(throws: RuntimeError.self) {
          try runtime([shy] + others, "strict,fallback=silent").router.route(request(), origin: Self.origin)
        }
        guard case .routing(.strict(_, _, let problem, let reasons))? = error else {
          Issue.record("\(kind): \(String(describing: error))")
          continue
        }
        #expect(problem.contains("not kept") && reasons == ["shy/add.fake: not today"])
      }
    }
    // Nobody has it as it is asked for; the built-in backend would convert.
    let error = #expect(throws: RuntimeError.self) {
      try strict.route(request(.multiply, .float8E5M2), origin: Self.origin)
    }
    guard case .routing(.strict(_, _, let problem, let reasons))? = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(problem.contains("other dtypes") && reasons.contains { $0.contains("float8_e5m2 to float32") })
  }

  /// The built-in backend would take it, so losing on costs alone is no fallback, and winning on costs is none either.
  @Test func aBetterPriceIsNoFallback() throws {
    let dear = FakeBackend("dear", [try .fake(.add, "x:f32 y:f32 -> z:f32", nanoseconds: 1e9)])
    let record = try runtime([dear], "strict").router.route(request(), origin: Self.origin).record
    #expect(record.backend == "builtin" && !record.isFallback)
  }

  @Test func aProblemOfTheOptionsStopsEveryPlan() throws {
    let runtime = Runtime(
      .builtin(), threads: 1, options: RoutingOptions(), problem: .syntax(text: "wide", message: "expected exact"))
    let error = #expect(throws: RuntimeError.self) { try runtime.router.route(request(), origin: Self.origin) }
    #expect("\(error.map(String.init(describing:)) ?? "")".contains("'wide' cannot be read: expected exact"))
  }
}
