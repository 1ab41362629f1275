import MezzoFiles
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
  /// Under which the weights hold the configuration that they were saved with.
  private static let configurationKey = "mezzo.configuration"
  /// Bytes of a configuration beyond which it is not read.
  private static let configurationLimit = 1 << 24

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
    /// What training leaves as it is.
    var frozen: Freezing?
    /// What the weights are in the model, for those that are stored in another dtype.
    var dtypes: [String: DType]?
    /// Variables that no gradient changes, such as moving averages.
    var untrained: [String]?
    /// Which save this is of: the fingerprint of everything above, as it was saved.
    var save: String?

    private enum CodingKeys: String, CodingKey {
      case format, seed, model, layers, frozen, save
      case dtypes = "variable_dtypes"
      case untrained = "untrained_variables"
      case lossScale = "loss_scale"
    }
  }

  /// Writes the layers, their policies, what became of those in the model and the loss scale to `config.json`, and the
  /// weights to `model.safetensors`, in `directory`, which must exist.
  ///
  /// The two belong together whenever the process ends: the weights carry their configuration, which counts where
  /// `config.json` is still, or already, that of another save.
  ///
  /// ```swift
  /// try model.save(to: "classifier", dtype: .bfloat16)   // half the bytes, whatever the policy
  /// ```
  ///
  /// The two belong together whenever the process ends: the weights carry their configuration, which counts where
  /// `config.json` is still, or already, that of another save.
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
    let text = try configurationText(weights, stored: stored)
    try Safetensors.write(
      stored, toDirectory: directory, limit: shardSize, metadata: [Self.configurationKey: text])
    let bytes = Array(text.utf8)
    try bytes.withUnsafeBytes { try CheckpointFile.write([$0], to: "\(directory)/\(Self.configurationFile)") }
  }

  /// A model as it was saved: layers keep the policies they were made with, whatever the global policy is now.
  public convenience init(directory: String, runtime: Runtime = .shared) throws {
    let path = "\(directory)/\(Self.configurationFile)"
    let shards = SafetensorsShards.exist(in: directory) ? try SafetensorsShards(directory) : nil
    let carried = try shards?.metadata[Self.configurationKey]
    // The first save of all may have ended between the two files.
    let isAlone = carried != nil && !AtomicFile.exists(path)
    var configuration = try Self.configuration(
      isAlone ? Array((carried ?? "").utf8) : CheckpointFile.read(path, limit: Self.configurationLimit),
      path: isAlone ? directory : path)
    if let save = configuration.save, let carried {
      let own = try Self.configuration(Array(carried.utf8), path: directory)
      if own.save != save { configuration = own }
    }
    self.init(
      configuration.model.layer, seed: configuration.seed, runtime: runtime,
      variables: try Self.weights(shards ?? SafetensorsShards(directory), configuration),
      layers: configuration.layers ?? [])
    lossScale = configuration.lossScale
    freezing = configuration.frozen ?? Freezing()
  }

  /// The weights of a file, in the dtypes that the model has them in.
  private static func weights(_ shards: SafetensorsShards, _ configuration: Configuration) throws -> Variables {
    var weights = try shards.variables()
    let dtypes = configuration.dtypes ?? [:]
    let untrained = Set(configuration.untrained ?? [])
    for path in untrained.union(dtypes.keys) {
      guard let tensor = weights[path] else {
        throw CheckpointError.missingTensor(path: shards.path, tensor: path)
      }
      let own = try tensor.stored(as: dtypes[path] ?? tensor.dtype, name: path)
      weights.set(path, own, isTrainable: !untrained.contains(path))
    }
    return weights
  }

  private func configurationText(_ weights: Variables, stored: Variables) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
    let changed = weights.paths.filter { weights[$0]?.dtype != stored[$0]?.dtype }
    let dtypes = Dictionary(uniqueKeysWithValues: changed.compactMap { path in weights[path].map { (path, $0.dtype) } })
    var configuration = Configuration(
      seed: seed, model: AnyLayer(layer), layers: try layers, lossScale: lossScale,
      dtypes: dtypes.isEmpty ? nil : dtypes, untrained: weights.paths.filter { !weights.isTrainable($0) })
    if !freezing.isEmpty { configuration.frozen = freezing }
    configuration.save = Self.fingerprint(try encoder.encode(configuration))
    return String(decoding: try encoder.encode(configuration), as: UTF8.self)
  }

  private static func configuration(_ text: [UInt8], path: String) throws -> Configuration {
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
    return configuration
  }

  /// Fowler, Noll and Vo's 64-bit hash (FNV-1a): two saves are to be told apart, not protected from anybody.
  private static func fingerprint(_ bytes: some Sequence<UInt8>) -> String {
    let hash = bytes.reduce(0xCBF2_9CE4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x0000_0100_0000_01B3 }
    return String(hash, radix: 16)
  }
}
