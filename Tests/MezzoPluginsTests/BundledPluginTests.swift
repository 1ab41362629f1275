#if os(Linux)
  import Glibc
  import MezzoBackend
  import Testing

  @testable import MezzoPlugins

  /// The package's own plugins, as they lie beside the test runner.
  @Suite struct BundledPluginTests {
    private func library(_ product: String) throws -> String {
      let path = try #require(SearchPath.bundled(product))
      try #require(LibraryFile.exists(path), "\(path) is built with the tests")
      return path
    }

    @Test func theTemplateWorks() throws {
      let backend = try NativeBackend(library: try library("MezzoCTemplate"))
      #expect(backend.id == "template")
      let rule = try #require(backend.rules.first { $0.code == .relu })
      let request = reluRequest(3)
      #expect(rule.match(request, threads: 1) == .matches)
      let operation = try backend.prepare(request, rule: rule, threads: 1)
      #expect(try execute(operation, on: [-1, 0, 2]) == [0, 0, 2])
    }

    /// Where the system has oneDNN, the backend must be ready: declining is right only where it is missing.
    @Test func oneDNNLoadsOrSaysWhatToInstall() throws {
      let path = try library("MezzoOneDNN")
      let isInstalled = dlopen("libdnnl.so.2", RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE) != nil
      do throws(BackendError) {
        let backend = try NativeBackend(library: path)
        #expect(backend.id == "onednn")
        #expect(backend.rules.contains { $0.code == .matmul })
      } catch {
        #expect(!isInstalled, "\(error)")
        #expect(error.isDecline)
        #expect(error.message.contains("install oneDNN"))
      }
    }
  }
#endif
