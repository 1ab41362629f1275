import Foundation
import Testing

/// The house as the guide draws it: a target knows only what lies below it.
@Suite struct ArchitectureTests {
  /// From low to high. Targets of one group may know each other; groups of one layer may not.
  static let layers: [[Set<String>]] = [
    [["MezzoPolicy"], ["MezzoFiles"]],
    [["CMezzoABI"]],
    [["MezzoBackend"]],
    [
      ["MezzoGraph"], ["MezzoPlugins", "CMezzoFFI", "CMezzoHost", "CMezzoManifests"],
      ["MezzoBuiltin", "CMezzoBuiltin"],
    ],
    [["MezzoRuntime"]],
    [["MezzoLayers"], ["CMezzoZlib"]],
    [["MezzoCheckpoint"]],
    [["MezzoTraining", "CMezzoDigits"]],
    [["MezzoModels"]],
    [["Mezzo"], ["MezzoConformance"], ["MezzoGolden"]],
    [["MezzoCommand", "CMezzoTemplates"], ["MezzoProbe"]],
  ]

  /// What `target` may know: everything below it, and its own group.
  static func permitted(_ target: String) -> Set<String>? {
    guard let layer = layers.firstIndex(where: { $0.contains { $0.contains(target) } }) else { return nil }
    let group = layers[layer].first { $0.contains(target) } ?? []
    return layers[..<layer].joined().reduce(group) { $0.union($1) }
  }

  static var names: [String] { layers.joined().flatMap { $0 }.sorted() }

  @Test func everyTargetHasItsPlace() throws {
    let declared = try PackageSources.targets().filter { !$0.isTest }.map(\.name)
    #expect(declared.sorted() == Self.names)
  }

  @Test func noTargetDependsOnWhatLiesAboveOrBesideIt() throws {
    for target in try PackageSources.targets() where !target.isTest {
      let permitted = try #require(Self.permitted(target.name), "\(target.name) has no place among the layers")
      #expect(target.dependencies.subtracting(permitted) == [], "\(target.name) must not depend on these")
      #expect(!target.dependencies.contains(target.name))
    }
  }

  @Test(arguments: names) func filesImportOnlyWhatTheirTargetDeclares(name: String) throws {
    let target = try #require(try PackageSources.targets().first { $0.name == name })
    let permitted = try #require(Self.permitted(name))
    for file in PackageSources.files(below: "Sources/\(name)") {
      let known = try PackageSources.imports(in: file).intersection(Self.names).subtracting([name])
      #expect(known.subtracting(permitted) == [], "\(file.lastPathComponent) must not know these")
      #expect(known.subtracting(target.dependencies) == [], "\(name) uses these without declaring them")
    }
  }

  @Test func testsDeclareWhatTheyImport() throws {
    for target in try PackageSources.targets() where target.isTest {
      for file in PackageSources.files(below: "Tests/\(target.name)") {
        let undeclared = try PackageSources.imports(in: file).intersection(Self.names).subtracting(target.dependencies)
        #expect(undeclared == [], "\(target.name)/\(file.lastPathComponent) imports these without declaring them")
      }
    }
  }

  @Test func nothingIsLinkedAgainstAPlugin() throws {
    for target in try PackageSources.targets() {
      let plugins: Set = [
        "OneDNNPlugin", "CTemplatePlugin", "CallsPlugin", "MezzoOneDNN", "MezzoCTemplate", "MezzoCalls",
      ]
      #expect(target.dependencies.isDisjoint(with: plugins))
    }
  }

  @Test(arguments: try PackageSources.folders(in: "Plugins")) func pluginsKnowTheHeaderAlone(plugin: String) throws {
    let files = PackageSources.files(below: "Plugins/\(plugin)")
    let names = try FileManager.default.contentsOfDirectory(atPath: PackageSources.path("Plugins/\(plugin)"))
    #expect(!files.isEmpty || names.contains { $0.hasSuffix(".toml") }, "Plugins/\(plugin) holds no backend")
    for file in files { #expect(try PackageSources.imports(in: file).subtracting(["CMezzoABI"]) == []) }
  }

  @Test(arguments: names) func noTargetIsEmpty(name: String) throws {
    let files = PackageSources.files(below: "Sources/\(name)")
    let declarations = try files.flatMap { try PackageSources.text($0).split(separator: "\n") }.filter { line in
      !line.allSatisfy(\.isWhitespace) && !["//", "/*", " *", "import ", "#"].contains { line.hasPrefix($0) }
    }
    #expect(!declarations.isEmpty, "\(name) declares nothing")
  }

  @Test(arguments: names.filter { !$0.hasPrefix("C") }) func everySwiftTargetIsTested(name: String) throws {
    #expect(try PackageSources.targets().contains { $0.isTest && $0.name == "\(name)Tests" })
    let files = PackageSources.files(below: "Tests/\(name)Tests")
    #expect(try files.contains { try PackageSources.text($0).contains("@Test") })
  }

  @Test func everyTestFolderIsRun() throws {
    let declared = try PackageSources.targets().filter(\.isTest).map(\.name)
    for folder in try PackageSources.folders(in: "Tests") {
      let isPackage = FileManager.default.fileExists(
        atPath: PackageSources.path("Tests/\(folder)/Package.swift"))
      let isTested = declared.contains(folder) || isPackage || folder == "ABI"
      #expect(isTested, "Tests/\(folder) belongs to no test target")
    }
  }

  @Test(arguments: ["Sources", "Plugins", "Tests"]) func filesStayReadable(folder: String) throws {
    let files = PackageSources.files(below: folder)
    #expect(files.count > 5)
    for file in files {
      let lines = try PackageSources.text(file).split(separator: "\n", omittingEmptySubsequences: false).count - 1
      // All that a backend needs is one header, operations and all.
      let most = file.lastPathComponent == "mezzo_backend.h" ? 600 : 500
      #expect(lines <= most, "\(file.lastPathComponent) has \(lines) lines")
    }
  }
}
