#if os(Linux)
  import Foundation
  import Testing

  @testable import MezzoPlugins

  /// What a library says of itself, read from the file alone.
  @Suite(.enabled(if: TestPlugin.compiler != nil)) struct ELFFileTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func library(_ flags: [String] = []) throws -> String {
      var plugin = TestPlugin()
      plugin.source = """
        #include <math.h>
        #include <stdlib.h>
        static const char cpu[] __attribute__((section(".mezzo.cpu"), used)) = "avx2 fma";
        static double hidden(double x) { return x; }
        __attribute__((visibility("hidden"))) int concealed;
        double shown(double x) { return cos(hidden(x)) + concealed; }
        int number = 1;
        __attribute__((constructor)) static void opened(void) { abort(); }
        """
      plugin.arguments = flags
      return try plugin.build(in: folder, as: "subject")
    }

    @Test func namesWhatItExportsAndNeeds() throws {
      let path = try library(["-lm", "-Wl,--no-as-needed", "-Wl,--build-id=0x0123456789abcdef"])
      let file = try #require(ELFFile(path))
      let names = try #require(file.exportedSymbols)
      #expect(names.contains("shown") && names.contains("number"))
      #expect(!names.contains("hidden") && !names.contains("concealed") && !names.contains("cos"))
      #expect(file.exports(["shown", "cos", "show", "shown2", "number"]) == ["shown", "number"])
      #expect(file.neededLibraries.contains("libm.so.6"))
      #expect(file.text(ofSection: ".mezzo.cpu") == "avx2 fma")
      #expect(file.text(ofSection: ".mezzo") == nil)
      #expect(file.buildID == "0123456789abcdef")
      #expect(BuildIdentity.of(library: path) == "build-id:0123456789abcdef")
    }

    @Test func withoutABuildIdTheContentIsHashed() throws {
      let path = try library(["-Wl,--build-id=none"])
      #expect(ELFFile(path)?.buildID == nil)
      let first = BuildIdentity.of(library: path)
      #expect(first.hasPrefix("sha256:") && first.count == 23)
      let file = try #require(FileHandle(forWritingAtPath: path))
      try file.seekToEnd()
      try file.write(contentsOf: Data([0]))
      try file.close()
      #expect(BuildIdentity.of(library: path) != first)
    }

    @Test func otherFilesAreNone() throws {
      #expect(ELFFile(folder.path) == nil)
      #expect(ELFFile(folder.file("absent")) == nil)
      for text in ["", "text", "\u{7F}ELF"] {
        try Data(text.utf8).write(to: URL(filePath: folder.file("text")))
        #expect(ELFFile(folder.file("text")) == nil)
      }
    }

    /// Bytes changed at random, and files cut off: answers or none.
    @Test func damagedFilesAreReadWithoutHarm() throws {
      let content = try Data(contentsOf: URL(filePath: try library()))
      var random = Xorshift(state: 77)
      let path = folder.file("damaged")
      for round in 0..<120 {
        var damaged = content
        // The header, and the table of sections at the end, lead everywhere else.
        let end = round % 2 == 0 ? 64 : damaged.count
        let start = round % 2 == 0 ? 4 : damaged.count - 2048
        for _ in 0..<8 {
          damaged[start + Int.random(in: 0..<(end - start), using: &random)] = UInt8.random(in: 0...255, using: &random)
        }
        if round % 3 == 0 { damaged = damaged.prefix(Int.random(in: 0..<damaged.count, using: &random)) }
        try damaged.write(to: URL(filePath: path))
        guard let file = ELFFile(path) else { continue }
        _ = (file.exportedSymbols, file.neededLibraries, file.buildID, file.exports(["shown"]))
        _ = file.text(ofSection: ".mezzo.cpu")
      }
    }

    @Test func whatComesAlongIsKnownBefore() throws {
      let needs = LibraryNeeds.all(of: try library(["-lm", "-Wl,--no-as-needed"]))
      #expect(needs.contains { $0.hasSuffix("/libm.so.6") } && needs.contains { $0.hasSuffix("/libc.so.6") })
      #expect(Set(needs).count == needs.count)
      #expect(LibraryNeeds.all(of: "/nowhere/lib.so").isEmpty)
    }

    @Test func theSystemsLibrariesAreFoundByName() throws {
      let path = try #require(LibrarySearch.path(of: "libc.so.6"))
      #expect(path.hasPrefix("/") && ELFFile(path) != nil)
      #expect(LibrarySearch.path(of: "libmezzo-is-not-installed.so.1") == nil)
      #expect(LibrarySearch.path(of: "/nowhere/libc.so.6") == nil)
    }
  }
#endif
