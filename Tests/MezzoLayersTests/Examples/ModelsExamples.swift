// swift-format-ignore-file
// Made of the documentation of Sources/MezzoLayers by LayerExamplesTests, which says how; not to be changed by hand.
import MezzoBackend
import MezzoGraph
import MezzoLayers
import MezzoPolicy
import Testing

private func type(_ tensor: Tensor?) -> String { tensor.map { "\($0.type)" } ?? "nothing" }

@Suite struct ModelsExamples {
  @Test func bucketedModel() throws {
    try withPolicy(.float32) {
      let model = Model {
        Embedding(inputDim: 1000, outputDim: 16, maskZero: true)
        LSTM(8)
        Dense(2)
      }
      let server = BucketedModel(model, try ShapeBuckets(batch: [1, 8], steps: [16, 32, 64]))
      _ = server
      let ids = try Tensor(zeros: TensorType(.int32, [3, 20]))  // int32[3, 20]
      #expect(type(ids) == "int32[3, 20]")
      _ = ids
      let scores = try server(ids)  // float32[3, 2]
      #expect(type(scores) == "float32[3, 2]")
      _ = scores
    }
  }

  @Test func freeze() throws {
    try withPolicy(.float32) {
      let encoder = Sequential([Dense(8), Dense(8)], name: "encoder")
      _ = encoder
      let model = Model(Sequential([encoder, Dense(2)]))
      _ = model
      try model.build(input: [1, 4])
      try model.freeze("encoder")
      try model.unfreeze("encoder.dense_1")
    }
  }

  @Test func functional() throws {
    try withPolicy(.float32) {
      let left = LayerOutput.input("left"), right = LayerOutput.input("right")
      _ = left
      let encoder = Dense(32, activation: .relu, name: "encoder")
      _ = encoder
      let joined = Concatenate()(encoder(left), encoder(right))
      _ = joined
      let twins = try Functional(inputs: [left, right], outputs: Dense(1)(joined))
      _ = twins
      let a = try Tensor(zeros: TensorType(.float32, [2, 8])), b = try Tensor(zeros: TensorType(.float32, [2, 8]))
      _ = a
      let score = try Model(twins)(Arguments(.tensor(a), .tensor(b))).tensor  // float32[2, 1]
      #expect(type(score) == "float32[2, 1]")
      _ = score
    }
  }

  @Test func layerOutput() throws {
    try withPolicy(.float32) {
      let image = LayerOutput.input("image", shape: [28, 28])
      _ = image
      let hidden = Dense(64, activation: .relu)(Flatten()(image))
      _ = hidden
      let model = Model(try Functional(inputs: [image], outputs: Dense(10)(hidden)))
      _ = model
      let logits = try model(Tensor(zeros: TensorType(.float32, [32, 28, 28])))  // float32[32, 10]
      #expect(type(logits) == "float32[32, 10]")
      _ = logits
    }
  }

  @Test func load() throws {
    try withPolicy(.float32) {
      let model = Model(Sequential([Dense(8, name: "encoder"), Dense(2)]))
      _ = model
      try model.build(input: [1, 4])
      let pretrained = Model(Dense(8))
      _ = pretrained
      try pretrained.build(input: [1, 4])
      try model.load(pretrained.variables, into: "encoder")
      let report = try model.load(pretrained.variables, strict: false)  // report.missing, report.unexpected …
      _ = report
    }
  }

  @Test func repolicy() throws {
    try withPolicy(.float32) {
      let model = Model(Sequential([Dense(8), Dense(2)]))
      _ = model
      let images = try Tensor(zeros: TensorType(.float32, [4, 16]))
      _ = images
      let before = try model(images)  // float32[4, 2]
      #expect(type(before) == "float32[4, 2]")
      _ = before
      let change = try model.repolicy(
        DTypePolicyMap(default: .mixedBFloat16, ["dense_1": .float32]), sample: images, tolerance: 0.05)
      try change.undo()
    }
  }

  @Test func model() throws {
    try withPolicy(.float32) {
      let model = Model {
        Dense(512, activation: .relu)
        Dense(10, policy: .float32)
      }
      let logits = try model(Tensor(zeros: TensorType(.float32, [32, 784])))  // float32[32, 10]
      #expect(type(logits) == "float32[32, 10]")
      _ = logits
    }
  }

  @Test func summary() throws {
    try withPolicy(.float32) {
      let model = Model(Sequential([Dense(512, activation: .relu), Dense(10)]))
      _ = model
      try model.build(input: [32, 784])
      print(try model.summary())
    }
  }

  @Test func sequential() throws {
    try withPolicy(.float32) {
      let layers = Sequential {
        Flatten()
        Dense(512, activation: .relu)
        Dense(10, policy: .float32)
      }
      let output = try Model(layers)(Tensor(zeros: TensorType(.float32, [32, 28, 28])))  // float32[32, 10]
      #expect(type(output) == "float32[32, 10]")
      _ = output
    }
  }

  @Test func shapeBuckets() throws {
    try withPolicy(.float32) {
      let buckets = try ShapeBuckets(batch: [1, 8, 32], steps: [16, 32, 64, 128])
      _ = buckets
      let size = buckets.size(of: 20, axis: 1)  // 32
      _ = size
    }
  }
}
