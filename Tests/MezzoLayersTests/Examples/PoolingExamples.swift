// swift-format-ignore-file
// Made of the documentation of Sources/MezzoLayers by LayerExamplesTests, which says how; not to be changed by hand.
import MezzoBackend
import MezzoGraph
import MezzoLayers
import MezzoPolicy
import Testing

private func type(_ tensor: Tensor?) -> String { tensor.map { "\($0.type)" } ?? "nothing" }

@Suite struct PoolingExamples {
  @Test func adaptiveMaxPooling1D() throws {
    try withPolicy(.float32) {
      let three = AdaptiveMaxPooling1D(outputSize: 3)
      _ = three
      let output = try Model(three)(Tensor(zeros: TensorType(.float32, [2, 8, 4])))  // float32[2, 3, 4]
      #expect(type(output) == "float32[2, 3, 4]")
      _ = output
    }
  }

  @Test func adaptiveMaxPooling2D() throws {
    try withPolicy(.float32) {
      let small = AdaptiveMaxPooling2D(outputSize: [2, 3])
      _ = small
      let output = try Model(small)(Tensor(zeros: TensorType(.float32, [2, 8, 8, 4])))  // float32[2, 2, 3, 4]
      #expect(type(output) == "float32[2, 2, 3, 4]")
      _ = output
    }
  }

  @Test func adaptiveMaxPooling3D() throws {
    try withPolicy(.float32) {
      let small = AdaptiveMaxPooling3D(outputSize: 2)
      _ = small
      let output = try Model(small)(Tensor(zeros: TensorType(.float32, [2, 4, 4, 5, 3])))  // float32[2, 2, 2, 2, 3]
      #expect(type(output) == "float32[2, 2, 2, 2, 3]")
      _ = output
    }
  }

  @Test func adaptiveAveragePooling1D() throws {
    try withPolicy(.float32) {
      let three = AdaptiveAveragePooling1D(outputSize: 3)
      _ = three
      let output = try Model(three)(Tensor(zeros: TensorType(.float32, [2, 8, 4])))  // float32[2, 3, 4]
      #expect(type(output) == "float32[2, 3, 4]")
      _ = output
    }
  }

  @Test func adaptiveAveragePooling2D() throws {
    try withPolicy(.float32) {
      let small = AdaptiveAveragePooling2D(outputSize: [2, 3])
      _ = small
      let output = try Model(small)(Tensor(zeros: TensorType(.float32, [2, 8, 8, 4])))  // float32[2, 2, 3, 4]
      #expect(type(output) == "float32[2, 2, 3, 4]")
      _ = output
    }
  }

  @Test func adaptiveAveragePooling3D() throws {
    try withPolicy(.float32) {
      let small = AdaptiveAveragePooling3D(outputSize: 2)
      _ = small
      let output = try Model(small)(Tensor(zeros: TensorType(.float32, [2, 4, 4, 5, 3])))  // float32[2, 2, 2, 2, 3]
      #expect(type(output) == "float32[2, 2, 2, 2, 3]")
      _ = output
    }
  }

  @Test func globalAveragePooling1D() throws {
    try withPolicy(.float32) {
      let vector = GlobalAveragePooling1D()
      _ = vector
      let output = try Model(vector)(Tensor(zeros: TensorType(.float32, [2, 8, 4])))  // float32[2, 4]
      #expect(type(output) == "float32[2, 4]")
      _ = output
    }
  }

  @Test func globalAveragePooling2D() throws {
    try withPolicy(.float32) {
      let vector = GlobalAveragePooling2D()
      _ = vector
      let output = try Model(vector)(Tensor(zeros: TensorType(.float32, [2, 8, 8, 4])))  // float32[2, 4]
      #expect(type(output) == "float32[2, 4]")
      _ = output
    }
  }

