import MezzoPolicy
import Testing

@testable import MezzoGolden

/// What the runner holds float64 layers to, against those layers: two ways to the same numbers.
@Suite struct StatedLayerTests {
  private func numbers(_ value: ConfigurationValue?) -> [Double] {
    switch value {
    case .array(let elements)?: elements.flatMap(numbers)
    case .object(let members)?: numbers(members["data"] ?? members["value"])
    case let value?: value.asDouble.map { [$0] } ?? []
    case nil: []
    }
  }

  @Test(arguments: ["MultiHeadAttention", "MultiHeadAttention_masked", "Activation_gelu", "LeakyReLU"])
  func layersAreWhatIsStated(layer: String) async throws {
    let recorded = try #require(
      try GoldenCases.entries().first {
        $0.testCase.group == "numeric.layer" && $0.testCase.input["layer"]?.asString == layer
      }?.testCase)
    let asked = GoldenCase(
      group: recorded.group, system: recorded.system,
      input: .object((recorded.input.asObject ?? [:]).merging(["policy": "float64"]) { _, new in new }),
      expect: recorded.expect)
    guard case .outcome(let got) = try await NumericLayerGroup.answer(asked) else {
      Issue.record("\(layer) is not answered")
      return
    }
    let stated = try #require(StatedFloat64Layer(asked)).restated(asked.expect)
    for part in ["outputs", "input_grads", "weight_grads"] {
      let (found, expected) = (numbers(got["ok"]?[part]), numbers(stated["ok"]?[part]))
      // The gradients of inputs in float32 are rounded to it.
      let tolerance = part == "input_grads" ? 1e-7 : 1e-9
      #expect(found.count == expected.count && (part == "weight_grads" || !found.isEmpty))
      #expect(
        zip(found, expected).allSatisfy { abs($0 - $1) < tolerance * max(1, abs($1)) },
        "\(layer), \(part): \(found), \(expected)"
      )
    }
  }
}
