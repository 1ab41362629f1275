import MezzoFiles

/// Whole files, with the errors of this module.
package enum CheckpointFile {
  package static func write(_ parts: [UnsafeRawBufferPointer], to path: String) throws(CheckpointError) {
    do throws(FileError) { try AtomicFile.write(parts, to: path) } catch { throw CheckpointError(error) }
  }

  static func write(_ bytes: [UInt8], to path: String) throws(CheckpointError) {
    do throws(FileError) { try AtomicFile.write(bytes, to: path) } catch { throw CheckpointError(error) }
  }

  package static func append(_ bytes: [UInt8], to path: String) throws(CheckpointError) {
    do throws(FileError) { try AtomicFile.append(bytes, to: path) } catch { throw CheckpointError(error) }
  }

  package static func makeFolder(_ path: String) throws(CheckpointError) {
    do throws(FileError) { try AtomicFile.makeFolder(path) } catch { throw CheckpointError(error) }
  }

  /// - Parameter limit: bytes beyond which a file is refused.
  package static func read(_ path: String, limit: Int = .max) throws(CheckpointError) -> [UInt8] {
    do throws(FileError) { return try AtomicFile.read(path, limit: limit) } catch { throw CheckpointError(error) }
  }

  static func map(_ path: String) throws(CheckpointError) -> MappedFile {
    do throws(FileError) { return try MappedFile(path) } catch { throw CheckpointError(error) }
  }

  static func requireWhole(_ file: MappedFile) throws(CheckpointError) {
    do throws(FileError) { try file.requireWhole() } catch { throw CheckpointError(error) }
  }
}

extension CheckpointError {
  init(_ error: FileError) {
    self =
      switch error {
      case .unreadable(let path, let reason): .unreadable(path: path, reason: reason)
      case .unwritable(let path, let reason): .unwritable(path: path, reason: reason)
      case .truncated(let path, let expected, let found): .truncated(path: path, expected: expected, found: found)
      }
  }
}
