import MezzoFiles
import MezzoCheckpoint

/// Writes the measures of every epoch to a file of comma-separated values: a line of names, then a line an epoch.
///
/// A training that goes on from a checkpoint continues the file from there.
public struct CSVLogger: TrainingCallback {
  public let path: String
  public let separator: Character
  private var names: [String]?

  public init(_ path: String, separator: Character = ",") {
    self.path = path
    self.separator = separator
  }

  public mutating func onTrainBegin(_ training: inout TrainingSession) throws {
    names = nil
    var lines: [String] = []
    if training.isResumed, AtomicFile.exists(path) {
      let old = String(decoding: try CheckpointFile.read(path), as: UTF8.self).split(separator: "\n").map(String.init)
      names = old.first.map { $0.split(separator: separator).dropFirst().map(String.init) }
      lines =
        Array(old.prefix(1))
        + old.dropFirst().filter { line in
          Int(line.prefix { $0 != separator }).map { $0 <= training.history.epochCount } ?? false
        }
    }
    try LogFile.replace(path, lines)
  }

  public mutating func onEpochEnd(_ training: inout TrainingSession) throws {
    let known = names ?? training.logs.keys.sorted()
    if names == nil { try LogFile.append(path, (["epoch"] + known).joined(separator: String(separator))) }
    names = known
    let values = known.map { training.logs[$0].map { "\($0)" } ?? "" }
    try LogFile.append(path, (["\(training.epoch)"] + values).joined(separator: String(separator)))
  }
}

/// Writes the measures of every epoch to a file of JSON objects, one a line: `{"epoch":1,"loss":0.25}`. What is not finite
/// is `null`.
///
/// A training that goes on from a checkpoint continues the file from there.
public struct JSONLinesLogger: TrainingCallback {
  public let path: String

  public init(_ path: String) { self.path = path }

  public mutating func onTrainBegin(_ training: inout TrainingSession) throws {
    var lines: [String] = []
    if training.isResumed, AtomicFile.exists(path) {
      let old = String(decoding: try CheckpointFile.read(path), as: UTF8.self).split(separator: "\n").map(String.init)
      lines = old.filter { line in
        guard let epoch = try? JSONReader.parse(Array(line.utf8))["epoch"]?.integer else {
          return false
        }
        return epoch <= training.history.epochCount
      }
    }
    try LogFile.replace(path, lines)
  }

  public mutating func onEpochEnd(_ training: inout TrainingSession) throws {
    // The names are those of metrics, which a user chooses.
    let members = training.logs.sorted { $0.key < $1.key }.map { name, value in
      "\(Self.quoted(name)):\(value.isFinite ? "\(value)" : "null")"
    }
    try LogFile.append(path, "{" + (["\"epoch\":\(training.epoch)"] + members).joined(separator: ",") + "}")
  }

  private static func quoted(_ text: String) -> String {
    var quoted = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"", "\\": quoted += "\\\(scalar)"
      case ..<" ":
        let digits = String(scalar.value, radix: 16)
        quoted += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: quoted.unicodeScalars.append(scalar)
      }
    }
    return quoted + "\""
  }
}

/// A text file that grows by whole lines.
private enum LogFile {
  static func replace(_ path: String, _ lines: [String]) throws(CheckpointError) {
    let text = Array(lines.map { $0 + "\n" }.joined().utf8)
    try text.withUnsafeBytes { bytes in
      Result { () throws(CheckpointError) in try CheckpointFile.write([bytes], to: path) }
    }.get()
  }

  static func append(_ path: String, _ line: String) throws(CheckpointError) {
    try CheckpointFile.append(Array((line + "\n").utf8), to: path)
  }
}
