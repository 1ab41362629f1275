// swift-format-ignore-file
// Made of the documentation of Sources/MezzoLayers by LayerExamplesTests, which says how; not to be changed by hand.
import MezzoBackend
import MezzoGraph
import MezzoLayers
import MezzoPolicy
import Testing

private func type(_ tensor: Tensor?) -> String { tensor.map { "\($0.type)" } ?? "nothing" }

@Suite struct ConvolutionExamples {
  @Test func conv1D() throws {
    try withPolicy(.float32) {
      let causal = Conv1D(32, kernelSize: 3, padding: .causal, dilationRate: 2, activation: .relu)
      _ = causal
      let output = try Model(causal)(Tensor(zeros: TensorType(.float32, [2, 16, 4])))  // float32[2, 16, 32]
      #expect(type(output) == "float32[2, 16, 32]")
      _ = output
    }
  }

  @Test func conv2D() throws {
    try withPolicy(.float32) {
      let features = Conv2D(32, kernelSize: [3, 3], strides: 2, padding: .same, activation: .relu)
      _ = features
      let output = try Model(features)(Tensor(zeros: TensorType(.float32, [2, 28, 28, 1])))  // float32[2, 14, 14, 32]
      #expect(type(output) == "float32[2, 14, 14, 32]")
      _ = output
    }
  }

  @Test func conv3D() throws {
    try withPolicy(.float32) {
      let features = Conv3D(8, kernelSize: 3, activation: .relu)
      _ = features
      let output = try Model(features)(Tensor(zeros: TensorType(.float32, [1, 6, 6, 6, 2])))  // float32[1, 4, 4, 4, 8]
      #expect(type(output) == "float32[1, 4, 4, 4, 8]")
      _ = output
    }
  }

  @Test func depthwiseConv1D() throws {
    try withPolicy(.float32) {
      let smoothed = DepthwiseConv1D(kernelSize: 5, padding: .same)
      _ = smoothed
      let output = try Model(smoothed)(Tensor(zeros: TensorType(.float32, [2, 16, 4])))  // float32[2, 16, 4]
      #expect(type(output) == "float32[2, 16, 4]")
      _ = output
    }
  }

  @Test func depthwiseConv2D() throws {
    try withPolicy(.float32) {
      let filtered = DepthwiseConv2D(kernelSize: 3, activation: .relu)
      _ = filtered
      let output = try Model(filtered)(Tensor(zeros: TensorType(.float32, [2, 8, 8, 3])))  // float32[2, 6, 6, 3]
      #expect(type(output) == "float32[2, 6, 6, 3]")
      _ = output
    }
  }

  @Test func separableConv1D() throws {
    try withPolicy(.float32) {
      let features = SeparableConv1D(32, kernelSize: 5, activation: .relu)
      _ = features
      let output = try Model(features)(Tensor(zeros: TensorType(.float32, [2, 16, 4])))  // float32[2, 12, 32]
      #expect(type(output) == "float32[2, 12, 32]")
      _ = output
    }
  }

  @Test func separableConv2D() throws {
    try withPolicy(.float32) {
      let features = SeparableConv2D(32, kernelSize: 3, padding: .same, activation: .relu)
      _ = features
      let output = try Model(features)(Tensor(zeros: TensorType(.float32, [2, 8, 8, 3])))  // float32[2, 8, 8, 32]
      #expect(type(output) == "float32[2, 8, 8, 32]")
      _ = output
    }
  }

  @Test func conv1DTranspose() throws {
    try withPolicy(.float32) {
      let longer = Conv1DTranspose(8, kernelSize: 4, strides: 2, padding: .same)  // twice as long
      _ = longer
      let output = try Model(longer)(Tensor(zeros: TensorType(.float32, [2, 16, 4])))  // float32[2, 32, 8]
      #expect(type(output) == "float32[2, 32, 8]")
      _ = output
    }
  }

  @Test func conv2DTranspose() throws {
    try withPolicy(.float32) {
      let larger = Conv2DTranspose(8, kernelSize: 4, strides: 2, padding: .same)  // twice as high and wide
      _ = larger
      let output = try Model(larger)(Tensor(zeros: TensorType(.float32, [2, 8, 8, 3])))  // float32[2, 16, 16, 8]
      #expect(type(output) == "float32[2, 16, 16, 8]")
      _ = output
    }
  }

  @Test func conv3DTranspose() throws {
    try withPolicy(.float32) {
      let larger = Conv3DTranspose(8, kernelSize: 2, strides: 2)
      _ = larger
      let output = try Model(larger)(Tensor(zeros: TensorType(.float32, [1, 4, 4, 4, 2])))  // float32[1, 8, 8, 8, 8]
      #expect(type(output) == "float32[1, 8, 8, 8, 8]")
      _ = output
    }
  }
}
