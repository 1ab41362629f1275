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
  /// - Parameter path: a file, an index of several, or a directory with `model.safetensors` or its index.
  /// - Throws: `LayerError.notBuilt` before the input's shape was ever known, `LayerError.unknownVariables` if the file has
  ///   weights of other names, `LayerError.variableType` for one of another shape, and ``CheckpointError`` if the file
  ///   cannot be read or has a finite value that the model's dtype cannot hold. The weights are then as before.
  public func loadWeights(from path: String) throws {
    var weights = try variables
    let file = try SafetensorsShards(path)
    guard Set(file.names) == Set(weights.paths) else {
      throw LayerError.unknownVariables(expected: weights.paths, found: file.names)
    }
    for path in weights.paths {
      guard let old = weights[path] else { continue }
      let new = try file.tensor(path)
      guard old.shape == new.shape else {
        throw LayerError.variableType(path: path, built: old.type, asked: new.type)
      }
      weights.set(path, try new.stored(as: old.dtype, name: path), isTrainable: weights.isTrainable(path))
    }
    try setVariables(weights)
  }
}
