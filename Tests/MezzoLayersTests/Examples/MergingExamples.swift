// swift-format-ignore-file
// Made of the documentation of Sources/MezzoLayers by LayerExamplesTests, which says how; not to be changed by hand.
import MezzoBackend
import MezzoGraph
import MezzoLayers
import MezzoPolicy
import Testing

private func type(_ tensor: Tensor?) -> String { tensor.map { "\($0.type)" } ?? "nothing" }

@Suite struct MergingExamples {
  @Test func concatenate() throws {
    try withPolicy(.float32) {
      let (x, y) = try (Tensor(zeros: TensorType(.float32, [3, 5])), Tensor(zeros: TensorType(.float32, [3, 2])))
      _ = x
      _ = y
      let both = try Model(Concatenate())(Arguments(.tensor(x), .tensor(y))).tensor  // float32[3, 7]
      #expect(type(both) == "float32[3, 7]")
      _ = both
    }
  }

  @Test func dot() throws {
    try withPolicy(.float32) {
      let (x, y) = try (Tensor(zeros: TensorType(.float32, [3, 5])), Tensor(zeros: TensorType(.float32, [3, 5])))
      _ = x
      _ = y
      let cosine = Dot(axes: [1], normalize: true)
      _ = cosine
      let output = try Model(cosine)(Arguments(.array([.tensor(x), .tensor(y)]))).tensor  // float32[3, 1]
      #expect(type(output) == "float32[3, 1]")
      _ = output
    }
  }

  @Test func add() throws {
    try withPolicy(.float32) {
      let (x, y) = try (Tensor(zeros: TensorType(.float32, [3, 5])), Tensor(zeros: TensorType(.float32, [3, 5])))
      _ = x
      _ = y
      let sum = try Model(Add())(Arguments(.tensor(x), .tensor(y))).tensor  // float32[3, 5]
      #expect(type(sum) == "float32[3, 5]")
      _ = sum
    }
  }

  @Test func subtract() throws {
    try withPolicy(.float32) {
      let (x, y) = try (Tensor(zeros: TensorType(.float32, [3, 5])), Tensor(zeros: TensorType(.float32, [3, 5])))
      _ = x
      _ = y
      let difference = try Model(Subtract())(Arguments(.tensor(x), .tensor(y))).tensor  // float32[3, 5]
      #expect(type(difference) == "float32[3, 5]")
      _ = difference
    }
  }

  @Test func multiply() throws {
    try withPolicy(.float32) {
      let (x, y) = try (Tensor(zeros: TensorType(.float32, [3, 5])), Tensor(zeros: TensorType(.float32, [3, 1])))
      _ = x
      _ = y
      let gated = try Model(Multiply())(Arguments(.tensor(x), .tensor(y))).tensor  // float32[3, 5]
      #expect(type(gated) == "float32[3, 5]")
      _ = gated
    }
  }

  @Test func average() throws {
    try withPolicy(.float32) {
      let (x, y) = try (Tensor(zeros: TensorType(.float32, [3, 5])), Tensor(zeros: TensorType(.float32, [3, 5])))
      _ = x
      _ = y
      let mean = try Model(Average())(Arguments(.tensor(x), .tensor(y))).tensor  // float32[3, 5]
      #expect(type(mean) == "float32[3, 5]")
      _ = mean
    }
  }

  @Test func maximum() throws {
    try withPolicy(.float32) {
      let (x, y) = try (Tensor(zeros: TensorType(.float32, [3, 5])), Tensor(zeros: TensorType(.float32, [3, 5])))
      _ = x
      _ = y
      let largest = try Model(Maximum())(Arguments(.tensor(x), .tensor(y))).tensor  // float32[3, 5]
      #expect(type(largest) == "float32[3, 5]")
      _ = largest
    }
  }

  @Test func minimum() throws {
    try withPolicy(.float32) {
      let (x, y) = try (Tensor(zeros: TensorType(.float32, [3, 5])), Tensor(zeros: TensorType(.float32, [3, 5])))
      _ = x
      _ = y
      let smallest = try Model(Minimum())(Arguments(.tensor(x), .tensor(y))).tensor  // float32[3, 5]
      #expect(type(smallest) == "float32[3, 5]")
      _ = smallest
    }
  }
}
