import Foundation
import Testing

@testable import MezzoFiles

@Suite struct AtomicFileTests {
  private func withFolder(_ body: (URL) throws -> Void) throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "mezzo-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    try body(folder)
  }

  @Test func aFileIsReplacedAsAWhole() throws {
    try withFolder { folder in
      let path = folder.appending(path: "file").path(percentEncoded: false)
      try AtomicFile.write("first, which is longer", to: path)
      try AtomicFile.write([1, 2, 3], to: path)
      #expect(try AtomicFile.read(path) == [1, 2, 3])
      #expect(AtomicFile.exists(path) && !AtomicFile.isDirectory(path))
      // Nothing of the temporary files is left.
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["file"])
    }
  }

  @Test func whatCannotBeWrittenLeavesNothing() throws {
    try withFolder { folder in
      // A folder that is not empty cannot be renamed over.
      let path = folder.appending(path: "folder").path(percentEncoded: false)
      try FileManager.default.createDirectory(atPath: "\(path)/inner", withIntermediateDirectories: true)
      #expect { try AtomicFile.write("text", to: path) } throws: {
        guard case .unwritable(path, _)? = $0 as? FileError else { return false }
        return "\($0)".contains("cannot write \(path)")
      }
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["folder"])
      #expect(throws: FileError.self) { try AtomicFile.write("text", to: "\(path)/no/such/folder") }
    }
  }

  @Test func readingIsLimitedToRegularFilesOfAFittingSize() throws {
    try withFolder { folder in
      let path = folder.appending(path: "file").path(percentEncoded: false)
      #expect(throws: FileError.self) { try AtomicFile.read(path) }
      try AtomicFile.write("12345", to: path)
      #expect(try AtomicFile.read(path, limit: 5).count == 5)
      #expect { try AtomicFile.read(path, limit: 4) } throws: { "\($0)".contains("it has 5 bytes, expected at most 4") }
      #expect { try AtomicFile.read("/dev/zero", limit: 4) } throws: { "\($0)".contains("not a regular file") }
      try AtomicFile.write("", to: path)
      #expect(try AtomicFile.read(path) == [])
    }
  }
}
