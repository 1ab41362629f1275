/// What is wrong with the files of a pretrained model, or with what it is asked.
public enum PretrainedError: Error, Equatable, Sendable, CustomStringConvertible {
  /// A file that is there, but is not what it should be.
  case malformed(path: String, expected: String, found: String)
  /// A file that is as it should be, and asks for what Mezzo does not have.
  case unsupported(path: String, expected: String, found: String)
  /// Weights that do not fit the configuration.
  case weights(path: String, missing: [String], unexpected: [String])
  case weightShape(path: String, tensor: String, expected: [Int], found: String)

  public var description: String {
    switch self {
    case .malformed(let path, let expected, let found): "\(path): expected \(expected), found \(found)"
    case .unsupported(let path, let expected, let found):
      "\(path): expected \(expected), found \(found), which this version does not have"
    case .weights(let path, let missing, let unexpected):
      "\(path) does not have the weights that the configuration beside it asks for:"
        + (missing.isEmpty ? "" : " \(Self.list(missing)) missing")
        + (missing.isEmpty || unexpected.isEmpty ? "" : ",")
        + (unexpected.isEmpty ? "" : " \(Self.list(unexpected)) not known")
    case .weightShape(let path, let tensor, let expected, let found):
      "\(path): tensor \(tensor) was expected to have the shape \(expected), it is \(found)"
    }
  }

  private static func list(_ names: [String]) -> String {
    let shown = names.prefix(4).joined(separator: ", ")
    return names.count > 4 ? "\(shown) and \(names.count - 4) more are" : "\(shown) \(names.count == 1 ? "is" : "are")"
  }
}
