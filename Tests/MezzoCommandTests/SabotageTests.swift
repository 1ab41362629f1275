import Foundation
import Testing

/// `mezzo` in a folder of its own, with something wrong where the oneDNN backend should lie.
@Suite struct SabotageTests {
  enum Sabotage: String, CaseIterable, CustomTestStringConvertible {
    case removed, empty, cutInHalf, withoutItsLastByte, zerosBehindItsHeaders, zerosAtItsEnd, text, directory,
      wrongVersion, silent

    var testDescription: String { rawValue }
  }

  @Test(arguments: Sample.every(4, of: Sabotage.allCases))
  func aBrokenPluginIsNotedAndTheWorkGoesOn(sabotage: Sabotage) throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "mezzo-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let program = folder.appending(path: "mezzo")
    try FileManager.default.copyItem(at: try Command.executable, to: program)
    let plugin = folder.appending(path: "libMezzoOneDNN\(Self.suffix)")
    let reason = try Self.put(sabotage, at: plugin, beside: try Command.executable)

    let whole = try Self.whole.get()
    // Without the manifests, which may bind the very library that the plugin would.
    let broken = try Command(
      arguments: Self.training, executable: program, backends: "-openblas,-blis,-onednn-gemm,-xnnpack")
    #expect(broken.status == 0, "\(broken.error)")
    let note = try #require(
      broken.error.split(separator: "\n").first { $0.contains("onednn") && $0.contains("refused") })
    #expect(note.contains(reason), "\(note)")
    #expect(try broken.json()["testAccuracy"] as? Double == whole)
    let routes = try #require(try broken.json()["routes"] as? [[String: Any]])
    #expect(routes.allSatisfy { $0["backend"] as? String == "builtin" })
    let backends = try #require(try broken.json()["backends"] as? [[String: Any]])
    #expect(
      backends.contains { $0["state"] as? String == "refused" && ($0["reason"] as? String)?.contains(reason) == true })
  }

  private static let training = ["train", "--epochs", "1", "--layers", "32", "--json"]

  /// The accuracy without anything broken, which is the same for all.
  private static let whole = Result { () throws -> Double? in
    try Command(arguments: training).json()["testAccuracy"] as? Double
  }

  #if canImport(Darwin)
    private static let suffix = ".dylib"
  #else
    private static let suffix = ".so"
  #endif

  /// Returns what the note has to say.
  private static func put(_ sabotage: Sabotage, at plugin: URL, beside executable: URL) throws -> String {
    func original() throws -> Data {
      try Data(contentsOf: executable.deletingLastPathComponent().appending(path: plugin.lastPathComponent))
    }
    switch sabotage {
    case .removed: return "does not exist"
    case .empty:
      try Data().write(to: plugin)
      return "does not begin with an ELF header"
    case .cutInHalf:
      let bytes = try original()
      try bytes.prefix(bytes.count / 2).write(to: plugin)
      return "is truncated"
    case .withoutItsLastByte:
      try original().dropLast().write(to: plugin)
      return "is truncated"
    case .zerosBehindItsHeaders:
      let bytes = try original()
      try (bytes.prefix(4096) + Data(count: bytes.count - 4096)).write(to: plugin)
      return "is damaged"
    case .zerosAtItsEnd:
      let bytes = try original()
      try (bytes.dropLast(256) + Data(count: 256)).write(to: plugin)
      return "is damaged"
    case .text:
      try Data("not a library\n".utf8).write(to: plugin)
      return "does not begin with an ELF header"
    case .directory:
      try FileManager.default.createDirectory(at: plugin, withIntermediateDirectories: false)
      return "is not a regular file"
    case .wrongVersion:
      try compile(
        """
        static mezzo_backend table = {.struct_size = sizeof(mezzo_backend), .abi_major = 2, .id = "onednn"};
        const mezzo_backend *mezzo_backend_query(const mezzo_offer *offer) { return offer ? &table : 0; }
        """, to: plugin)
      return "ABI 2.0"
    case .silent:
      try compile(
        "const mezzo_backend *mezzo_backend_query(const mezzo_offer *offer) { return offer->major == 2 ? (void *)1 : 0; }",
        to: plugin)
      return "does not speak ABI 1.0"
    }
  }

  private static func compile(_ body: String, to library: URL) throws {
    let headers = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().appending(path: "Sources/CMezzoABI/include")
    let source = library.appendingPathExtension("c")
    try "#include \"mezzo_backend.h\"\n\(body)\n".write(to: source, atomically: true, encoding: .utf8)
    let process = Process()
    process.executableURL = URL(filePath: "/usr/bin/env")
    process.arguments = [
      "cc", "-std=c11", "-w", "-shared", "-fPIC", "-I", headers.path, source.path, "-o", library.path,
    ]
    try process.run()
    process.waitUntilExit()
    try #require(process.terminationStatus == 0)
  }
}
