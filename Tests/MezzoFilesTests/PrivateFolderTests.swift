import Foundation
import Testing

@testable import MezzoFiles

@Suite struct PrivateFolderTests {
  private let root = FileManager.default.temporaryDirectory.appending(path: "mezzo-\(UUID().uuidString)").path

  private func withRoot(_ body: () throws -> Void) throws {
    try AtomicFile.makeFolder(root)
    defer { try? FileManager.default.removeItem(atPath: root) }
    try body()
  }

  private func mode(_ path: String) -> mode_t {
    var status = stat()
    return stat(path, &status) == 0 ? status.st_mode & 0o777 : 0
  }

  @Test func itIsMadeForItsUserAlone() throws {
    try withRoot { () throws in
      let folder = try PrivateFolder("\(root)/a/b/c")
      #expect(mode(folder.path) == 0o700)
      #expect(mode("\(root)/a/b") & 0o700 == 0o700)
      // What is there is taken as it is.
      chmod(folder.path, 0o755)
      #expect(try PrivateFolder("\(root)/a/b/c").path == folder.path)
      #expect(mode(folder.path) == 0o755)
      symlink(folder.path, "\(root)/link")
      #expect(try PrivateFolder("\(root)/link").entries.isEmpty)
      #expect(try PrivateFolder("\(root)//x/y/").path == "\(root)//x/y")
      #expect(mode("\(root)/x/y") == 0o700)
    }
  }

  @Test(arguments: [0o770, 0o707, 0o777]) func oneThatOthersMayWriteToIsRefused(mode: Int) throws {
    try withRoot { () throws in
      chmod(root, mode_t(mode))
      #expect { try PrivateFolder(root) } throws: {
        "\($0)".contains("others may write to it (mode \(String(mode, radix: 8)))")
      }
    }
  }

  @Test func whatIsNoFolderIsRefused() throws {
    try withRoot { () throws in
      try AtomicFile.write("text", to: "\(root)/file")
      for name in ["file", "file/inner", "file/inner/most"] {
        #expect(throws: FileError.self) { try PrivateFolder("\(root)/\(name)") }
      }
    }
  }

  @Test func theLongestUnusedGoFirst() throws {
    try withRoot { () throws in
      let folder = try PrivateFolder(root)
      for (name, age) in [("b.x", 50), ("a.x", 30), ("c.x", 40), ("d.y", 90)] {
        try AtomicFile.write([1, 2, 3, 4], to: "\(root)/\(name)")
        let then = timeval(tv_sec: time(nil) - age, tv_usec: 0)
        utimes("\(root)/\(name)", [then, then])
      }
      func names(_ limit: Int) -> [String] {
        folder.keep(limit: limit) { $0.hasSuffix(".x") }
        return folder.entries.map(\.name).sorted()
      }
      #expect(names(12) == ["a.x", "b.x", "c.x", "d.y"])
      #expect(names(11) == ["a.x", "c.x", "d.y"])
      #expect(names(3) == ["d.y"], "files of other names stay")
    }
  }
}
