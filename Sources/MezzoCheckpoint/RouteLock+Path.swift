public import MezzoRuntime

extension RouteLock {
  /// Reads a lock that ``write(to:)`` wrote.
  ///
  /// - Throws: `CheckpointError` where the file cannot be read, `RouteLockError.malformed` where it is no lock.
  public init(contentsOf path: String) throws {
    try self.init(parsing: String(decoding: AtomicFile.read(path), as: UTF8.self))
  }

  /// Writes ``text``; the file is whole or as it was.
  public func write(to path: String) throws {
    let text = Array(text.utf8)
    try text.withUnsafeBytes { try AtomicFile.write([$0], to: path) }
  }
}
