import MezzoBackend
import MezzoConformance
import Testing

/// Between guard pages, what canaries cannot see kills the process, so each of these has one of its own.
struct GuardPagesTests {
  private static func run(_ kernel: @escaping FakeBackend.Kernel) throws -> ConformanceReport {
    let backend = try FakeBackend(.relu, "x:f32 -> y:f32", kernel: kernel)
    return ConformanceKit(backend: backend, reference: nil, guarding: .pages).run()
  }

  private static func relu(_ call: borrowing Call) {
    call.result.write(call.input(0).values.map { $0 > 0 || $0.isNaN ? $0 : 0 })
  }

  @Test func rightBackendPasses() throws {
    let report = try Self.run(Self.relu)
    #expect(report.isConforming, "\(report)")
    #expect(report.passed == report.cases)
  }

  @Test func readsPastItsOperand() async {
    await #expect(processExitsWith: .failure) {
      _ = try GuardPagesTests.run { call in
        GuardPagesTests.relu(call)
        let operand = call.input(0)
        if operand.data[(operand.offsets.max() ?? -1) + 1] == 12345 { operand.data[0] = 0 }
      }
    }
  }

  @Test func readsBeforeItsOperand() async {
    await #expect(processExitsWith: .failure) {
      _ = try GuardPagesTests.run { call in
        GuardPagesTests.relu(call)
        let operand = call.input(0)
        if operand.data[-1] == 12345 { operand.data[0] = 0 }
      }
    }
  }
}

/// What no rule claims has to be declined.
struct DeclineTests {
  @Test func takesWhatItsRulesDoNotClaim() throws {
    let backend = try FakeBackend(.relu, "x:f32 -> y:f32", takesAttributes: true) { _ in }
    var kit = ConformanceKit(backend: backend, reference: nil)
    kit.levels = [.decline]
    let report = kit.run()
    let told = report.failures.map(\.what)
    for part in ["operand 0 is float64", "the operation is matmul", "unknown attribute", "no operands"] {
      #expect(told.contains { $0.contains(part) }, "\(part) is missing in \(told)")
    }
    #expect(report.failures.allSatisfy { $0.level == .decline && $0.advice != nil })
    #expect(report.cases == 0)
  }

  @Test func declinesEverything() throws {
    let backend = try FakeBackend(.relu, "x:f32 -> y:f32", declines: true) { _ in }
    var kit = ConformanceKit(backend: backend, reference: nil)
    kit.levels = [.decline]
    #expect(kit.run().isConforming)
  }
}
