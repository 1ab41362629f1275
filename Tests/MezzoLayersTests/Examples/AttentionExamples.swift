// swift-format-ignore-file
// Made of the documentation of Sources/MezzoLayers by LayerExamplesTests, which says how; not to be changed by hand.
import MezzoBackend
import MezzoGraph
import MezzoLayers
import MezzoPolicy
import Testing

private func type(_ tensor: Tensor?) -> String { tensor.map { "\($0.type)" } ?? "nothing" }

@Suite struct AttentionExamples {
  @Test func attention() throws {
    try withPolicy(.float32) {
      let query = try Tensor(zeros: TensorType(.float32, [2, 3, 8]))
      _ = query
      let value = try Tensor(zeros: TensorType(.float32, [2, 5, 8]))
      _ = value
      let mask = try Tensor([1, 1, 1, 0, 0, 1, 1, 1, 1, 1], shape: [2, 5], dtype: .bool)
      _ = mask
      let read = try Model(Attention())(
        Arguments(.array([.tensor(query), .tensor(value)]), named: ["value_mask": .tensor(mask)]))
      let output = read.tensor  // float32[2, 3, 8]
      #expect(type(output) == "float32[2, 3, 8]")
      _ = output
    }
  }

  @Test func additiveAttention() throws {
    try withPolicy(.float32) {
      let query = try Tensor(zeros: TensorType(.float32, [2, 3, 8]))
      _ = query
      let value = try Tensor(zeros: TensorType(.float32, [2, 5, 8]))
      _ = value
      let read = try Model(AdditiveAttention())(Arguments(.array([.tensor(query), .tensor(value)])))
      _ = read
      let output = read.tensor  // float32[2, 3, 8]
      #expect(type(output) == "float32[2, 3, 8]")
      _ = output
    }
  }

  @Test func emptyCache() throws {
    try withPolicy(.float32) {
      let attention = MultiHeadAttention(numHeads: 2, keyDim: 4, isCausal: true)
      _ = attention
      let model = Model(attention)
      _ = model
      var cache = try attention.emptyCache(batch: 1, length: 512)
      for position in 0..<3 {
        let token = try Tensor(zeros: TensorType(.float32, [1, 1, 8]))
        let given = try Tree.tensor(Tensor(Double(position), dtype: .int32))
        let results = try model(Arguments(.tensor(token), .tensor(token), named: ["cache": cache, "position": given]))
        guard case .array(let parts) = results else { break }
        cache = .array(Array(parts.dropFirst()))  // parts[0] is the output
      }
    }
  }

  @Test func multiHeadAttention() throws {
    try withPolicy(.float32) {
      let attention = MultiHeadAttention(numHeads: 8, keyDim: 64, isCausal: true)
      _ = attention
      let x = try Tensor(zeros: TensorType(.float32, [2, 10, 32]))
      _ = x
      let output = try Model(attention)(Arguments(.tensor(x), .tensor(x))).tensor  // float32[2, 10, 32]
      #expect(type(output) == "float32[2, 10, 32]")
      _ = output
    }
  }

  @Test func groupedQueryAttention() throws {
    try withPolicy(.float32) {
      let attention = GroupedQueryAttention(headDim: 64, numQueryHeads: 8, numKeyValueHeads: 2)
      _ = attention
      let x = try Tensor(zeros: TensorType(.float32, [2, 10, 32]))
      _ = x
      let output = try Model(attention)(Arguments(.tensor(x), .tensor(x))).tensor  // float32[2, 10, 32]
      #expect(type(output) == "float32[2, 10, 32]")
      _ = output
    }
  }
}
