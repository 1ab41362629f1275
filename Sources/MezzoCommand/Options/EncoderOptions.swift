import ArgumentParser
import Mezzo
import MezzoModels

/// The pretrained model that `embed` and `similarity` use.
struct EncoderOptions: ParsableArguments {
  /// Where `make model` puts it.
  private static let fetched = ".models/all-MiniLM-L6-v2"

  @Option(
    help: ArgumentHelp(
      """
      A directory with config.json, tokenizer.json and model.safetensors of the BERT family, as sentence-transformers \
      keeps it. (default: \(fetched), where `make model` puts it)
      """, valueName: "directory"))
  var model = fetched

  @Option(
    help: ArgumentHelp(
      "A policy: mixed_bfloat16, mixed_float16, or a floating dtype. (default: the global one, float32)",
      valueName: "name"),
    transform: Arguments.policy)
  var policy: DTypePolicy?

  func open() throws -> SentenceEncoder {
    Runtime.shared.registry.noteRefused()
    do {
      return try SentenceEncoder(directory: model, policy: policy, runtime: try Observation.runtime())
    } catch let error as CheckpointError {
      // Whoever did not name a directory should hear how to get one.
      guard model == Self.fetched, case .unreadable = error else { throw error }
      throw ModelNotFound(directory: model, reason: "\(error)")
    }
  }
}

/// No model where it is looked for unless another is named.
struct ModelNotFound: Error, CustomStringConvertible {
  var directory: String
  var reason: String

  var description: String {
    "expected a model in \(directory) (\(reason)); fetch one with `make model`, or name a directory with --model"
  }
}
