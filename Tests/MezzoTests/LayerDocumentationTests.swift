import Foundation
import Testing

/// Whoever looks a layer up finds how it is made.
@Suite struct LayerDocumentationTests {
  @Test func everyLayerHasAnExample() throws {
    var layers = 0
    for file in PackageSources.files(below: "Sources/MezzoLayers") {
      let lines = try PackageSources.text(file).split(separator: "\n", omittingEmptySubsequences: false)
      for (place, line) in lines.enumerated() {
        // The generic ones are used by their other names, which have the examples.
        let pattern =
          /^public (struct (\w+): (Layer|MaskPassing|RecurrentCell|MergingLayer|LayerContainer)\b|typealias (\w+) = \w+<\w+Ax[ei]s>)/
        guard let match = line.firstMatch(of: pattern) else { continue }
        layers += 1
        let documentation = lines[..<place].reversed().prefix { $0.hasPrefix("///") }
        #expect(documentation.contains("/// ```swift"), "\(match.1) has no example")
      }
    }
    #expect(layers > 70)
  }
}
