// swift-format-ignore-file
// Made of the documentation of Sources/MezzoLayers by LayerExamplesTests, which says how; not to be changed by hand.
import MezzoBackend
import MezzoGraph
import MezzoLayers
import MezzoPolicy
import Testing

private func type(_ tensor: Tensor?) -> String { tensor.map { "\($0.type)" } ?? "nothing" }

@Suite struct ReshapingExamples {
  @Test func flatten() throws {
    try withPolicy(.float32) {
      let vectors = Flatten()
      _ = vectors
      let output = try Model(vectors)(Tensor(zeros: TensorType(.float32, [2, 28, 28])))  // float32[2, 784]
      #expect(type(output) == "float32[2, 784]")
      _ = output
    }
  }

  @Test func reshape() throws {
    try withPolicy(.float32) {
      let images = Reshape([28, 28, 1])
      _ = images
      let output = try Model(images)(Tensor(zeros: TensorType(.float32, [2, 784])))  // float32[2, 28, 28, 1]
      #expect(type(output) == "float32[2, 28, 28, 1]")
      _ = output
    }
  }

  @Test func permute() throws {
    try withPolicy(.float32) {
      let channelsFirst = Permute([3, 1, 2])
      _ = channelsFirst
      let output = try Model(channelsFirst)(Tensor(zeros: TensorType(.float32, [2, 8, 6, 3])))  // float32[2, 3, 8, 6]
      #expect(type(output) == "float32[2, 3, 8, 6]")
      _ = output
    }
  }

  @Test func repeatVector() throws {
    try withPolicy(.float32) {
      let steps = RepeatVector(10)
      _ = steps
      let output = try Model(steps)(Tensor(zeros: TensorType(.float32, [2, 8])))  // float32[2, 10, 8]
      #expect(type(output) == "float32[2, 10, 8]")
      _ = output
    }
  }

  @Test func masking() throws {
    try withPolicy(.float32) {
      let padded = Masking(maskValue: -1)
      _ = padded
      let layers = Sequential([padded, LSTM(16)])
      _ = layers
      let output = try Model(layers)(Tensor(zeros: TensorType(.float32, [2, 10, 8])))  // float32[2, 16]
      #expect(type(output) == "float32[2, 16]")
      _ = output
    }
  }

  @Test func zeroPadding1D() throws {
    try withPolicy(.float32) {
      let padded = ZeroPadding1D(padding: 2)
      _ = padded
      let output = try Model(padded)(Tensor(zeros: TensorType(.float32, [2, 8, 4])))  // float32[2, 12, 4]
      #expect(type(output) == "float32[2, 12, 4]")
      _ = output
    }
  }

  @Test func zeroPadding2D() throws {
    try withPolicy(.float32) {
      let padded = ZeroPadding2D(padding: [[1, 2], [0, 3]])  // top, bottom; left, right
      _ = padded
      let output = try Model(padded)(Tensor(zeros: TensorType(.float32, [2, 8, 8, 3])))  // float32[2, 11, 11, 3]
      #expect(type(output) == "float32[2, 11, 11, 3]")
      _ = output
    }
  }

  @Test func zeroPadding3D() throws {
    try withPolicy(.float32) {
      let padded = ZeroPadding3D(padding: 1)
      _ = padded
      let output = try Model(padded)(Tensor(zeros: TensorType(.float32, [1, 4, 4, 4, 2])))  // float32[1, 6, 6, 6, 2]
      #expect(type(output) == "float32[1, 6, 6, 6, 2]")
      _ = output
    }
  }

  @Test func cropping1D() throws {
    try withPolicy(.float32) {
      let inner = Cropping1D(cropping: 1)
      _ = inner
      let output = try Model(inner)(Tensor(zeros: TensorType(.float32, [2, 8, 4])))  // float32[2, 6, 4]
      #expect(type(output) == "float32[2, 6, 4]")
      _ = output
    }
  }

  @Test func cropping2D() throws {
    try withPolicy(.float32) {
      let inner = Cropping2D(cropping: [[1, 2], [0, 3]])  // top, bottom; left, right
      _ = inner
      let output = try Model(inner)(Tensor(zeros: TensorType(.float32, [2, 8, 8, 3])))  // float32[2, 5, 5, 3]
      #expect(type(output) == "float32[2, 5, 5, 3]")
      _ = output
    }
  }

  @Test func cropping3D() throws {
    try withPolicy(.float32) {
      let inner = Cropping3D(cropping: 1)
      _ = inner
      let output = try Model(inner)(Tensor(zeros: TensorType(.float32, [1, 4, 4, 4, 2])))  // float32[1, 2, 2, 2, 2]
      #expect(type(output) == "float32[1, 2, 2, 2, 2]")
      _ = output
    }
  }

  @Test func upSampling1D() throws {
    try withPolicy(.float32) {
      let longer = UpSampling1D(size: 2)
      _ = longer
      let output = try Model(longer)(Tensor(zeros: TensorType(.float32, [2, 8, 4])))  // float32[2, 16, 4]
      #expect(type(output) == "float32[2, 16, 4]")
      _ = output
    }
  }

  @Test func upSampling2D() throws {
    try withPolicy(.float32) {
      let larger = UpSampling2D(size: 2, interpolation: .bilinear)
      _ = larger
      let output = try Model(larger)(Tensor(zeros: TensorType(.float32, [2, 8, 8, 3])))  // float32[2, 16, 16, 3]
      #expect(type(output) == "float32[2, 16, 16, 3]")
      _ = output
    }
  }

  @Test func upSampling3D() throws {
    try withPolicy(.float32) {
      let larger = UpSampling3D(size: 2)
      _ = larger
      let output = try Model(larger)(Tensor(zeros: TensorType(.float32, [1, 4, 4, 4, 2])))  // float32[1, 8, 8, 8, 2]
      #expect(type(output) == "float32[1, 8, 8, 8, 2]")
      _ = output
    }
  }
}
