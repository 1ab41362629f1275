public import MezzoPolicy

extension PolicyFile {
  /// Reads the file at `path`.
  ///
  /// - Throws: `CheckpointError` if it cannot be read, `PolicyError` if it is no policy file.
  public init(contentsOf path: String) throws { try self.init(json: CheckpointFile.read(path)) }

  /// Writes the file at `path`, which is whole or as it was.
  ///
  /// - Throws: `CheckpointError` if it cannot be written.
  public func write(to path: String) throws {
    try CheckpointFile.write(json + [UInt8(ascii: "\n")], to: path)
  }
}
