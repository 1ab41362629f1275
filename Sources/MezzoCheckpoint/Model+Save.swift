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

    private enum CodingKeys: String, CodingKey {
      case format, seed, model, layers
      case lossScale = "loss_scale"
    }
  }

  /// Writes the layers, their policies, what became of those in the model and the loss scale to `config.json`, and the
  /// weights to `model.safetensors`, in `directory`, which must exist. Each file is whole or as it was.
  public func save(to directory: String) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
    let text = Array(
      try encoder.encode(Configuration(seed: seed, model: AnyLayer(layer), layers: layers, lossScale: lossScale)))
    try Safetensors.write(try variables, to: "\(directory)/\(Self.weightsFile)")
    try CheckpointFile.write(text, to: "\(directory)/\(Self.configurationFile)")
  }

  /// A model as it was saved: layers keep the policies they were made with, whatever the global policy is now.
  public convenience init(directory: String, runtime: Runtime = .shared) throws {
    let path = "\(directory)/\(Self.configurationFile)"
    let text = try CheckpointFile.read(path)
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
    self.init(
      configuration.model.layer, seed: configuration.seed, runtime: runtime,
      variables: try Safetensors.read("\(directory)/\(Self.weightsFile)"), layers: configuration.layers ?? [])
    lossScale = configuration.lossScale
  }
}
