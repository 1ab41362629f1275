public import MezzoPolicy

extension PolicyFile {
  /// Reads the file at `path`.
  ///
  /// - Throws: `CheckpointError` if it cannot be read, `PolicyError.file` with what is wrong if it is no policy file.
  public init(contentsOf path: String) throws {
    let json = try CheckpointFile.read(path)
    do throws(PolicyError) { try self.init(json: json) } catch { throw PolicyError.file(path: path, error: error) }
  }

  /// Writes the file at `path`, which is whole or as it was.
  ///
  /// - Throws: `CheckpointError` if it cannot be written.
  public func write(to path: String) throws {
    try CheckpointFile.write(json + [UInt8(ascii: "\n")], to: path)
  }
}
