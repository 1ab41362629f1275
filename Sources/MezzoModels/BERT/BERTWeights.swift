import MezzoBackend
public import MezzoCheckpoint
import MezzoGraph
public import MezzoLayers
import MezzoPolicy
import MezzoRuntime

/// The names that Hugging Face's transformers give the weights of BERT, and what they hold.
extension BERT {
  /// Loads the weights of a built model whose variables below `scope` are those of ``BERT``.
  ///
  /// Every variable has to be in the files. What is there besides may only be what an encoder does not use: its pooler,
  /// buffers, and, where its own names begin with `bert.`, the heads of the model around it.
  ///
  /// - Throws: `CheckpointError` where a file cannot be read, ``PretrainedError`` where weights are missing, unexpected or of
  ///   another shape; the model is then as before.
  public static func load(_ shards: SafetensorsShards, into model: Model, scope: String) throws {
    let prefix = shards.names.contains { $0.hasPrefix("bert.") } ? "bert." : ""
    var variables = try model.variables
    let scales = variables.quantizedScales
    let wanted = variables.paths.filter { !scales.contains($0) }.map {
      (path: $0, name: prefix + weightName(String($0.dropFirst(scope.count))))
    }
    try checkNames(Set(wanted.map(\.name)), shards, prefix)
    var casts: [[TensorType]: Plan] = [:]
    var quantizer = KernelQuantizer(model.runtime)
    for (path, name) in wanted {
      guard let old = variables[path] else { continue }
      var weight = try shards.tensor(name)
      guard weight.shape == old.shape, weight.dtype.isFloatingPoint else {
        throw PretrainedError.weightShape(path: shards.path, tensor: name, expected: old.shape, found: "\(weight.type)")
      }
      let isQuantized = variables.isQuantized(path)
      let stored = TensorType(isQuantized ? .float32 : old.dtype, old.shape)
      if weight.type != stored {
        let plan = try casts[[weight.type, stored]] ?? cast(weight.type, to: stored.dtype, model.runtime)
        casts[[weight.type, stored]] = plan
        weight = try plan.run([weight])[0]
      }
      if isQuantized {
        try variables.setQuantized(path, weight, &quantizer)
      } else {
        variables.set(path, weight, isTrainable: variables.isTrainable(path))
      }
    }
    try model.setVariables(variables)
  }

  /// A plan of its own, which goes with its memory: weights come once.
  private static func cast(_ type: TensorType, to dtype: DType, _ runtime: Runtime) throws -> Plan {
    let trace = Trace()
    return try runtime.makePlan(trace.finish([try trace.input(type, name: "weight").cast(to: dtype)]))
  }

  /// `encoder.layer.0.attention.self.query.kernel` is `encoder.layer.0.attention.self.query.weight`.
  private static func weightName(_ path: String) -> String {
    guard let dot = path.lastIndex(of: ".") else { return path }
    let names = ["kernel": "weight", "embeddings": "weight", "gamma": "weight", "beta": "bias"]
    let last = String(path[path.index(after: dot)...])
    return "\(path[...dot])\(names[last] ?? last)"
  }

  private static func checkNames(_ wanted: Set<String>, _ shards: SafetensorsShards, _ prefix: String) throws {
    let found = Set(shards.names)
    let unused = ["pooler.", "embeddings.position_ids", "embeddings.token_type_ids"].map { prefix + $0 }
    let unexpected = found.subtracting(wanted).filter { name in
      name.hasPrefix(prefix) && !unused.contains { name.hasPrefix($0) }
    }
    let missing = wanted.subtracting(found)
    guard missing.isEmpty, unexpected.isEmpty else {
      throw PretrainedError.weights(path: shards.path, missing: missing.sorted(), unexpected: unexpected.sorted())
    }
  }
}
