import MezzoBackend
public import MezzoGraph
import MezzoPolicy
import MezzoRuntime

extension Model {
  /// Fixes what becomes 127 of the inputs of layers that multiply in int8: from now on the largest magnitude that they had over
  /// these samples, and no longer that of each row. What is larger is cut off there.
  ///
  /// Static ranges save one look at each row and make a row's result independent of its outliers; without, the digits of each
  /// row are used in full. Each range is a variable `input_limit` of its layer, `[]`, which is saved with the weights; a model
  /// that is given a floating policy loses it.
  ///
  /// - Parameter samples: batches such as the model will see, of one type or several.
  /// - Returns: the range of each such layer, by its path; empty where there is none.
  /// - Throws: ``LayerError/invalidConfiguration(layer:expected:found:)`` without samples or where an input is not finite; the
  ///   model is then as it was.
  @discardableResult
  public func calibrate(_ samples: [Tensor]) throws -> [String: Double] {
    guard let first = samples.first else {
      throw LayerError.invalidConfiguration(layer: "the model", expected: "samples to calibrate with", found: "none")
    }
    try build(input: first.type)
    guard let before = built else { throw LayerError.notBuilt(model: "the model") }
    // Layers see their inputs as they are without ranges.
    var after = before
    for path in after.variables.paths where path.hasSuffix(QuantizedKernel.limitName) { after.variables.remove(path) }
    var limits: [String: Double] = [:]
    for (index, sample) in samples.enumerated() {
      let call = try TracedCall(self, inputs: Arguments(.tensor(sample.type)), isTraining: false, built: after) { _ in
        .constant
      }
      let inputs = call.quantizedInputs.sorted { $0.key < $1.key }
      let largest = try inputs.map { try $0.value.atLeastFloat32().abs().max(axes: Array(0..<$0.value.rank)) }
      let plan = try runtime.makePlan(call.trace.finish(largest))
      let found = try plan.run([sample] + after.variables.tensors(at: call.variables.map(\.path)))
      for (layer, limit) in zip(inputs.map(\.key), found) {
        let limit = limit.scalars().first ?? 0
        guard limit.isFinite else {
          throw LayerError.invalidConfiguration(
            layer: "layer \(layer)", expected: "finite inputs to calibrate with", found: "\(limit) in sample \(index)")
        }
        limits[layer] = max(limits[layer] ?? 0, limit)
      }
    }
    for (layer, limit) in limits.sorted(by: { $0.key < $1.key }) {
      let kernel = layer.isEmpty ? "kernel" : "\(layer).kernel"
      let scale = after.variables[QuantizedKernel.scalePath(kernel)]?.dtype ?? .float32
      after.variables.set(
        QuantizedKernel.limitPath(layer: layer), try Tensor(limit, dtype: scale), isTrainable: false)
    }
    try replace(before, by: after)
    return limits
  }
}
