import CMezzoHost
import Foundation
import Testing

@testable import MezzoPlugins

/// What packed weights on disk are kept under.
@Suite struct CodeIdentityTests {
  private func address(_ name: String, in library: String) throws -> UnsafeRawPointer {
    let handle = try #require(dlopen(library, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE))
    return UnsafeRawPointer(try #require(dlsym(handle, name)))
  }

  #if canImport(Glibc)
    /// That of the file, though nobody reads it.
    @Test func aLibraryWithABuildIDHasThat() throws {
      let library = try #require(LoadedLibraries.paths().first { $0.hasSuffix("/libc.so.6") })
      let id = try #require(ELFFile(library)?.buildID)
      let identity = CodeIdentity.of(try address("qsort", in: library))
      #expect(identity == "build-id:\(id)" + String(repeating: "0", count: max(64 - id.count, 0)))
    }
  #endif

  /// Libraries of one source but for a number in it: neither has a name for its build.
  @Test(.enabled(if: TestPlugin.compiler != nil)) func aLibraryWithoutOneHasTheHashOfItsCode() throws {
    let folder = try TemporaryFolder()
    func identity(_ number: Int, _ name: String) throws -> String {
      let library = try TestPlugin(
        arguments: ["-Wl,--build-id=none"], source: "int answer(void) { return \(number); }"
      ).build(in: folder, as: name)
      return try #require(CodeIdentity.of(try address("answer", in: library)))
    }
    let first = try identity(1, "first")
    #expect(first.hasPrefix("hash:"))
    #expect(try identity(1, "same") == first)
    #expect(try identity(2, "other") != first)
  }

  @Test func whatIsNoCodeHasNone() throws {
    let bytes = UnsafeMutableRawPointer.allocate(byteCount: 1 << 20, alignment: 64)
    defer { bytes.deallocate() }
    #expect(CodeIdentity.of(bytes) == nil)
    let code = try #require(dlsym(dlopen(nil, RTLD_NOW), "malloc"))
    #expect(CodeIdentity(of: [UnsafeRawPointer(bytes), UnsafeRawPointer(code)]).text == nil)
    #expect(CodeIdentity(of: []).text == nil)
    let known = CodeIdentity(of: [UnsafeRawPointer(code), UnsafeRawPointer(code)])
    #expect(known.text == CodeIdentity.of(code) && known.text != nil)
  }
}
