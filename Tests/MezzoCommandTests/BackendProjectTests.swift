import Foundation
import Testing

/// What `mezzo backend new` makes builds with the header alone, conforms, and shows what the kit catches.
@Suite struct BackendProjectTests {
  struct Language: Sendable, CustomTestStringConvertible {
    var name: String
    /// The file with the mistake to be let loose, and the compiler that it takes.
    var source, compiler: String
    var testDescription: String { name }
  }

  static let languages = [
    Language(name: "c", source: "backend.c", compiler: "cc"),
    Language(name: "cpp", source: "backend.cpp", compiler: "c++"),
    Language(name: "rust", source: "src/lib.rs", compiler: "cargo"),
    Language(name: "swift", source: "backend.swift", compiler: "swiftc"),
    Language(name: "manifest", source: "kernels.c", compiler: "cc"),
    Language(name: "zig", source: "backend.zig", compiler: "zig"),
  ]

  private static func isInstalled(_ program: String) -> Bool {
    (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":").contains {
      FileManager.default.isExecutableFile(atPath: "\($0)/\(program)")
    }
  }

  static let (present, absent) = (
    languages.filter { isInstalled($0.compiler) }, languages.filter { !isInstalled($0.compiler) }
  )

  @Test(arguments: present) func theProjectConformsUntilItsMistakeIsLetLoose(language: Language) throws {
    try Project.with { folder in
      let made = try Project.run(
        try Command.executable, ["backend", "new", "--lang", language.name, "mine"], in: folder)
      #expect(made.status == 0, "\(made.text)")
      let project = folder.appending(path: "mine")
      let right = try Project.make("check", in: project)
      #expect(right.status == 0, "\(right.text)")
      // What it declines is alpha and beta, of which no rule of a plugin says anything.
      #expect(right.text.contains("mine 1.0.0  conforms"), "\(right.text)")

      let source = project.appending(path: language.source)
      let text = try String(contentsOf: source, encoding: .utf8)
      try #require(text.contains("// WRONG: "))
      try text.replacingOccurrences(of: "// WRONG: ", with: "").write(to: source, atomically: true, encoding: .utf8)
      let wrong = try Project.make("check", "CHECKFLAGS=--level numerics", in: project)
      #expect(wrong.status != 0)
      #expect(wrong.text.contains("does not conform") && wrong.text.contains("of matmul"), "\(wrong.text)")
      #expect(wrong.text.contains("result 0 is wrong") && !wrong.text.contains("relu: level"), "\(wrong.text)")
    }
  }

  /// Skipped tests are listed; a compiler that is missing should be as visible.
  @Test(.enabled(if: !absent.isEmpty), arguments: absent) func theCompilerIsMissing(language: Language) {
    print(
      "skipped: 'mezzo backend new --lang \(language.name)' is not tested, there is no \(language.compiler) on PATH")
    #expect(!Self.isInstalled(language.compiler))
  }

  @Test func namesAndFoldersAreChecked() throws {
    try Project.with { folder in
      for name in ["", "../up", "a b", "1st", String(repeating: "x", count: 41)] {
        let refused = try Project.run(try Command.executable, ["backend", "new", "--lang", "c", name], in: folder)
        #expect(refused.status == 64 && refused.text.contains("expected a name"), "\(name): \(refused.text)")
      }
      try FileManager.default.createDirectory(at: folder.appending(path: "there"), withIntermediateDirectories: false)
      let refused = try Project.run(try Command.executable, ["backend", "new", "--lang", "c", "there"], in: folder)
      #expect(refused.status == 73 && refused.text.contains("exists already"), "\(refused.text)")
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["there"])
    }
  }
}

/// A temporary folder, and programs that run in it.
enum Project {
  static func with(_ body: (URL) throws -> Void) throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "mezzo project \(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    try body(folder)
  }

  static func make(_ arguments: String..., in folder: URL) throws -> (status: Int32, text: String) {
    try run(
      URL(filePath: "/usr/bin/env"), ["make", "MEZZO=\(try Command.executable.path)"] + arguments, in: folder)
  }

  static func run(_ program: URL, _ arguments: [String], in folder: URL) throws -> (status: Int32, text: String) {
    let process = Process()
    process.executableURL = program
    process.arguments = arguments
    process.currentDirectoryURL = folder
    process.environment = ProcessInfo.processInfo.environment.filter { !$0.key.hasPrefix("MEZZO_") }
    let log = folder.appending(path: ".log-\(UUID().uuidString)")
    try Data().write(to: log)
    defer { try? FileManager.default.removeItem(at: log) }
    let file = try FileHandle(forWritingTo: log)
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = file
    process.standardError = file
    try process.run()
    process.waitUntilExit()
    return (process.terminationStatus, try String(contentsOf: log, encoding: .utf8))
  }
}
