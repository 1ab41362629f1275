import Foundation
import Testing

/// The examples in the documentation of layers are run: `MezzoLayersTests/Examples` has each of them as a test. Here these are
/// compared with what the documentation says, so that neither changes without the other.
///
/// `MEZZO_WRITE_EXAMPLES=1 swift test --filter LayerExamplesTests` writes them anew.
@Suite struct LayerExamplesTests {
  private static let folder = "Tests/MezzoLayersTests/Examples"

  @Test func theExamplesThatRunAreThoseOfTheDocumentation() throws {
    var expected: [String: String] = [:]
    for (group, examples) in Dictionary(grouping: try Self.examples(), by: \.group) {
      expected["\(group)Examples.swift"] = Self.suite("\(group)Examples", examples)
    }
    if ProcessInfo.processInfo.environment["MEZZO_WRITE_EXAMPLES"] != nil {
      for (name, text) in expected {
        try Data(text.utf8).write(to: PackageSources.root.appending(path: "\(Self.folder)/\(name)"), options: .atomic)
      }
    }
    let files = PackageSources.files(below: Self.folder)
    #expect(Set(files.map(\.lastPathComponent)) == Set(expected.keys))
    for file in files {
      let hint: Comment = "write the examples anew: MEZZO_WRITE_EXAMPLES=1 swift test --filter LayerExamplesTests"
      #expect(try PackageSources.text(file) == expected[file.lastPathComponent], hint)
    }
  }

  /// Every layer has an example that says what it gives.
  @Test func everyLayerRuns() throws {
    let examples = Dictionary(try Self.examples().map { ($0.symbol, $0.lines) }) { first, _ in first }
    var layers = 0
    for file in PackageSources.files(below: "Sources/MezzoLayers") {
      // The generic ones are used by their other names, which have the examples.
      let pattern =
        /^public (?:struct (\w+): (?:Layer|MaskPassing|RecurrentCell|MergingLayer|LayerContainer)\b|typealias (\w+) = \w+<\w+Ax[ei]s>)/
      for match in try PackageSources.text(file).matches(of: pattern.anchorsMatchLineEndings()) {
        layers += 1
        let name = String(match.1 ?? match.2 ?? "")
        #expect(
          examples[name]?.contains { Self.claim($0) != nil } == true, "\(name) has no example that says what it gives")
      }
    }
    #expect(layers > 70)
  }

  private struct Example {
    /// The folder of its file.
    var group: String
    /// What is documented.
    var symbol: String
    var lines: [String]
  }

  private static func examples() throws -> [Example] {
    var examples: [Example] = []
    let files = PackageSources.files(below: "Sources/MezzoLayers").sorted { $0.path < $1.path }
    for file in files {
      let parent = file.deletingLastPathComponent().lastPathComponent
      let group = parent == "MezzoLayers" ? "Layers" : parent
      var example: [String]?
      var finished: [String]?
      for line in try PackageSources.text(file).split(separator: "\n", omittingEmptySubsequences: false) {
        let text = line.drop { $0 == " " }
        if text == "/// ```swift" {
          example = []
        } else if text == "/// ```", example != nil {
          (finished, example) = (example, nil)
        } else if text.hasPrefix("///"), example != nil {
          example?.append(String(text.dropFirst(4)))
        } else if !text.hasPrefix("///"), !text.hasPrefix("@"), let lines = finished {
          let symbol = text.firstMatch(of: /(?:struct|class|enum|protocol|typealias|func) (\w+)/)?.1 ?? ""
          examples.append(Example(group: group, symbol: String(symbol), lines: lines))
          finished = nil
        }
      }
    }
    return examples
  }

  /// `let x = …  // float32[2, 3]` says what `x` is.
  private static func claim(_ line: String) -> (name: Substring, type: Substring)? {
    line.firstMatch(of: #/^let (\w+) = .*// (\w+\[[\d, ]*\])$/#).map { ($0.1, $0.2) }
  }

  private static func suite(_ name: String, _ examples: [Example]) -> String {
    var text = """
      // swift-format-ignore-file
      // Made of the documentation of Sources/MezzoLayers by LayerExamplesTests, which says how; not to be changed by hand.
      import MezzoBackend
      import MezzoGraph
      import MezzoLayers
      import MezzoPolicy
      import Testing

      private func type(_ tensor: Tensor?) -> String { tensor.map { "\\($0.type)" } ?? "nothing" }

      @Suite struct \(name) {

      """
    for example in examples {
      let test = example.symbol.prefix(1).lowercased() + example.symbol.dropFirst()
      text += "  @Test func \(test)() throws {\n    try withPolicy(.float32) {\n"
      for line in example.lines {
        text += line.isEmpty ? "\n" : "      \(line)\n"
        if let claim = claim(line) { text += "      #expect(type(\(claim.name)) == \"\(claim.type)\")\n" }
        // What nothing uses would be a warning.
        let names = line.firstMatch(of: #/^let (?:(\w+)|\((\w+), (\w+)\))(?:: [^=]+)? = /#)
        let used = names.map { [$0.1, $0.2, $0.3].compactMap { $0 } } ?? []
        for name in used where line.last != "(" && line.last != "{" { text += "      _ = \(name)\n" }
      }
      text += "    }\n  }\n\n"
    }
    return text.dropLast() + "}\n"
  }
}
