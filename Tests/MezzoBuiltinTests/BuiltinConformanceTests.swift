import MezzoBackend
import MezzoConformance
import MezzoPlugins
import MezzoPolicy
import MezzoRuntime
import Testing

struct BuiltinConformanceTests {
  private let floats: [DType] = [.float64, .float32, .float16, .bfloat16]

  @Test func everyOperationOfEveryDTypeIsRight() throws {
    let builtin = try #require(BackendRegistry.builtin().backends.first)
    let report = ConformanceKit(backend: builtin, reference: builtin).run()
    #expect(report.isConforming, "\(report)")
    #expect(report.declined == 0, "\(report)")
    #expect(report.untestedRules.isEmpty)
    for code in OperationCode.allCases {
      for dtype in dtypes(code) { #expect(report.covers(code, dtype), "\(code) \(dtype)") }
    }
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
