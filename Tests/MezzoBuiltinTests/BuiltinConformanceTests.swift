import CMezzoHost
import MezzoBackend
import MezzoConformance
import MezzoPlugins
import MezzoPolicy
import MezzoRuntime
import Testing

struct BuiltinConformanceTests {
  private let floats: [DType] = [.float64, .float32, .float16, .bfloat16]

  /// One test an operation, so that they share the cores.
  @Test(arguments: OperationCode.allCases) func everyDTypeIsRight(of code: OperationCode) throws {
    let builtin = try #require(BackendRegistry.builtin().backends.first)
    var kit = ConformanceKit(backend: OneOperation(code, of: builtin), reference: builtin)
    let isSanitized = mezzo_is_sanitized() != 0
    if isSanitized { kit.stride = 7 }
    let report = kit.run()
    #expect(report.isConforming, "\(report)")
    #expect(report.declined == 0, "\(report)")
    #expect(report.untestedRules.isEmpty)
    for dtype in dtypes(code) where !isSanitized { #expect(report.covers(code, dtype), "\(code) \(dtype)") }
  }

  /// What the meaning of an operation leaves open.
  private func dtypes(_ code: OperationCode) -> [DType] {
    switch code {
    case .logicalAnd: [.bool]
    case .randomUniform: [.float32]
    default: floats
    }
  }
}

/// A backend with the rules of one operation alone.
private final class OneOperation: Backend {
  let rules: [Rule]
  private let base: any Backend

  init(_ code: OperationCode, of base: any Backend) {
    rules = base.rules.filter { $0.code == code }
    self.base = base
  }

  var id: String { base.id }
  var version: String { base.version }
  var origin: String { base.origin }

  func callKind(of rule: Rule) -> CallKind { base.callKind(of: rule) }

  func prepare(_ request: OperationRequest, rule: Rule, threads: Int) throws(BackendError) -> any PreparedOperation {
    try base.prepare(request, rule: rule, threads: threads)
  }
}
