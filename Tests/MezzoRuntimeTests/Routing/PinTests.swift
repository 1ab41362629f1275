import MezzoBackend
import MezzoGraph
import MezzoPlugins
import MezzoPolicy
import Testing

@testable import MezzoRuntime

@Suite struct PinTests {
  private static let origin = Graph.Origin(layer: "encoder.0.query", phase: .forward)
  private let request = OperationRequest(
    .add, inputs: [.init(dtype: .float32, shape: [4]), .init(dtype: .float32, shape: [4])],
    results: [.init(dtype: .float32, shape: [4])])

  private func runtime(_ pins: String, _ fakes: [FakeBackend]) throws -> Runtime {
    Runtime(
      BackendRegistry(fakes + BackendRegistry.builtin().backends), options: try RoutingOptions(parsing: "", pins: pins))
  }

  private func error(_ body: () throws -> Void) -> RoutingError? {
    do {
      try body()
      return nil
    } catch {
      if case .routing(let routing)? = error as? RuntimeError { return routing }
      return nil
    }
  }

  @Test(arguments: [
    ("encoder.*=onednn", "encoder.*=onednn"), (" op:matmul = openblas/sgemm ", "op:matmul=openblas/sgemm"),
    ("op:matmul&decoder.*=builtin", "decoder.*&op:matmul=builtin"), ("*=x/a*", "*=x/a*"),
  ]) func readsAndPrints(_ text: String, _ printed: String) throws {
    let pin = try Pin(parsing: text)
    #expect(pin.description == printed)
    #expect(try Pin(parsing: pin.description) == pin)
  }

  @Test(arguments: [
    ("", "WHERE=BACKEND"), ("encoder", "WHERE=BACKEND"), ("a=b=c", "WHERE=BACKEND"), ("=onednn", "WHERE=BACKEND"),
    ("a=", "WHERE=BACKEND"), ("op:nothing=onednn", "no operation nothing"), ("op:add&op:add=x", "one op:"),
    ("a&b=x", "one path"), ("a&=x", "before ="), ("a=x/", "BACKEND/RULE"), ("a=/x", "BACKEND/RULE"),
  ]) func whatCannotBeReadIsSaid(_ text: String, _ part: String) {
    let error = #expect(throws: RoutingError.self) { try Pin(parsing: text) }
    #expect("\(error.map(String.init(describing:)) ?? "")".contains(part))
  }

  @Test func listsOfPins() throws {
    let pins = try Pin.list(parsing: "a=x, op:add=y/z;\n b=w\n")
    #expect(pins.map(\.description) == ["a=x", "op:add=y/z", "b=w"])
    #expect(throws: RoutingError.self) { try Pin.list(parsing: "a=x,b") }
  }

  @Test(arguments: [
    ("*", "", true), ("*", "a.b", true), ("a", "a", true), ("a", "ab", false), ("a*", "ab", true), ("*b", "ab", true),
    ("a*c", "abc", true), ("a*c", "ac", true), ("a*c", "a", false), ("a*a", "a", false), ("*.0.*", "x.0.y", true),
    ("*.0.*", "x.10.y", false), ("*a*b*", "xbxax", false), ("*a*b*", "xaxbx", true), ("", "", true), ("", "a", false),
  ]) func patterns(_ pattern: String, _ text: String, _ matches: Bool) {
    #expect(PathPattern(pattern).matches(text) == matches)
  }

  @Test func aPinWinsOverTheCost() throws {
    let cheap = FakeBackend("cheap", [try .fake(.add, "x:f32 y:f32 -> z:f32", nanoseconds: 1)])
    let dear = FakeBackend("dear", [try .fake(.add, "x:f32 y:f32 -> z:f32", nanoseconds: 1e9)])
    for (pins, winner) in [
      ("", "cheap"), ("op:add=dear", "dear"), ("encoder.*=dear", "dear"), ("decoder.*=dear", "cheap"),
      ("op:multiply=builtin", "cheap"), ("op:add=dear,encoder.*=builtin", "builtin"), ("*=dear/add.*", "dear"),
    ] {
      let route = try runtime(pins, [cheap, dear]).router.route(request, origin: Self.origin)
      #expect(route.record.backend == winner, "\(pins)")
      if winner == "dear" { #expect(route.record.why.contains("pinned by \(route.record.pin ?? "?")")) }
    }
  }

  /// A place is pinned to a backend that offers products alone: its other operations go where they would.
  @Test func aPinOfAPlaceConcernsWhatTheBackendOffers() throws {
    let products = FakeBackend("products", [try .fake(.matmul, "A:f32[m,k] B:f32[k,n] -> C:f32[m,n]")])
    let route = try runtime("encoder.*=products", [products]).router.route(request, origin: Self.origin)
    #expect(route.record.backend == "builtin")
    #expect(route.record.pin == nil)
    let problem = error {
      _ = try Runtime(
        BackendRegistry([products] + BackendRegistry.builtin().backends),
        pins: [Pin(operation: .add, backend: "products")]
      ).router.route(request, origin: Self.origin)
    }
    #expect("\(problem.map(String.init(describing:)) ?? "")".contains("products has no rule for add"))
  }

  @Test func aPinThatCannotBeHonouredSaysWhy() throws {
    let picky = FakeBackend("picky", [try .fake(.add, "x:f32[n] y:f32[n] -> z:f32[n]", when: "n % 3 == 0")])
    let shy = FakeBackend(
      "shy", [try .fake(.add, "x:f32 y:f32 -> z:f32")], decline: { _ in .declined(.limit) })
    for (pins, part) in [("op:add=picky", "n % 3"), ("encoder.*=picky/add.fake", "n % 3"), ("op:add=shy", "not today")]
    {
      let problem = error {
        _ = try runtime(pins, [picky, shy]).router.route(request, origin: Self.origin)
      }
      guard case .pinned(let pin, let layer, _, let reasons)? = problem else {
        Issue.record("\(pins): \(String(describing: problem))")
        continue
      }
      #expect(pin.description == pins)
      #expect(layer == "encoder.0.query")
      #expect(reasons.count == 1 && reasons[0].contains(part), "\(reasons)")
    }
  }

  @Test(arguments: [
    ("a=nobody", "there is no backend nobody; there are picky, builtin"), ("a=picky/sub*", "picky has no rule sub*"),
    ("a&op:add=picky/add.fak", "it has add.fake"),
  ]) func aPinToNobodyIsAnErrorAtOnce(_ pins: String, _ part: String) throws {
    let picky = FakeBackend("picky", [try .fake(.add, "x:f32[n] y:f32[n] -> z:f32[n]")])
    let problem = error {
      _ = try runtime(pins, [picky]).router.route(request, origin: Self.origin)
    }
    #expect("\(problem.map(String.init(describing:)) ?? "")".contains(part), "\(String(describing: problem))")
  }
}
