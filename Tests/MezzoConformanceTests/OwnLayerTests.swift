import Foundation
import MezzoConformance
import MezzoGraph
import MezzoLayers
import MezzoPolicy
import Testing

/// The guide's layer of one's own, on what anybody may use.
@Suite struct OwnLayerTests {
  @Test func itIsRight() {
    LayerRegistry.register(Affine.self)
    #expect(LayerCheck().run(LayerSpecimen("Affine", [[[3, 5]], [[2, 1, 4]]]) { Affine(policy: $0) }) == [])
  }

  @Test func itIsTheGuidesLayer() throws {
    let package = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    let guide = try String(contentsOf: package.appending(path: "Docs/Layers.md"), encoding: .utf8)
    let source = try String(contentsOf: URL(filePath: #filePath), encoding: .utf8)
    let layer = try #require(source.components(separatedBy: "// The guide's:\n").last)
    #expect(guide.contains("```swift\n\(layer)```"))
    #expect(layer.split(separator: "\n").count <= 15)
  }
}

// The guide's:
/// `x · scale + shift` with a number for each feature: `[batch, …, features] -> [batch, …, features]`.
struct Affine: Layer, Hashable {
  var name: String?
  var policy = globalPolicy()

  func call(_ input: SymbolicTensor, _ context: LayerContext) throws -> SymbolicTensor {
    let features = [input.shape.last ?? 1]
    let scale = try context.variable("scale", shape: features, initializer: .ones)
    let shift = try context.variable("shift", shape: features, initializer: .zeros)
    return try input * scale + shift
  }
}
