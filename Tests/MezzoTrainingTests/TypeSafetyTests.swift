import Foundation
import Testing

/// What the types of scaled losses and gradients are for: programs that forget the scale, or take it out twice, do not
/// compile. Each snippet is put to the compiler that built these tests.
@Suite struct TypeSafetyTests {
  private static let start = """
    import MezzoGraph
    import MezzoTraining

    func step(
      _ optimizer: inout LossScaleOptimizer, _ loss: SymbolicTensor, _ scale: SymbolicTensor,
      _ symbols: [SymbolicTensor], _ scaled: ScaledGradients<Tensor>, _ variables: inout [Tensor]
    ) throws {

    """

  static let right = [
    "try optimizer.apply(scaled.unscaled(), to: &variables)",
    "let gradients = try ScaledLoss(loss, scale: scale).gradients(by: symbols).unscaled(); _ = gradients.values",
    "let plain = try loss.trace.gradients(of: loss, by: symbols); _ = Gradients(plain)",
    "try optimizer.minimize(&variables) { variables, _ in try variables[0].sum() }",
  ]

  /// With what the compiler has to say about it, so that a snippet is not refused for another reason.
  static let wrong = [
    ("try optimizer.apply(scaled, to: &variables)", "cannot convert value of type 'ScaledGradients<Tensor>'"),
    ("try optimizer.apply(scaled.unscaled().unscaled(), to: &variables)", "has no member 'unscaled'"),
    (
      "_ = try loss.trace.gradients(of: ScaledLoss(loss, scale: scale), by: symbols)",
      "cannot convert value of type 'ScaledLoss<SymbolicTensor>'"
    ),
    ("_ = try ScaledLoss(ScaledLoss(loss, scale: scale), scale: scale)", "cannot convert value of type 'ScaledLoss<"),
    ("_ = try ScaledLoss(loss, scale: scale).gradients(by: symbols).values", "is inaccessible"),
    ("_ = try ScaledLoss(loss, scale: scale).value", "is inaccessible"),
    ("_ = Gradients(scaled)", "cannot convert value of type 'ScaledGradients<Tensor>'"),
    ("_ = ScaledGradients(try scaled.unscaled(), scale: scale)", "cannot convert value of type 'Gradients<Tensor>'"),
  ]

  @Test(arguments: Sample.every(4, of: right)) func rightOnesCompile(statement: String) throws {
    let result = try Self.typecheck(statement)
    #expect(result.isAccepted, "\(result.messages)")
  }

  @Test(arguments: Sample.every(8, of: wrong)) func wrongOnesDoNot(statement: String, message: String) throws {
    let result = try Self.typecheck(statement)
    #expect(!result.isAccepted)
    #expect(result.messages.contains(message), "\(result.messages)")
  }

  /// Has `swiftc` check the types of a function with this body, against the modules that this test was built with.
  private static func typecheck(_ statement: String) throws -> (isAccepted: Bool, messages: String) {
    let file = FileManager.default.temporaryDirectory.appending(path: "mezzo-\(UUID()).swift")
    try Data((start + "  " + statement + "\n}\n").utf8).write(to: file)
    defer { try? FileManager.default.removeItem(at: file) }
    let process = Process()
    process.executableURL = URL(filePath: "/usr/bin/env")
    process.arguments =
      ["swiftc", "-typecheck", "-swift-version", "6", "-I", try modules().path] + (try cModules()) + [file.path]
    let output = Pipe()
    process.standardError = output
    process.standardOutput = output
    try process.run()
    let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    return (process.terminationStatus == 0, text)
  }

  /// The folder that holds the modules of the running program's build.
  private static func modules() throws -> URL {
    var folder = try #require(programs().first).deletingLastPathComponent()
    while folder.path != "/" {
      let modules = folder.appending(path: "Modules")
      if FileManager.default.fileExists(atPath: modules.appending(path: "MezzoTraining.swiftmodule").path) {
        return modules
      }
      folder = folder.deletingLastPathComponent()
    }
    Issue.record("expected the folder Modules of the build above \(programs())")
    return folder
  }

  /// Where the tests run from: the test bundle, which on some hosts is opened by a program that lies elsewhere.
  private static func programs() -> [URL] {
    let bundles = CommandLine.arguments.filter { $0.hasSuffix(".xctest") || $0.contains(".xctest/") }
    return (bundles + [CommandLine.arguments[0]]).map { URL(filePath: $0).absoluteURL.resolvingSymlinksInPath() }
  }

  /// The headers of the package's own C modules, which Swift modules refer to, and the descriptions of those of the system.
  private static func cModules() throws -> [String] {
    let sources = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().appending(path: "Sources")
    let maps = ["CMezzoFFI", "CMezzoZlib"].map { sources.appending(path: "\($0)/module.modulemap").path }
    let build = try modules().deletingLastPathComponent()
    let own = ["CMezzoABI", "CMezzoBuiltin", "CMezzoDigits", "CMezzoHost", "CMezzoManifests"]
    let made = own.map {
      build.appending(path: "\($0).build/module.modulemap").path
    }
    let headers = own.flatMap {
      ["-Xcc", "-I", "-Xcc", sources.appending(path: "\($0)/include").path]
    }
    return headers + (maps + made).flatMap { ["-Xcc", "-fmodule-map-file=\($0)"] }
  }
}
