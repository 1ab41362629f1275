/// What a policy says beyond the two dtypes of Keras. Absent for almost every policy, so that those stay small.
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

  /// Boxed, so that reading a policy copies a pointer and not dictionaries; immutable, so that it may be shared.
  final class Box: Sendable {
    let value: PolicyRefinements
    init(_ value: PolicyRefinements) { self.value = value }
  }
}
