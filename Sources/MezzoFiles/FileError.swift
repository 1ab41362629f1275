/// Why a file cannot be read or written as a whole.
package enum FileError: Error, Equatable, Sendable, CustomStringConvertible {
  case unreadable(path: String, reason: String)
  case unwritable(path: String, reason: String)
  /// It became shorter while it was read.
  case truncated(path: String, expected: Int, found: Int)

  package var description: String {
    switch self {
    case .unreadable(let path, let reason): "cannot read \(path): \(reason)"
    case .unwritable(let path, let reason): "cannot write \(path): \(reason); what was there before is untouched"
    case .truncated(let path, let expected, let found):
      "\(path) is truncated: it needs \(expected) bytes and has \(found)"
    }
  }
}
