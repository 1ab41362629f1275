#if os(Linux)
  import CMezzoHost
  import Foundation
  import MezzoBackend
  import MezzoGraph
  import MezzoPolicy
  import MezzoRuntime
  import Testing

  @testable import MezzoPlugins

  /// The host survives each of them, says why it refused it, and computes on another backend.
  @Suite(.enabled(if: TestPlugin.compiler != nil)) struct HostileTests {
    @Test(arguments: Hostile.all) func isRefusedWithItsReason(hostile: Hostile) throws {
      let finding = try #require(try Hostile.findings.get()[hostile.name])
      guard case .failure(let refusal) = finding.result else {
        Issue.record("\(hostile.name) passed")
        return
      }
      // A sanitizer reports a bad access itself, and ends the process with a status of its own.
      let isReported = mezzo_is_sanitized() != 0 && hostile.reason == "SIGSEGV"
      let reason = isReported ? "it ended the process with status" : hostile.reason
      #expect(refusal.reason.contains(reason), "\(refusal.reason)")
      if let phase = hostile.phase {
        let failure = try #require(refusal.failure, "\(refusal.reason)")
        #expect(failure.phase.contains(phase), "\(failure)")
      }
      #expect(refusal.reason.utf8.count < 4096)
    }

    @Test func theWorkIsDoneByAnother() throws {
      let folder = try TemporaryFolder()
      var files: [String] = []
      for hostile in Hostile.all where !hostile.hangs {
        let name = "\(hostile.name)-work"
        if ["aborts-on-load-work", "crashes-in-execute-work", "leaks-in-plan-work"].contains(name) {
          files.append(try hostile.plugin.build(in: folder, as: name))
        }
      }
      var registry = BackendRegistry.builtin()
      registry.discover(
        bundled: [], path: files.joined(separator: ":"), choice: nil, folders: [], with: .test(in: folder))
      #expect(registry.backends.map(\.id) == ["builtin"])
      #expect(registry.refused.count == files.count)
      #expect(registry.entries.dropFirst().allSatisfy { $0.failure != nil && $0.trust == .named })
      let x = try Tensor([-1, 0, 2], shape: [3], dtype: .float32)
      let y = try Runtime(registry).evaluate([x]) { [try $0[0].relu()] }
      #expect(y[0].scalars() == [0, 0, 2])
    }
  }
#endif
