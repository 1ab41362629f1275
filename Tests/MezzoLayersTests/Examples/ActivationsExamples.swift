// swift-format-ignore-file
// Made of the documentation of Sources/MezzoLayers by LayerExamplesTests, which says how; not to be changed by hand.
import MezzoBackend
import MezzoGraph
import MezzoLayers
import MezzoPolicy
import Testing

private func type(_ tensor: Tensor?) -> String { tensor.map { "\($0.type)" } ?? "nothing" }

@Suite struct ActivationsExamples {
  @Test func activation() throws {
    try withPolicy(.float32) {
      let layers = Sequential {
        Dense(64)
        Activation(.mish)
      }
      let output = try Model(layers)(Tensor(zeros: TensorType(.float32, [2, 8])))  // float32[2, 64]
      #expect(type(output) == "float32[2, 64]")
      _ = output
    }
  }

  @Test func reLU() throws {
    try withPolicy(.float32) {
      let relu6 = ReLU(maxValue: 6)
      _ = relu6
      let output = try Model(relu6)(Tensor(zeros: TensorType(.float32, [2, 8])))  // float32[2, 8]
      #expect(type(output) == "float32[2, 8]")
      _ = output
    }
  }

  @Test func leakyReLU() throws {
    try withPolicy(.float32) {
      let leaky = LeakyReLU(negativeSlope: 0.1)
      _ = leaky
      let output = try Model(leaky)(Tensor(zeros: TensorType(.float32, [2, 8])))  // float32[2, 8]
      #expect(type(output) == "float32[2, 8]")
      _ = output
    }
  }

  @Test func eLU() throws {
    try withPolicy(.float32) {
      let elu = ELU(alpha: 0.5)
      _ = elu
      let output = try Model(elu)(Tensor(zeros: TensorType(.float32, [2, 8])))  // float32[2, 8]
      #expect(type(output) == "float32[2, 8]")
      _ = output
    }
  }

  @Test func pReLU() throws {
    try withPolicy(.float32) {
      let perChannel = PReLU(sharedAxes: [1, 2])  // of images [batch, height, width, channels]
      _ = perChannel
      let output = try Model(perChannel)(Tensor(zeros: TensorType(.float32, [2, 8, 8, 3])))  // float32[2, 8, 8, 3]
      #expect(type(output) == "float32[2, 8, 8, 3]")
      _ = output
    }
  }

  @Test func softmax() throws {
    try withPolicy(.float32) {
      let probabilities = Softmax(axis: 1)
      _ = probabilities
      let output = try Model(probabilities)(Tensor(zeros: TensorType(.float32, [2, 5, 3])))  // float32[2, 5, 3]
      #expect(type(output) == "float32[2, 5, 3]")
      _ = output
    }
  }
}
