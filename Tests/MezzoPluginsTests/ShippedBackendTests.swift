#if os(Linux)
  import Dispatch
  import Foundation
  import MezzoBackend
  import MezzoPolicy
  import Testing

  @testable import MezzoPlugins

  /// Manifests that come with the program: found by themselves, opened late, missing without a fuss.
  @Suite(.enabled(if: TestPlugin.compiler != nil)) struct ShippedBackendTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    /// A library that leaves a file behind when it is opened.
    private func manifest(_ id: String = "shipped", symbol: String = "relu", threads: String = "") throws -> Manifest {
      var plugin = TestPlugin()
      plugin.source = """
        #include <stdint.h>
        #include <stdio.h>
        __attribute__((constructor)) static void opened(void) { fclose(fopen("\(folder.file("opened"))", "w")); }
        void relu(const float *x, float *y, int64_t n) { for (int64_t i = 0; i < n; i++) y[i] = x[i] > 0 ? x[i] : 0; }
        """
      let path = try plugin.build(in: folder, as: id)
      return try Manifest(parsing: Self.text(id, library: path, symbol: symbol, threads: threads), path: "\(id).toml")
    }

    private static func text(_ id: String, library: String, symbol: String, threads: String = "") -> String {
      let arguments = #"[["ptr", "x"], ["ptr", "y"], ["i64", "count(x)"]]"#
      return """
        manifest = 1
        [backend]
        id = "\(id)"
        version = "1"
        [library]
        names = ["/nowhere/absent.so", "\(library)"]
        \(threads)
        [[bind]]
        name = "relu"
        op = "relu"
        sig = "x:f32 -> y:f32"
        when = "contiguous(x) and contiguous(y)"
        symbol = "\(symbol)"
        args = \(arguments)
        [[bind]]
        name = "late"
        op = "abs"
        sig = "x:f32 -> y:f32"
        when = "contiguous(x) and contiguous(y)"
        symbol = "late_relu"
        optional = true
        args = \(arguments)
        """
    }

    private func registry(_ manifests: [Manifest], choice: String? = nil) -> BackendRegistry {
      var registry = BackendRegistry()
      registry.discover(
        bundled: [], shipped: manifests, path: nil, choice: choice, folders: [], with: .trusting(in: folder))
      return registry
    }

    private var isOpened: Bool { FileManager.default.fileExists(atPath: folder.file("opened")) }

    @Test func theLibraryIsOpenedByTheFirstOperation() throws {
      let registry = registry([try manifest()])
      let entry = try #require(registry.entries.first)
      let backend = try #require(registry.backends.first)
      #expect(entry.trust == .builtIn && entry.isReady && !entry.isAbsent)
      #expect(backend.origin == folder.file("shipped.so") && backend.version == "1")
      #expect(backend.rules.map(\.name) == ["relu"])
      #expect(backend.droppedRules.map(\.rule.name) == ["late"])
      #expect(backend.droppedRules[0].reason.hasPrefix("symbol late_relu is not exported by"))
      #expect(backend.callKind(of: backend.rules[0]) == .foreign(arguments: 3))
      #expect(backend.fingerprint.hasPrefix("sha256:"))
      #expect(!isOpened, "all that is known from the files")
      let operation = try backend.prepare(reluRequest(3), rule: backend.rules[0], threads: 1)
      #expect(isOpened)
      #expect(try execute(operation, on: [-1, 0, 2]) == [0, 0, 2])
    }

    @Test func aLibraryThatIsNotInstalledIsNoFault() throws {
      let absent = try Manifest(
        parsing: Self.text("absent", library: "libmezzo-is-not-installed.so.1", symbol: "relu"), path: "absent.toml")
      let registry = registry([absent, try manifest()])
      #expect(registry.entries.map(\.name) == ["absent", "shipped"])
      #expect(registry.entries[0].isAbsent && !registry.entries[0].isReady)
      #expect(registry.faults.isEmpty)
      #expect(registry.refused.first?.reason.contains("libmezzo-is-not-installed.so.1") == true)
      let elsewhere = try Manifest(
        parsing: Self.text("elsewhere", library: "x.so", symbol: "relu").replacing(
          "[library]\n", with: "[library]\nrequires = { arch = [\"s390x\", \"ppc64le\"] }\n"), path: "elsewhere.toml")
      #expect(self.registry([elsewhere]).entries.first?.isAbsent == true)
    }

    @Test func whatTheLibraryLacksDeclinesWhenItIsOpened() throws {
      let backend = try #require(registry([try manifest(symbol: "misspelt")]).backends.first)
      let error = #expect(throws: BackendError.self) {
        try backend.prepare(reluRequest(3), rule: backend.rules[0], threads: 1)
      }
      #expect(error?.kind == .declined(.symbol) && error?.message.contains("misspelt") == true)
    }

    @Test func anotherBackendOfTheNameComesFirst() throws {
      let own = try manifest("taken")
      var registry = BackendRegistry([try ManifestBackend(own)])
      registry.discover(
        bundled: [], shipped: [own], path: nil, choice: nil, folders: [], with: .trusting(in: folder))
      #expect(registry.entries.count == 1 && registry.entries[0].trust == nil)
    }

    @Test(arguments: [("-shipped", false), ("only:shipped", true), ("only:", false)])
    func aChoiceLeavesThemOut(_ choice: String, _ isReady: Bool) throws {
      let shipped = try manifest()
      #expect(registry([shipped], choice: choice).entries.first?.isReady == isReady)
      var chosen = registry([shipped])
      chosen.choose(choice)
      #expect(chosen.entries.first?.isReady == isReady)
      #expect(chosen.faults.isEmpty, "what was left out is no fault")
    }

    /// One whose builds are known to do harm is not in before a probe was passed.
    @Test func whatHasToBeTriedFirstWaits() throws {
      let entry = try #require(registry([try manifest("blis")]).entries.first)
      #expect(!entry.isReady && entry.isAbsent)
      guard case .refused(let reason) = entry.state else { return }
      #expect(reason.contains("mezzo backend measure blis"))
      #expect(!isOpened)
    }

    @Test func allOfThemAreReadAndListed() {
      var registry = BackendRegistry()
      registry.discover(bundled: [])
      let names = Set(registry.entries.map(\.name))
      #expect(names.isSuperset(of: ["openblas", "blis", "onednn-gemm", "xnnpack"]))
      #expect(registry.backends.compactMap { $0 as? ShippedBackend }.allSatisfy { !$0.isOpen })
    }
  }
#endif
