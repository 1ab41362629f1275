#if os(Linux)
  import Foundation
  import MezzoBackend
  import Testing

  @testable import MezzoPlugins

  /// What the manifests that come with Mezzo cost here, found out when somebody asks.
  @Suite struct MeasureTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func registry(_ manifest: Manifest) throws -> BackendRegistry {
      var registry = BackendRegistry()
      registry.discover(
        bundled: [], shipped: [manifest], path: nil, choice: nil, folders: [], with: .test(in: folder))
      return registry
    }

    @Test func aMeasurementIsKeptAndUsed() throws {
      let manifest = try #require(Manifest.shipped.first { $0.id == "xnnpack" })
      guard let before = try registry(manifest).backends.first else {
        withKnownIssue("not tested: apt-get install libxnnpack0") { Issue.record("no library") }
        return
      }
      #expect(before.rules.allSatisfy { $0.measured == nil })
      let costs = try BackendFiles.measure("xnnpack", with: .test(in: folder))
      #expect(costs.map(\.rule) == manifest.rules.map(\.name))
      #expect(costs.allSatisfy { $0.measured > 0 && $0.declared > 0 })
      let after = try #require(try registry(manifest).backends.first)
      #expect(after.rules.map(\.name) == before.rules.map(\.name))
      for (rule, cost) in zip(after.rules, costs) {
        #expect(rule.measured?.measuredNanoseconds == cost.measured)
      }
    }

    /// A verdict against a manifest keeps it out until it is tried again.
    @Test func aFaultThatWasFoundQuarantines() throws {
      let manifest = try #require(Manifest.shipped.first { $0.id == "openblas" })
      let discovery = Discovery.test(in: folder)
      let file = BackendFile(shipped: manifest)
      let key = VerdictCache.key(file, helper: try discovery.helper.get())
      discovery.cache.store(.failed(ProbeFailure(phase: "execute", cause: "it died of SIGSEGV")), file, key: key)
      let entry = try #require(try registry(manifest).entries.first)
      #expect(!entry.isReady && !entry.isAbsent && entry.failure != nil)
      guard case .refused(let reason) = entry.state else { return }
      #expect(reason.contains("in quarantine: it died of SIGSEGV") && reason.contains("mezzo backend measure openblas"))
    }

    @Test func othersAreNotMeasuredThisWay() throws {
      let error = #expect(throws: BackendError.self) { try BackendFiles.measure("nobody", with: .test(in: folder)) }
      #expect(error?.message.contains("openblas") == true)
      let missing = #expect(throws: BackendError.self) {
        var discovery = Discovery.test(in: folder)
        discovery.helper = .failure(.init(message: "add the product"))
        return try BackendFiles.measure("openblas", with: discovery)
      }
      #expect(missing?.message == "it cannot be tried: add the product")
    }
  }
#endif
