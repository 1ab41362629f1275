import MezzoGraph
public import MezzoLayers
public import MezzoPolicy

extension Model {
  /// Writes the weights alone to a safetensors file. The file is whole or as it was.
  ///
  /// - Parameter dtype: what the floating ones are rounded to, once and to nearest even; by default each stays what it is
  ///   stored in.
  /// - Throws: `LayerError.notBuilt`, and ``CheckpointError`` if the file cannot be written or `dtype` cannot hold a value.
  public func saveWeights(to path: String, dtype: DType? = nil) throws {
    let weights = try variables
    try Safetensors.write(try dtype.map { try weights.stored(as: $0) } ?? weights, to: path)
  }

  /// Replaces the weights by those of safetensors, each rounded once to the dtype that this model stores it in.
  ///
  /// So weights go from a policy to another as in Keras: between `float32` and the mixed policies they stay what they are.
  /// The model keeps its layers, policies and order of weights.
  ///
  /// - Parameters:
  ///   - path: a file, an index of several, or a directory with `model.safetensors` or its index.
  ///   - layer: the path of the layer whose weights the file has; by default the model.
  ///   - strict: whether every variable there must be in the file, and nothing else. If not, what fits is taken over.
  /// - Returns: what was taken over, and what was not.
  /// - Throws: `LayerError.notBuilt` before the input's shape was ever known, `LayerError.weights` with everything that does not
  ///   fit, and ``CheckpointError`` if the file cannot be read or has a finite value that the model's dtype cannot hold.
  ///   The weights are then as before.
  @discardableResult
  public func loadWeights(from path: String, into layer: String = "", strict: Bool = true) throws -> WeightsReport {
    let variables = try variables
    var weights = try SafetensorsShards(path).variables()
    for name in weights.paths {
      guard let own = variables[layer.isEmpty ? name : "\(layer).\(name)"], let tensor = weights[name],
        own.dtype.isFloatingPoint, tensor.dtype.isFloatingPoint
      else { continue }
      weights.set(name, try tensor.stored(as: own.dtype, name: name))
    }
    return try load(weights, into: layer, strict: strict)
  }
}
