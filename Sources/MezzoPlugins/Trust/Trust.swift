#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Why a file may be loaded. A manifest is code too: it names functions and hands them pointers.
public enum Trust: String, Sendable, Codable, CaseIterable {
  /// It comes with Mezzo and lies beside the program.
  case builtIn = "built-in"
  /// Only the administrator can have put it there.
  case system
  /// Its hash is in `trust.toml`.
  case approved
  /// The program, or the environment, named this very file.
  case named
  /// It was found in a folder, and nobody vouches for it.
  case unknown

  /// Whether `path` and every folder above it belong to the administrator, and nobody else can write to them.
  static func isSystem(_ path: String) -> Bool {
    guard let resolved = realpath(path, nil) else { return false }
    defer { free(resolved) }
    var part = String(cString: resolved)
    while true {
      var status = stat()
      guard lstat(part.isEmpty ? "/" : part, &status) == 0, status.st_uid == 0,
        status.st_mode & (S_IWGRP | S_IWOTH) == 0
      else { return false }
      if part.isEmpty { return true }
      part = String(part[..<(part.lastIndex(of: "/") ?? part.startIndex)])
    }
  }
}
