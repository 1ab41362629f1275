import MezzoBackend
import Testing

@testable import MezzoRuntime

@Suite struct RoutingOptionsTests {
  @Test func words() throws {
    #expect(try RoutingOptions(parsing: "") == RoutingOptions())
    let options = try RoutingOptions(parsing: "exact, matmul=any,fallback=error ,extended,denormals", pins: "a=b")
    #expect(options.substitution == .exact)
    #expect(options.operations == [.matmul: .any])
    #expect(options.fallback == .error)
    #expect(options.extendedIntermediates && options.keepsDenormals && !options.isStrict)
    #expect(options.pins == [Pin(layer: "a", backend: "b")])
    #expect(options.substitution(for: .matmul) == .any && options.substitution(for: .add) == .exact)
    #expect(try RoutingOptions(parsing: "any,strict").substitution(for: .add) == .exact, "strict is stricter than all")
  }

  @Test(arguments: ["wide", "matmul=wide", "mat=any", "fallback=never", "fallback="]) func others(_ text: String) {
    let error = #expect(throws: RoutingError.self) { try RoutingOptions(parsing: text) }
    guard case .syntax(let word, let message)? = error else { return }
    #expect(text.hasPrefix(word) && (message.contains("expected") || message.contains("no operation")))
  }

  @Test func numericsFollowTheLadder() throws {
    #expect(RoutingOptions().numerics(for: .matmul) == .usual)
    let any = try RoutingOptions(parsing: "matmul=any")
    #expect(!any.numerics(for: .matmul).isDeterministic && any.numerics(for: .add).isDeterministic)
    #expect(try RoutingOptions(parsing: "denormals").numerics(for: .add) == .strict)
  }
}
