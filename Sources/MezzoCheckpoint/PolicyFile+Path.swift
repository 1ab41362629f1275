public import MezzoPolicy

extension PolicyFile {
  /// Reads the file at `path`.
  ///
  /// - Throws: `CheckpointError` if it cannot be read, `PolicyError` if it is no policy file.
  public init(contentsOf path: String) throws { try self.init(json: AtomicFile.read(path)) }

  /// Writes the file at `path`, which is whole or as it was.
  ///
  /// - Throws: `CheckpointError` if it cannot be written.
  public func write(to path: String) throws {
    let text = json + [UInt8(ascii: "\n")]
    try text.withUnsafeBytes { try AtomicFile.write([$0], to: path) }
  }
}
