import MezzoCheckpoint
import MezzoFiles

/// How sentence-transformers turns an encoder's vectors into one, read from the files that it keeps beside the model.
struct SentenceConfiguration: Sendable, Hashable, Codable {
  /// Where the encoder's own files lie below the directory; empty for the directory itself.
  var encoderPath = ""
  var pooling = Pooling()
  var normalizes = false
  /// Ids of the longest text; longer ones are cut.
  var maximumLength: Int?
  /// Whether texts are made small letters before they are tokenized.
  var lowercases = false

  struct Pooling: Sendable, Hashable, Codable {
    /// Put one behind the other, in this order.
    enum Mode: String, Sendable, Hashable, Codable, CaseIterable {
      case cls = "pooling_mode_cls_token"
      case max = "pooling_mode_max_tokens"
      case mean = "pooling_mode_mean_tokens"
      case meanSqrtLength = "pooling_mode_mean_sqrt_len_tokens"
    }

    var modes: [Mode] = [.mean]
  }

  /// - Parameter directory: a model of sentence-transformers, or an encoder alone, whose vectors are averaged.
  init(directory: String) throws {
    let modules = "\(directory)/modules.json"
    guard AtomicFile.exists(modules) else { return }
    let file = try ModelFile(modules)
    guard let list = file.value.array else { throw file.malformed("a list of modules", file.value.kind) }
    for (index, module) in list.enumerated() {
      let path = try file.string("path", of: module)
      guard !path.hasPrefix("/"), !path.split(separator: "/").contains("..") else {
        throw file.malformed("a path below the model's directory", "\"\(path)\"")
      }
      let folder = path.isEmpty ? directory : "\(directory)/\(path)"
      let type = try file.string("type", of: module)
      switch (index, type.split(separator: ".").last) {
      case (0, "Transformer"):
        encoderPath = path
        try readTransformer(folder)
      case (1, "Pooling"): pooling = try Pooling(ModelFile("\(folder)/config.json"))
      case (2, "Normalize"): normalizes = true
      default:
        throw file.unsupported(
          "Transformer, Pooling and perhaps Normalize as modules", "\"\(type)\" as number \(index)")
      }
    }
    guard list.count >= 2 else {
      throw file.malformed("Transformer, Pooling and perhaps Normalize as modules", "\(list.count) of them")
    }
  }

  private mutating func readTransformer(_ folder: String) throws {
    let path = "\(folder)/sentence_bert_config.json"
    guard AtomicFile.exists(path) else { return }
    let file = try ModelFile(path)
    lowercases = try file.flag("do_lower_case", of: file.value, or: false)
    if file.value["max_seq_length"] != nil {
      maximumLength = try file.integer("max_seq_length", of: file.value, in: 2...1 << 24)
    }
  }
}

extension SentenceConfiguration.Pooling {
  fileprivate init(_ file: ModelFile) throws(PretrainedError) {
    let value = file.value
    // Since version 5 sentence-transformers names the modes in one string or a list.
    if let named = value["pooling_mode"] {
      let names = named.array?.compactMap(\.string) ?? named.string.map { [$0] } ?? []
      let known: [String: Mode] = ["cls": .cls, "max": .max, "mean": .mean, "mean_sqrt_len_tokens": .meanSqrtLength]
      modes = names.compactMap { known[$0] }
      guard !names.isEmpty, modes.count == names.count else {
        throw file.unsupported("pooling by \(known.keys.sorted().joined(separator: ", "))", named.kind)
      }
      return
    }
    for member in value.object ?? [] where member.name.hasPrefix("pooling_mode_") {
      let isOn = try file.flag(member.name, of: value, or: false)
      if isOn, Mode(rawValue: member.name) == nil {
        throw file.unsupported(
          "pooling by \(Mode.allCases.map(\.rawValue).joined(separator: ", "))", member.name)
      }
    }
    modes = []
    for mode in Mode.allCases where try file.flag(mode.rawValue, of: value, or: false) { modes.append(mode) }
    guard !modes.isEmpty else { throw file.malformed("a pooling mode that is true", "none") }
  }
}
