/// A manifest that cannot be used: where it is wrong, what was expected, what came, and what to do.
public struct ManifestError: Error, Equatable, Sendable, CustomStringConvertible {
  public var path: String
  /// Both count from 1; columns count characters.
  public var line: Int
  public var column: Int
  public var message: String

  public init(path: String, line: Int, column: Int, message: String) {
    self.path = path
    self.line = line
    self.column = column
    self.message = message
  }

  /// `openblas.toml:31:9: expected …, found …`
  public var description: String { "\(path):\(line):\(column): \(message)" }
}
