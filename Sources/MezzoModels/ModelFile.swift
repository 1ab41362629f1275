import MezzoCheckpoint

/// A JSON file beside a model's weights, with errors that name the file and the place in it.
struct ModelFile {
  /// Far more than any of them has; a larger one is not read.
  private static let limit = 1 << 28

  let path: String
  let value: JSONValue

  init(_ path: String) throws {
    try self.init(try CheckpointFile.read(path, limit: Self.limit), path: path)
  }

  init(_ bytes: [UInt8], path: String) throws(PretrainedError) {
    self.path = path
    do throws(JSONError) {
      value = try JSONReader.parse(bytes)
    } catch {
      throw .malformed(path: path, expected: "JSON", found: "\(error)")
    }
  }

  func malformed(_ expected: String, _ found: String) -> PretrainedError {
    .malformed(path: path, expected: expected, found: found)
  }

  func unsupported(_ expected: String, _ found: String) -> PretrainedError {
    .unsupported(path: path, expected: expected, found: found)
  }

  /// The member `name`, read by `read`; what is missing or null is `fallback`, or an error where that is nil.
  func member<Value>(
    _ name: String, of object: JSONValue, _ expected: String, _ read: (JSONValue) -> Value?, or fallback: Value? = nil
  ) throws(PretrainedError) -> Value {
    guard let member = object[name] else {
      guard let fallback else { throw malformed("\(expected) as \(name)", "nothing") }
      return fallback
    }
    guard let value = read(member) else { throw malformed("\(expected) as \(name)", member.kind) }
    return value
  }

  func flag(_ name: String, of object: JSONValue, or fallback: Bool? = nil) throws(PretrainedError) -> Bool {
    try member(name, of: object, "true or false", \.bool, or: fallback)
  }

  func string(_ name: String, of object: JSONValue, or fallback: String? = nil) throws(PretrainedError) -> String {
    try member(name, of: object, "a string", \.string, or: fallback)
  }

  /// A whole number within `range`.
  func integer(
    _ name: String, of object: JSONValue, in range: ClosedRange<Int>, or fallback: Int? = nil
  ) throws(PretrainedError) -> Int {
    try member(
      name, of: object,
      range.count == 1 ? "\(range.lowerBound)" : "a whole number from \(range.lowerBound) to \(range.upperBound)",
      { $0.integer.flatMap { range.contains($0) ? $0 : nil } }, or: fallback)
  }
}
