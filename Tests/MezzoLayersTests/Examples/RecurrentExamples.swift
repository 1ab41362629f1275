// swift-format-ignore-file
// Made of the documentation of Sources/MezzoLayers by LayerExamplesTests, which says how; not to be changed by hand.
import MezzoBackend
import MezzoGraph
import MezzoLayers
import MezzoPolicy
import Testing

private func type(_ tensor: Tensor?) -> String { tensor.map { "\($0.type)" } ?? "nothing" }

@Suite struct RecurrentExamples {
  @Test func convLSTM1D() throws {
    try withPolicy(.float32) {
      let last = ConvLSTM1D(4, kernelSize: 3, padding: .same)
      _ = last
      let output = try Model(last)(Tensor(zeros: TensorType(.float32, [2, 5, 8, 3])))  // float32[2, 8, 4]
      #expect(type(output) == "float32[2, 8, 4]")
      _ = output
    }
  }

  @Test func convLSTM2D() throws {
    try withPolicy(.float32) {
      let frames = ConvLSTM2D(4, kernelSize: [3, 2], returnSequences: true)
      _ = frames
      let output = try Model(frames)(Tensor(zeros: TensorType(.float32, [2, 3, 6, 6, 1])))  // float32[2, 3, 4, 5, 4]
      #expect(type(output) == "float32[2, 3, 4, 5, 4]")
      _ = output
    }
  }

  @Test func convLSTM3D() throws {
    try withPolicy(.float32) {
      let last = ConvLSTM3D(2, kernelSize: 2)
      _ = last
      let output = try Model(last)(Tensor(zeros: TensorType(.float32, [1, 2, 3, 3, 3, 1])))  // float32[1, 2, 2, 2, 2]
      #expect(type(output) == "float32[1, 2, 2, 2, 2]")
      _ = output
    }
  }

  @Test func gRU() throws {
    try withPolicy(.float32) {
      let last = GRU(64)
      _ = last
      let output = try Model(last)(Tensor(zeros: TensorType(.float32, [2, 10, 8])))  // float32[2, 64]
      #expect(type(output) == "float32[2, 64]")
      _ = output
    }
  }

  @Test func lSTM() throws {
    try withPolicy(.float32) {
      let states = LSTM(64, returnSequences: true)
      _ = states
      let output = try Model(states)(Tensor(zeros: TensorType(.float32, [2, 10, 8])))  // float32[2, 10, 64]
      #expect(type(output) == "float32[2, 10, 64]")
      _ = output
    }
  }

  @Test func simpleRNN() throws {
    try withPolicy(.float32) {
      let last = SimpleRNN(32)
      _ = last
      let output = try Model(last)(Tensor(zeros: TensorType(.float32, [2, 10, 8])))  // float32[2, 32]
      #expect(type(output) == "float32[2, 32]")
      _ = output
    }
  }

  @Test func timeDistributed() throws {
    try withPolicy(.float32) {
      let perStep = TimeDistributed(Dense(10))
      _ = perStep
      let output = try Model(perStep)(Tensor(zeros: TensorType(.float32, [2, 5, 8])))  // float32[2, 5, 10]
      #expect(type(output) == "float32[2, 5, 10]")
      _ = output
    }
  }

  @Test func bidirectional() throws {
    try withPolicy(.float32) {
      let both = Bidirectional(LSTM(32, returnSequences: true))
      _ = both
      let output = try Model(both)(Tensor(zeros: TensorType(.float32, [2, 10, 8])))  // float32[2, 10, 64]
      #expect(type(output) == "float32[2, 10, 64]")
      _ = output
    }
  }
}
