import Mezzo

/// W6: work over rows that is bound by memory: a residual with layer normalisation, softmax, GELU.
enum RowWork {
  static let normalization = kind("W6a", "residual + LayerNorm", tensors: 2) { policy in
    ResidualNormalization(policy: policy)
  }
  static let softmax = kind("W6b", "softmax", tensors: 1) { Activation(.softmax, policy: $0) }
  static let gelu = kind("W6c", "GELU", tensors: 1) { Activation(.gelu, policy: $0) }

  /// - Parameter tensors: how many inputs of the same shape there are.
  private static func kind(
    _ name: String, _ title: String, tensors: Int, _ layer: @escaping @Sendable (DTypePolicy) -> any Layer
  ) -> BenchKind {
    BenchKind(
      name: name, title: title, parameters: ["rows", "cols"],
      make: { parameters, setting in
        let shape = [try parameters.size("rows", default: 4096), try parameters.size("cols", default: 1024)]
        let inputs = try (0..<tensors).map { index in
          var data = setting.stream(index)
          return try setting.input(try data.unit(shape))
        }
        let arguments = ModelInputs(positional: inputs.map { Tree.tensor($0) })
        let model = try setting.model(layer(setting.policy), inputs: arguments.map(\.type), weights: [:])
        return try InferenceWork(model, inputs: arguments)
      }, operations: { _ in nil })
  }
}

/// Layer normalisation of the sum of two tensors.
private struct ResidualNormalization: Layer {
  var policy: DTypePolicy

  func call(_ inputs: LayerInputs, _ context: LayerContext) throws -> TensorTree {
    let tensors = inputs.leaves.compactMap { $0 }
    guard tensors.count == 2 else {
      throw LayerError.inputs(layer: context.path, expected: "two tensors", found: "\(tensors.count)")
    }
    return .tensor(
      try context.call(
        LayerNormalization(epsilon: 1e-5, policy: policy), tensors[0] + tensors[1], name: "layer_normalization"))
  }
}
