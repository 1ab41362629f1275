import MezzoBackend
import MezzoCheckpoint
import MezzoGraph
public import MezzoLayers

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// A training at one moment, in one safetensors file: weights as they are stored, optimizer slots, averages, loss scale,
/// counters, the place in the data, what metrics and callbacks have counted.
///
/// `fit(… resuming:)` goes on from it bit for bit. For what was learnt alone:
///
/// ```swift
/// try model.build(input: [1, 28, 28])
/// try model.setVariables(TrainingCheckpoint("runs/1/best.safetensors").weights)
/// ```
///
/// Tensors are called by the path of a variable, `dense.kernel`; by path and slot, `dense.kernel/m`; and with a slash in
/// front what belongs to no variable. All else is JSON in the file's metadata.
public struct TrainingCheckpoint: Sendable {
  public let path: String
  /// The weights as the training would have given them to the model, in its order.
  public let weights: Variables
  /// The measures of the epochs that are over, of the last 1,024 at most; logs have them all.
  public var epochs: [History.Epoch] { record.history }
  /// Updates that were tried so far.
  public var steps: Int { record.counters.taken }
  let record: Record
  let tensors: [(name: String, tensor: Tensor)]

  static let key = "mezzo.training"

  /// Reads a checkpoint and checks that it is one.
  ///
  /// - Throws: `CheckpointError` for a file that is damaged, `TrainingError.malformedCheckpoint` for another file.
  public init(_ path: String) throws {
    let file = try SafetensorsFile(path)
    guard let text = file.metadata[Self.key] else {
      throw TrainingError.malformedCheckpoint(path: path, reason: "its metadata has no \(Self.key)")
    }
    do {
      try Self.checkCounts(try JSONReader.parse(Array(text.utf8)))
      record = try Self.decoder.decode(Record.self, from: Data(text.utf8))
    } catch {
      throw TrainingError.malformedCheckpoint(path: path, reason: "its metadata cannot be read (\(error))")
    }
    guard record.epoch >= 0, record.batch >= 0 else {
      throw TrainingError.malformedCheckpoint(
        path: path, reason: "it stands at batch \(record.batch) of epoch \(record.epoch)")
    }
    guard record.format == Record.format else {
      throw TrainingError.malformedCheckpoint(
        path: path, reason: "its format is \(record.format), this version reads format \(Record.format)")
    }
    self.path = path
    tensors = try file.names.map { ($0, try file.tensor($0)) }
    weights = try Self.weights(record, tensors, path)
  }

  /// A count that no training can reach would overflow where the training counts on.
  private static func checkCounts(_ value: JSONValue, name: String = "") throws {
    if let count = value.integer, count.magnitude > 1 << 53, name != "seed" {
      throw DecodingError.dataCorrupted(
        .init(codingPath: [], debugDescription: "expected \(name) to be a count, found \(count)"))
    }
    for element in value.array ?? [] { try checkCounts(element, name: name) }
    for member in value.object ?? [] { try checkCounts(member.value, name: member.name) }
  }

  private static func weights(
    _ record: Record, _ tensors: [(name: String, tensor: Tensor)], _ path: String
  ) throws -> Variables {
    let known = Dictionary(tensors) { first, _ in first }
    var weights = Variables()
    for variable in record.variables {
      let average = record.publishedSlot.flatMap { known[VariableUpdates.slotName($0, of: variable.path)] }
      guard let tensor = average ?? known[variable.path] else {
        throw CheckpointError.missingTensor(path: path, tensor: variable.path)
      }
      weights.set(variable.path, tensor, isTrainable: variable.isTrainable)
    }
    return weights
  }

  /// What is not a tensor.
  struct Record: Codable, Sendable {
    static let format = 1
    static let historyLimit = 1024

    var format = Self.format
    var variables: [Variable]
    var publishedSlot: String?
    var settings: Settings
    var counters: Trainer.Counters
    var scaling: Trainer.Scaling?
    var means: Means
    /// Of the last epochs: a training of any length has checkpoints of one size.
    var history: [History.Epoch]
    /// Epochs before those.
    var omittedEpochs: Int?
    var stopReason: String?
    /// From 0, the epoch that goes on, and the batches of it that are done.
    var epoch: Int
    var batch: Int
    var callbacks: [Callback]

    struct Variable: Codable, Sendable {
      var path: String
      var isTrainable: Bool
    }

    struct Callback: Codable, Sendable {
      var kind: String
      var values: [String: Double]
      /// Paths of its weights.
      var weights: [Variable]?
    }
  }

  /// What has to be the same for a training to go on as if it had never ended.
  struct Settings: Codable, Sendable, Hashable {
    var types: BatchStream.Types
    /// Batches of an epoch, where that is known.
    var batches: Int?
    var accumulating: Int
    var seed: UInt64
    var loss: String
    var lossWeights: [Double]?
    var optimizer: String
    var metrics: [String]
    /// Which policy each layer follows.
    var policies: [String]
    /// The rule of the loss scale; `nil` where the loss is not scaled.
    var lossScale: String?
  }

  private static var decoder: JSONDecoder {
    let decoder = JSONDecoder()
    decoder.nonConformingFloatDecodingStrategy = .convertFromString(
      positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    return decoder
  }

  /// As JSON, the same text for the same value.
  static func text(_ value: some Encodable) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    encoder.nonConformingFloatEncodingStrategy = .convertToString(
      positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    return String(decoding: try encoder.encode(value), as: UTF8.self)
  }

  static func metricName(_ metric: Int, _ part: Int) -> String { "/metric/\(metric)/\(part)" }
  static func callbackName(_ callback: Int, _ path: String) -> String { "/callback/\(callback)/\(path)" }
}
