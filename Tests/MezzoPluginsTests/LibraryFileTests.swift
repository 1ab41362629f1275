import Dispatch
import Foundation
import MezzoPolicy
import Testing

@testable import MezzoPlugins

@Suite struct LibraryFileTests {
  private let folder = try? TemporaryFolder()

  private func file(_ bytes: some Sequence<UInt8>) throws -> String {
    let path = try #require(folder).file("file")
    try Data(bytes).write(to: URL(filePath: path))
    return path
  }

  @Test func whatIsNotThereIsADefect() {
    #expect(LibraryFile.defect(at: "/nowhere/x.so") == "/nowhere/x.so: No such file or directory")
    #expect(!LibraryFile.exists("/nowhere/x.so"))
  }

  @Test func aDirectoryIsADefect() throws {
    let path = try #require(folder).path
    #expect(LibraryFile.exists(path))
    #expect(LibraryFile.defect(at: path) == "\(path) is not a regular file")
  }

  @Test func aPipeDoesNotBlock() throws {
    let path = try #require(folder).file("pipe")
    try #require(mkfifo(path, 0o600) == 0)
    let answered = DispatchSemaphore(value: 0)
    let defect = Locked<String?>(nil)
    Thread {
      let answer = LibraryFile.defect(at: path)
      defect.withLock { $0 = answer }
      answered.signal()
    }.start()
    #expect(answered.wait(timeout: .now() + 20) == .success, "the pipe has no writer, and its reader waits")
    #expect(defect.withLock { $0 } == "\(path) is not a regular file")
  }

  #if os(Linux) || os(Android)
    @Test func textAndNothingAreDefects() throws {
      for text in ["", "not a library", String(repeating: "x", count: 10_000)] {
        let path = try file(text.utf8)
        let expected =
          "\(path) is not a shared library: it does not begin with an ELF header (\(text.utf8.count) bytes)"
        #expect(LibraryFile.defect(at: path) == expected)
      }
    }

    @Test(.enabled(if: TestPlugin.compiler != nil)) func everyTruncationIsADefect() throws {
      let whole = try Data(contentsOf: URL(filePath: TestPlugin().build(in: try #require(folder))))
      #expect(LibraryFile.defect(at: try file(whole)) == nil)
      for length in stride(from: 0, to: whole.count, by: max(1, whole.count / 200)) + [whole.count - 1] {
        let defect = LibraryFile.defect(at: try file(whole.prefix(length)))
        #expect(defect?.contains(length < 16 ? "is not a shared library" : "is truncated") == true, "\(length) bytes")
      }
    }

    @Test(.enabled(if: TestPlugin.compiler != nil)) func mutatedHeadersNeverTrap() throws {
      let whole = try Data(contentsOf: URL(filePath: TestPlugin().build(in: try #require(folder))))
      var random = Xorshift(state: 0xF11E)
      var defects = 0
      for _ in 0..<500 {
        var bytes = whole
        for _ in 0..<Int.random(in: 1...4, using: &random) {
          bytes[Int.random(in: 0..<400, using: &random)] = UInt8.random(in: 0...255, using: &random)
        }
        if LibraryFile.defect(at: try file(bytes)) != nil { defects += 1 }
      }
      #expect((1..<500).contains(defects))
    }
  #endif
}
