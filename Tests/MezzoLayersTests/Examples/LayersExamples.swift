// swift-format-ignore-file
// Made of the documentation of Sources/MezzoLayers by LayerExamplesTests, which says how; not to be changed by hand.
import MezzoBackend
import MezzoGraph
import MezzoLayers
import MezzoPolicy
import Testing

private func type(_ tensor: Tensor?) -> String { tensor.map { "\($0.type)" } ?? "nothing" }

@Suite struct LayersExamples {
  @Test func cast() throws {
    try withPolicy(.float32) {
      let layers = Sequential {
        Dense(64, policy: .mixedBFloat16)
        Cast(to: .float32)
        Dense(10, policy: .float32)
      }
      let output = try Model(layers)(Tensor(zeros: TensorType(.float32, [2, 8])))  // float32[2, 10]
      #expect(type(output) == "float32[2, 10]")
      _ = output
    }
  }

  @Test func constraint() throws {
    try withPolicy(.float32) {
      let layer = Dense(8, kernelConstraint: .maxNorm(3))
      _ = layer
      let output = try Model(layer)(Tensor(zeros: TensorType(.float32, [2, 4])))  // float32[2, 8]
      #expect(type(output) == "float32[2, 8]")
      _ = output
    }
  }

  @Test func dense() throws {
    try withPolicy(.float32) {
      let hidden = Dense(512, activation: .relu)
      _ = hidden
      let logits = Dense(10, policy: .float32)
      _ = logits
      let layers = Sequential([hidden, logits])
      _ = layers
      let output = try Model(layers)(Tensor(zeros: TensorType(.float32, [32, 784])))  // float32[32, 10]
      #expect(type(output) == "float32[32, 10]")
      _ = output
    }
  }

  @Test func einsumDense() throws {
    try withPolicy(.float32) {
      let heads = EinsumDense("abc,cde->abde", outputShape: [nil, 8, 64], biasAxes: "de")
      _ = heads
      let output = try Model(heads)(Tensor(zeros: TensorType(.float32, [2, 10, 32])))  // float32[2, 10, 8, 64]
      #expect(type(output) == "float32[2, 10, 8, 64]")
      _ = output
    }
  }

  @Test func embedding() throws {
    try withPolicy(.float32) {
      let words = Embedding(inputDim: 10_000, outputDim: 64, maskZero: true)
      _ = words
      let output = try Model(words)(Tensor([7, 2, 0], shape: [1, 3], dtype: .int32))  // float32[1, 3, 64]
      #expect(type(output) == "float32[1, 3, 64]")
      _ = output
    }
  }

  @Test func lambda() throws {
    try withPolicy(.float32) {
      Lambda.register("square") { try $0 * $0 }
      let squared = Lambda("square")
      _ = squared
      let output = try Model(squared)(Tensor(zeros: TensorType(.float32, [2, 8])))  // float32[2, 8]
      #expect(type(output) == "float32[2, 8]")
      _ = output
    }
  }

  @Test func identity() throws {
    try withPolicy(.float32) {
      let nothing = Identity()
      _ = nothing
      let output = try Model(nothing)(Tensor(zeros: TensorType(.float32, [2, 8])))  // float32[2, 8]
      #expect(type(output) == "float32[2, 8]")
      _ = output
    }
  }

  @Test func layer() throws {
    try withPolicy(.float32) {
      struct Scale: Layer {
        var policy = globalPolicy()
        func call(_ input: SymbolicTensor, _ context: LayerContext) throws -> SymbolicTensor {
          try input * context.variable("scale", shape: [input.shape[input.rank - 1]], initializer: .ones)
        }
      }
      let output = try Model(Scale())(Tensor(zeros: TensorType(.float32, [2, 8])))  // float32[2, 8]
      #expect(type(output) == "float32[2, 8]")
      _ = output
    }
  }

  @Test func layerVariable() throws {
    try withPolicy(.float32) {
      struct Centered: Layer {
        var policy = globalPolicy()
        func call(_ input: SymbolicTensor, _ context: LayerContext) throws -> SymbolicTensor {
          let mean = try context.parameter("moving_mean", shape: [8], initializer: .zeros, isTrainable: false)
          let old = try mean.value(in: context)  // in the compute dtype of a mixed layer
          try context.assign(mean, old * 0.9 + input.mean(axes: [0]) * 0.1)  // stored in full precision
          return try input - old
        }
      }
      let output = try Model(Centered())(Tensor(zeros: TensorType(.float32, [2, 8])))  // float32[2, 8]
      #expect(type(output) == "float32[2, 8]")
      _ = output
    }
  }

  @Test func reversibleEmbedding() throws {
    try withPolicy(.float32) {
      let words = ReversibleEmbedding(inputDim: 100, outputDim: 8)
      _ = words
      let output = try Model(words)(Tensor(zeros: TensorType(.float32, [1, 3, 8])))  // float32[1, 3, 100]
      #expect(type(output) == "float32[1, 3, 100]")
      _ = output
    }
  }

  @Test func tree() throws {
    try withPolicy(.float32) {
      let (h, c) = try (Tensor(zeros: TensorType(.float32, [2, 8])), Tensor(zeros: TensorType(.float32, [2, 8])))
      _ = h
      _ = c
      let ids = try Tensor([3, 1], shape: [2], dtype: .int32)
      _ = ids
      let inputs: Tree<Tensor> = .dictionary(["ids": .tensor(ids), "states": .array([.tensor(h), .tensor(c)])])
      _ = inputs
    }
  }

  @Test func arguments() throws {
    try withPolicy(.float32) {
      let steps = try Tensor(zeros: TensorType(.float32, [2, 3, 8]))
      _ = steps
      let mask = try Tensor([1, 1, 0, 1, 0, 0], shape: [2, 3], dtype: .bool)
      _ = mask
      let output = try Model(LSTM(4))(Arguments(.tensor(steps), named: ["mask": .tensor(mask)])).tensor  // float32[2, 4]
      #expect(type(output) == "float32[2, 4]")
      _ = output
    }
  }
}
