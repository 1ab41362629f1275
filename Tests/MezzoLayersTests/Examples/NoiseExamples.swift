// swift-format-ignore-file
// Made of the documentation of Sources/MezzoLayers by LayerExamplesTests, which says how; not to be changed by hand.
import MezzoBackend
import MezzoGraph
import MezzoLayers
import MezzoPolicy
import Testing

private func type(_ tensor: Tensor?) -> String { tensor.map { "\($0.type)" } ?? "nothing" }

@Suite struct NoiseExamples {
  @Test func dropout() throws {
    try withPolicy(.float32) {
      let regularized = Dropout(0.5)
      _ = regularized
      let output = try Model(regularized)(Tensor(zeros: TensorType(.float32, [2, 8])))  // float32[2, 8]
      #expect(type(output) == "float32[2, 8]")
      _ = output
    }
  }

  @Test func gaussianNoise() throws {
    try withPolicy(.float32) {
      let noisy = GaussianNoise(0.1)
      _ = noisy
      let output = try Model(noisy)(Tensor(zeros: TensorType(.float32, [2, 8])))  // float32[2, 8]
      #expect(type(output) == "float32[2, 8]")
      _ = output
    }
  }

  @Test func gaussianDropout() throws {
    try withPolicy(.float32) {
      let regularized = GaussianDropout(0.2)
      _ = regularized
      let output = try Model(regularized)(Tensor(zeros: TensorType(.float32, [2, 8])))  // float32[2, 8]
      #expect(type(output) == "float32[2, 8]")
      _ = output
    }
  }

  @Test func alphaDropout() throws {
    try withPolicy(.float32) {
      let layers = Sequential {
        Dense(64, activation: .selu)
        AlphaDropout(0.1)
      }
      let output = try Model(layers)(Tensor(zeros: TensorType(.float32, [2, 8])))  // float32[2, 64]
      #expect(type(output) == "float32[2, 64]")
      _ = output
    }
  }

  @Test func spatialDropout1D() throws {
    try withPolicy(.float32) {
      let regularized = SpatialDropout1D(0.2)
      _ = regularized
      let output = try Model(regularized)(Tensor(zeros: TensorType(.float32, [2, 8, 4])))  // float32[2, 8, 4]
      #expect(type(output) == "float32[2, 8, 4]")
      _ = output
    }
  }

  @Test func spatialDropout2D() throws {
    try withPolicy(.float32) {
      let regularized = SpatialDropout2D(0.2)
      _ = regularized
      let output = try Model(regularized)(Tensor(zeros: TensorType(.float32, [2, 8, 8, 4])))  // float32[2, 8, 8, 4]
      #expect(type(output) == "float32[2, 8, 8, 4]")
      _ = output
    }
  }

  @Test func spatialDropout3D() throws {
    try withPolicy(.float32) {
      let regularized = SpatialDropout3D(0.2)
      _ = regularized
      let output = try Model(regularized)(Tensor(zeros: TensorType(.float32, [2, 4, 4, 4, 2])))  // float32[2, 4, 4, 4, 2]
      #expect(type(output) == "float32[2, 4, 4, 4, 2]")
      _ = output
    }
  }

  @Test func activityRegularization() throws {
    try withPolicy(.float32) {
      let sparse = ActivityRegularization(l1: 1e-4)
      _ = sparse
      let output = try Model(sparse)(Tensor(zeros: TensorType(.float32, [2, 8])))  // float32[2, 8]
      #expect(type(output) == "float32[2, 8]")
      _ = output
    }
  }
}
