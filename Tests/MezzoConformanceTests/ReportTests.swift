import Foundation
import MezzoBackend
import MezzoConformance
import MezzoPlugins
import Testing

struct ReportTests {
  private func report() throws -> ConformanceReport {
    let backend = try FakeBackend(.add, "x:f32 y:f32 -> z:f32") { call in
      call.result.write(sum(call).map { $0.isNaN ? 0 : $0 })
    }
    return ConformanceKit(backend: backend, reference: nil).run()
  }

  @Test func surviveJSONWithNaNAndInfinities() throws {
    let report = try report()
    #expect(!report.failures.isEmpty)
    #expect(try JSONDecoder().decode(ConformanceReport.self, from: JSONEncoder().encode(report)) == report)
  }

  @Test func saysWhatWentWrongWithWhichRequest() throws {
    let report = try report()
    let text = report.description
    #expect(
      text.hasPrefix("backend fake 1: DOES NOT CONFORM\n  \(report.cases) cases: \(report.passed) passed, 1 failed"))
    #expect(text.contains("add float32[625] float32[625] -> float32[625]"))
    #expect(text.contains("expected nan, got 0.0"))
  }

  @Test func sameSeedMakesTheSameReport() throws {
    #expect(try report() == report())
  }
}
