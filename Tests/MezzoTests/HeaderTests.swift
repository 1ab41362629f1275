import Foundation
import Testing

/// The header is all that a third party needs, in whatever C or C++ compiler it has.
@Suite struct HeaderTests {
  struct Compiler: Sendable, CustomTestStringConvertible {
    var path: String
    var language: [String]

    var testDescription: String { "\(path) \(language.joined(separator: " "))" }
  }

  private static let folders = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":")

  private static func installed(_ names: [String], _ language: [String]) -> [Compiler] {
    names.compactMap { name in
      folders.map { "\($0)/\(name)" }.first { FileManager.default.isExecutableFile(atPath: $0) }
        .map { Compiler(path: $0, language: language) }
    }
  }

  static let compilers =
    installed(["cc", "gcc", "clang"], ["-x", "c", "-std=c11"])
    + installed(["c++", "g++", "clang++"], ["-x", "c++", "-std=c++17"])

  /// What the compiler says of `text`, empty where it is content.
  private func diagnostics(_ compiler: Compiler, _ text: String) throws -> String {
    let process = Process()
    process.executableURL = URL(filePath: compiler.path)
    let headers = PackageSources.root.appending(path: "Sources/CMezzoABI/include").path(percentEncoded: false)
    process.arguments =
      compiler.language + ["-Wall", "-Wextra", "-Werror", "-pedantic", "-fsyntax-only", "-I", headers, "-"]
    let (input, output) = (Pipe(), Pipe())
    process.standardInput = input
    process.standardError = output
    try process.run()
    try input.fileHandleForWriting.write(contentsOf: Data(text.utf8))
    try input.fileHandleForWriting.close()
    let said = try output.fileHandleForReading.readToEnd() ?? Data()
    process.waitUntilExit()
    return process.terminationStatus == 0 ? "" : String(decoding: said, as: UTF8.self)
  }

  @Test(arguments: compilers) func theHeaderStandsAlone(compiler: Compiler) throws {
    for header in ["mezzo_backend.h", "mezzo_device.h"] {
      let twice = "#include \"\(header)\"\n#include \"\(header)\"\n"
      #expect(try diagnostics(compiler, twice) == "")
    }
  }

  @Test(arguments: compilers) func theEntryPointIsDeclaredByItsType(compiler: Compiler) throws {
    let text = """
      #include "mezzo_backend.h"
      static const mezzo_backend *query(const mezzo_offer *offer) { (void)offer; return NULL; }
      extern mezzo_backend_query_fn chosen;
      mezzo_backend_query_fn chosen = query;
      """
    #expect(try diagnostics(compiler, text + "\n") == "")
  }

  @Test(arguments: compilers) func warningsAreHeard(compiler: Compiler) throws {
    let text = "int less(unsigned a, int b);\nint less(unsigned a, int b) { return a < b; }\n"
    #expect(try diagnostics(compiler, text).contains("sign-compare"))
  }

  @Test func thereIsACompilerOfEachLanguage() {
    #expect(Set(Self.compilers.map { $0.language[1] }) == ["c", "c++"])
  }
}
