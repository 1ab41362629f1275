import MezzoGraph
public import MezzoLayers

extension Model {
  /// Writes the weights alone to a safetensors file, each in the dtype that it is stored in. The file is whole or as it was.
  ///
  /// - Throws: `LayerError.notBuilt`, and ``CheckpointError`` if the file cannot be written.
  public func saveWeights(to path: String) throws { try Safetensors.write(try variables, to: path) }

  /// Replaces the weights by those of a safetensors file, each rounded once to the dtype that this model stores it in.
  ///
  /// So weights go from a policy to another as in Keras: between `float32` and the mixed policies they stay what they are.
  /// The model keeps its layers, policies and order of weights.
  ///
  /// - Parameters:
  ///   - layer: the path of the layer whose weights the file has; by default the model.
  ///   - strict: whether every variable there must be in the file, and nothing else. If not, what fits is taken over.
  /// - Returns: what was taken over, and what was not.
  /// - Throws: `LayerError.notBuilt` before the input's shape was ever known, `LayerError.weights` with everything that does not
  ///   fit, and ``CheckpointError`` if the file cannot be read. The weights are then as before.
  @discardableResult
  public func loadWeights(from path: String, into layer: String = "", strict: Bool = true) throws -> WeightsReport {
    _ = try variables
    return try load(try Safetensors.read(path), into: layer, strict: strict)
  }
}
