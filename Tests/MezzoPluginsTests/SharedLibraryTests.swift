import Foundation
import MezzoBackend
import Testing

@testable import MezzoPlugins

@Suite(.enabled(if: TestPlugin.compiler != nil)) struct SharedLibraryTests {
  private let folder = try? TemporaryFolder()

  private func refusal(_ source: String) throws -> String {
    let path = try TestPlugin(source: source).build(in: try #require(folder))
    let error = #expect(throws: BackendError.self) { try NativeBackend(library: path) }
    #expect(error?.kind == .unloadable)
    #expect(error?.backend == "plugin\(TestPlugin.suffix)")
    return error?.message ?? ""
  }

  @Test func aLibraryWithoutTheEntryIsRefused() throws {
    #expect(try refusal("int answer(void) { return 42; }").contains("does not export mezzo_backend_query"))
  }

  @Test func aSymbolThatIsMissingIsAnErrorAtOnce() throws {
    let message = try refusal(
      """
      void not_defined_anywhere(void);
      void never_called(void) { not_defined_anywhere(); }
      void *mezzo_backend_query(void *offer) { return 0; }
      """)
    #expect(message.contains("not_defined_anywhere"))
  }

  @Test func aFileThatIsNoLibraryIsRefusedBeforeTheLoaderSeesIt() throws {
    let path = try #require(folder).file("text.so")
    try "not a library".write(toFile: path, atomically: true, encoding: .utf8)
    let error = #expect(throws: BackendError.self) { try SharedLibrary(path: path, name: "text") }
    #expect(error?.backend == "text")
    #expect(error?.kind == .unloadable)
    #expect(error?.message.contains(path) == true)
  }

  @Test func aBareNameIsAFileHereAndNothingOfTheLoaders() {
    // The loader would find the C library by this name; a file of this name is not here.
    let error = #expect(throws: BackendError.self) { try SharedLibrary(path: "libc.so.6", name: "c") }
    #expect(error?.message == "libc.so.6: No such file or directory")
  }
}
