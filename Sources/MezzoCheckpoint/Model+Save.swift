public import MezzoLayers
import MezzoPolicy
public import MezzoRuntime

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

extension Model {
  private static let configurationFile = "config.json"
  private static let weightsFile = "model.safetensors"
  /// Under which the weights hold the configuration that they were saved with.
  private static let configurationKey = "mezzo.configuration"

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
    /// Which save this is of: the fingerprint of everything above, as it was saved.
    var save: String?

    private enum CodingKeys: String, CodingKey {
      case format, seed, model, layers, save
      case lossScale = "loss_scale"
    }
  }

  /// Writes the layers, their policies, what became of those in the model and the loss scale to `config.json`, and the
  /// weights to `model.safetensors`, in `directory`, which must exist.
  ///
  /// The two belong together whenever the process ends: the weights carry their configuration, which counts where
  /// `config.json` is still, or already, that of another save.
  public func save(to directory: String) throws {
    let text = try configurationText()
    try Safetensors.write(
      try variables, to: "\(directory)/\(Self.weightsFile)", metadata: [Self.configurationKey: text])
    let bytes = Array(text.utf8)
    try bytes.withUnsafeBytes { try AtomicFile.write([$0], to: "\(directory)/\(Self.configurationFile)") }
  }

  /// A model as it was saved: layers keep the policies they were made with, whatever the global policy is now.
  public convenience init(directory: String, runtime: Runtime = .shared) throws {
    let path = "\(directory)/\(Self.configurationFile)"
    let weights = "\(directory)/\(Self.weightsFile)"
    let carried = AtomicFile.exists(weights) ? try SafetensorsFile(weights).metadata[Self.configurationKey] : nil
    // The first save of all may have ended between the two files.
    let isAlone = carried != nil && !AtomicFile.exists(path)
    var configuration = try Self.configuration(
      isAlone ? Array((carried ?? "").utf8) : AtomicFile.read(path), path: isAlone ? weights : path)
    if let save = configuration.save, let carried {
      let own = try Self.configuration(Array(carried.utf8), path: weights)
      if own.save != save { configuration = own }
    }
    self.init(
      configuration.model.layer, seed: configuration.seed, runtime: runtime, variables: try Safetensors.read(weights),
      layers: configuration.layers ?? [])
    lossScale = configuration.lossScale
  }

  private func configurationText() throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
    var configuration = Configuration(seed: seed, model: AnyLayer(layer), layers: try layers, lossScale: lossScale)
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
