import Foundation
import Testing

@testable import MezzoFiles

@Suite struct MappedFileTests {
  private let path = FileManager.default.temporaryDirectory.appending(path: "mezzo-\(UUID().uuidString)").path

  private func withFile(_ bytes: [UInt8], _ body: () throws -> Void) throws {
    try AtomicFile.write(bytes, to: path)
    defer { unlink(path) }
    try body()
  }

  @Test func bytesStayWhenTheFileGoes() throws {
    let bytes = (0..<10_000).map { UInt8(truncatingIfNeeded: $0 &* 7) }
    try withFile(bytes) { () throws in
      let file = try MappedFile(path)
      unlink(path)
      try file.load()
      #expect(file.bytes.elementsEqual(bytes))
      file.rest(file.bytes)
      #expect(file.bytes.elementsEqual(bytes))
      try file.requireWhole()
    }
  }

  @Test func anEmptyFileHasNoBytes() throws {
    try withFile([]) { () throws in
      let file = try MappedFile(path)
      #expect(file.bytes.isEmpty)
      try file.load()
      file.rest(file.bytes)
    }
  }

  @Test func aFileThatBecameShorterIsToldOf() throws {
    try withFile([1, 2, 3]) { () throws in
      let file = try MappedFile(path)
      truncate(path, 1)
      #expect(throws: FileError.truncated(path: path, expected: 3, found: 1)) { try file.requireWhole() }
      #if os(Linux)
        truncate(path, 0)
        #expect(throws: FileError.self, "a look at it would end the process") { try file.load() }
      #endif
    }
  }

  /// Vectors go on to the end of the last page and no further.
  @Test func vectorsEndWithThePage() throws {
    let page = Int(sysconf(Int32(_SC_PAGESIZE)))
    try withFile([UInt8](repeating: 1, count: page + 1)) { () throws in
      let file = try MappedFile(path)
      func ends(_ range: Range<Int>) -> Bool {
        file.hasWholeVectors(UnsafeRawBufferPointer(rebasing: file.bytes[range]))
      }
      #expect(ends(0..<page + 1) && ends(0..<1) && ends(page..<page + 1))
    }
    try withFile([UInt8](repeating: 1, count: page)) { () throws in
      let file = try MappedFile(path)
      #expect(file.hasWholeVectors(UnsafeRawBufferPointer(rebasing: file.bytes[64...])))
      #expect(!file.hasWholeVectors(UnsafeRawBufferPointer(rebasing: file.bytes[1...])))
    }
  }

  @Test func onlyFilesOfItsUserAloneAreItsOwn() throws {
    try withFile([1, 2, 3]) { () throws in
      #expect(try MappedFile(path, isOwn: true).bytes.count == 3)
      chmod(path, 0o666)
      #expect(throws: FileError.self) { try MappedFile(path, isOwn: true) }
      #expect(try MappedFile(path).bytes.count == 3)
      chmod(path, 0o644)
      let link = "\(path)-link"
      symlink(path, link)
      defer { unlink(link) }
      #expect(throws: FileError.self) { try MappedFile(link, isOwn: true) }
      #expect(try MappedFile(link).bytes.count == 3)
    }
  }

  @Test func aUseIsNotedToTheHour() throws {
    func modified() -> Int {
      var status = stat()
      return stat(path, &status) == 0 ? PrivateFolder.seconds(status) : 0
    }
    try withFile([1]) { () throws in
      let now = time(nil)
      for (age, isNoted) in [(7200, true), (1800, false)] {
        let then = timeval(tv_sec: now - age, tv_usec: 0)
        utimes(path, [then, then])
        try MappedFile(path).noteUse()
        #expect((modified() >= now) == isNoted)
      }
    }
  }
}
