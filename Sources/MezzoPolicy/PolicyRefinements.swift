/// What a policy says beyond the two dtypes of Keras.
struct PolicyRefinements: Sendable, Hashable {
  var output: DType?
  var accumulator: DType?
  var reduction: DType?
  var gradient: DType?
  var operations: [String: DType] = [:]
  var layers: [String: DTypePolicy] = [:]
  var quantization: Quantization?

  var isEmpty: Bool {
    output == nil && accumulator == nil && reduction == nil && gradient == nil && operations.isEmpty
      && layers.isEmpty && quantization == nil
  }

  var isOutputAlone: Bool { self == PolicyRefinements(output: output) }
}