  @Test func globalAveragePooling3D() throws {
    try withPolicy(.float32) {
      let vector = GlobalAveragePooling3D()
      _ = vector
      let output = try Model(vector)(Tensor(zeros: TensorType(.float32, [2, 4, 4, 4, 3])))  // float32[2, 3]
      #expect(type(output) == "float32[2, 3]")
      _ = output
    }
  }

  @Test func globalMaxPooling1D() throws {
    try withPolicy(.float32) {
      let vector = GlobalMaxPooling1D()
      _ = vector
      let output = try Model(vector)(Tensor(zeros: TensorType(.float32, [2, 8, 4])))  // float32[2, 4]
      #expect(type(output) == "float32[2, 4]")
      _ = output
    }
  }

  @Test func globalMaxPooling2D() throws {
    try withPolicy(.float32) {
      let vector = GlobalMaxPooling2D()
      _ = vector
      let output = try Model(vector)(Tensor(zeros: TensorType(.float32, [2, 8, 8, 4])))  // float32[2, 4]
      #expect(type(output) == "float32[2, 4]")
      _ = output
    }
  }

  @Test func globalMaxPooling3D() throws {
    try withPolicy(.float32) {
      let vector = GlobalMaxPooling3D()
      _ = vector
      let output = try Model(vector)(Tensor(zeros: TensorType(.float32, [2, 4, 4, 4, 3])))  // float32[2, 3]
      #expect(type(output) == "float32[2, 3]")
      _ = output
    }
  }

  @Test func maxPooling1D() throws {
    try withPolicy(.float32) {
      let shorter = MaxPooling1D(poolSize: 2)
      _ = shorter
      let output = try Model(shorter)(Tensor(zeros: TensorType(.float32, [2, 8, 4])))  // float32[2, 4, 4]
      #expect(type(output) == "float32[2, 4, 4]")
      _ = output
    }
  }

  @Test func maxPooling2D() throws {
    try withPolicy(.float32) {
      let smaller = MaxPooling2D(poolSize: 2)
      _ = smaller
      let output = try Model(smaller)(Tensor(zeros: TensorType(.float32, [2, 8, 8, 4])))  // float32[2, 4, 4, 4]
      #expect(type(output) == "float32[2, 4, 4, 4]")
      _ = output
    }
  }

  @Test func maxPooling3D() throws {
    try withPolicy(.float32) {
      let smaller = MaxPooling3D(poolSize: 2)
      _ = smaller
      let output = try Model(smaller)(Tensor(zeros: TensorType(.float32, [2, 4, 4, 4, 3])))  // float32[2, 2, 2, 2, 3]
      #expect(type(output) == "float32[2, 2, 2, 2, 3]")
      _ = output
    }
  }

  @Test func averagePooling1D() throws {
    try withPolicy(.float32) {
      let shorter = AveragePooling1D(poolSize: 2)
      _ = shorter
      let output = try Model(shorter)(Tensor(zeros: TensorType(.float32, [2, 8, 4])))  // float32[2, 4, 4]
      #expect(type(output) == "float32[2, 4, 4]")
      _ = output
    }
  }

  @Test func averagePooling2D() throws {
    try withPolicy(.float32) {
      let smaller = AveragePooling2D(poolSize: 2, padding: .same)
      _ = smaller
      let output = try Model(smaller)(Tensor(zeros: TensorType(.float32, [2, 7, 7, 4])))  // float32[2, 4, 4, 4]
      #expect(type(output) == "float32[2, 4, 4, 4]")
      _ = output
    }
  }

  @Test func averagePooling3D() throws {
    try withPolicy(.float32) {
      let smaller = AveragePooling3D(poolSize: 2)
      _ = smaller
      let output = try Model(smaller)(Tensor(zeros: TensorType(.float32, [2, 4, 4, 4, 3])))  // float32[2, 2, 2, 2, 3]
      #expect(type(output) == "float32[2, 2, 2, 2, 3]")
      _ = output
    }
  }
}
