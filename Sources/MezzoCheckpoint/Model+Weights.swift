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
  /// - Throws: `LayerError.notBuilt` before the input's shape was ever known, `LayerError.unknownVariables` if the file has
  ///   weights of other names, `LayerError.variableType` for one of another shape, and ``CheckpointError`` if the file
  ///   cannot be read. The weights are then as before.
  public func loadWeights(from path: String) throws {
    var weights = try variables
    let file = try Safetensors.read(path)
    guard Set(file.paths) == Set(weights.paths) else {
      throw LayerError.unknownVariables(expected: weights.paths, found: file.paths)
    }
    for path in weights.paths {
      guard let old = weights[path], let new = file[path] else { continue }
      guard old.shape == new.shape else {
        throw LayerError.variableType(path: path, built: old.type, asked: new.type)
      }
      weights.set(path, try new.cast(to: old.dtype), isTrainable: weights.isTrainable(path))
    }
    try setVariables(weights)
  }
}
