public import MezzoRuntime

extension RouteLock {
  /// Reads a lock that ``write(to:)`` wrote.
  ///
  /// - Throws: `CheckpointError` where the file cannot be read, `RouteLockError.malformed` where it is no lock.
  public init(contentsOf path: String) throws {
    try self.init(parsing: String(decoding: CheckpointFile.read(path), as: UTF8.self))
  }

  /// Writes ``text``; the file is whole or as it was.
  public func write(to path: String) throws {
    try CheckpointFile.write(Array(text.utf8), to: path)
  }
}
