import MezzoGraph
public import MezzoLayers
public import MezzoPolicy
public import MezzoRuntime

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

extension Model {
  private static let configurationFile = "config.json"
  /// Bytes of a configuration beyond which it is not read.
  private static let configurationLimit = 1 << 26

  /// What `config.json` holds; a version that is not known is refused rather than guessed at.
  private struct Configuration: Codable {
    /// Version 1 had no `layers`.
    static let format = 2

    var format = Self.format
    var seed: UInt64
    var model: AnyLayer
    /// The policies that layers ended up with, which those in `model` alone do not say.
    var layers: [LayerRecord]?
    /// The scale and its count of good steps as training left them.
    var lossScale: LossScale?
    /// What the weights are in the model, for those that are stored in another dtype.
    var dtypes: [String: DType]?
    /// Variables that no gradient changes, such as moving averages.
    var untrained: [String]?

    private enum CodingKeys: String, CodingKey {
      case format, seed, model, layers
      case dtypes = "variable_dtypes"
      case untrained = "untrained_variables"
      case lossScale = "loss_scale"
    }
  }

  /// Writes the layers, their policies, what became of those in the model and the loss scale to `config.json`, and the
  /// weights to `model.safetensors`, in `directory`, which must exist. Each file is whole or as it was.
  ///
  /// ```swift
  /// try model.save(to: "classifier", dtype: .bfloat16)   // half the bytes, whatever the policy
  /// ```
  ///
  /// - Parameters:
  ///   - dtype: what floating weights are rounded to in the file, once and to nearest even. A model that is made of the
  ///     file has them in its own dtypes again. By default each stays what it is stored in.
  ///   - shardSize: bytes of weights beyond which they go to several files beside `model.safetensors.index.json`.
  /// - Throws: `LayerError.notBuilt`, and ``CheckpointError`` if a file cannot be written, or if `dtype` cannot hold a
  ///   value; nothing is written then.
  public func save(to directory: String, dtype: DType? = nil, shardSize: Int = 5 << 30) throws {
    let weights = try variables
    let stored = try dtype.map { try weights.stored(as: $0) } ?? weights
    let changed = weights.paths.filter { weights[$0]?.dtype != stored[$0]?.dtype }
    let dtypes = Dictionary(uniqueKeysWithValues: changed.compactMap { path in weights[path].map { (path, $0.dtype) } })
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
    let text = Array(
      try encoder.encode(
        Configuration(
          seed: seed, model: AnyLayer(layer), layers: layers, lossScale: lossScale,
          dtypes: dtypes.isEmpty ? nil : dtypes, untrained: weights.paths.filter { !weights.isTrainable($0) })))
    try Safetensors.write(stored, toDirectory: directory, limit: shardSize)
    try text.withUnsafeBytes { try AtomicFile.write([$0], to: "\(directory)/\(Self.configurationFile)") }
  }

  /// A model as it was saved: layers keep the policies they were made with, whatever the global policy is now.
  public convenience init(directory: String, runtime: Runtime = .shared) throws {
    let path = "\(directory)/\(Self.configurationFile)"
    let text = try AtomicFile.read(path, limit: Self.configurationLimit)
    let configuration: Configuration
    do {
      configuration = try JSONDecoder().decode(Configuration.self, from: Data(text))
    } catch let error as LayerError {
      throw error
    } catch {
      throw CheckpointError.malformedConfiguration(path: path, reason: "\(error)")
    }
    guard (1...Configuration.format).contains(configuration.format) else {
      throw CheckpointError.malformedConfiguration(
        path: path,
        reason: "its format is \(configuration.format), this version reads up to format \(Configuration.format)")
    }
    var weights = try SafetensorsShards(directory).variables()
    let dtypes = configuration.dtypes ?? [:]
    let untrained = Set(configuration.untrained ?? [])
    for path in untrained.union(dtypes.keys) {
      guard let tensor = weights[path] else {
        throw CheckpointError.missingTensor(path: directory, tensor: path)
      }
      let own = try tensor.stored(as: dtypes[path] ?? tensor.dtype, name: path)
      weights.set(path, own, isTrainable: !untrained.contains(path))
    }
    self.init(
      configuration.model.layer, seed: configuration.seed, runtime: runtime, variables: weights,
      layers: configuration.layers ?? [])
    lossScale = configuration.lossScale
  }
}
