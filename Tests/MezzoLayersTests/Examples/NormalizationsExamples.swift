// swift-format-ignore-file
// Made of the documentation of Sources/MezzoLayers by LayerExamplesTests, which says how; not to be changed by hand.
import MezzoBackend
import MezzoGraph
import MezzoLayers
import MezzoPolicy
import Testing

private func type(_ tensor: Tensor?) -> String { tensor.map { "\($0.type)" } ?? "nothing" }

@Suite struct NormalizationsExamples {
  @Test func batchNormalization() throws {
    try withPolicy(.float32) {
      let normalized = BatchNormalization(momentum: 0.9)
      _ = normalized
      let output = try Model(normalized)(Tensor(zeros: TensorType(.float32, [4, 8])))  // float32[4, 8]
      #expect(type(output) == "float32[4, 8]")
      _ = output
    }
  }

  @Test func groupNormalization() throws {
    try withPolicy(.float32) {
      let normalized = GroupNormalization(groups: 8)
      _ = normalized
      let output = try Model(normalized)(Tensor(zeros: TensorType(.float32, [2, 6, 6, 32])))  // float32[2, 6, 6, 32]
      #expect(type(output) == "float32[2, 6, 6, 32]")
      _ = output
    }
  }

  @Test func layerNormalization() throws {
    try withPolicy(.float32) {
      let normalized = LayerNormalization(epsilon: 1e-6)
      _ = normalized
      let output = try Model(normalized)(Tensor(zeros: TensorType(.float32, [4, 8])))  // float32[4, 8]
      #expect(type(output) == "float32[4, 8]")
      _ = output
    }
  }

  @Test func normalization() throws {
    try withPolicy(.float32) {
      let standardized = Normalization(mean: [0.13], variance: [0.095])
      _ = standardized
      let output = try Model(standardized)(Tensor(zeros: TensorType(.float32, [2, 28, 28, 1])))  // float32[2, 28, 28, 1]
      #expect(type(output) == "float32[2, 28, 28, 1]")
      _ = output
    }
  }

  @Test func rescaling() throws {
    try withPolicy(.float32) {
      let unit = Rescaling(1 / 255.0)
      _ = unit
      let output = try Model(unit)(Tensor(zeros: TensorType(.float32, [2, 28, 28])))  // float32[2, 28, 28]
      #expect(type(output) == "float32[2, 28, 28]")
      _ = output
    }
  }

  @Test func rMSNormalization() throws {
    try withPolicy(.float32) {
      let normalized = RMSNormalization()
      _ = normalized
      let output = try Model(normalized)(Tensor(zeros: TensorType(.float32, [4, 8])))  // float32[4, 8]
      #expect(type(output) == "float32[4, 8]")
      _ = output
    }
  }

  @Test func unitNormalization() throws {
    try withPolicy(.float32) {
      let directions = UnitNormalization()
      _ = directions
      let output = try Model(directions)(Tensor(zeros: TensorType(.float32, [4, 8])))  // float32[4, 8]
      #expect(type(output) == "float32[4, 8]")
      _ = output
    }
  }
}
