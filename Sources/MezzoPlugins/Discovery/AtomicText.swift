#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// A text file that is whole or not there.
enum AtomicText {
  struct Failure: Error, Equatable {
    var message: String
  }

  /// Written under another name in the same folder, then renamed.
  static func write(_ text: String, to path: String) throws(Failure) {
    let temporary = "\(path).\(getpid())-\(UInt32.random(in: 0...(.max))).part"
    guard let file = fopen(temporary, "wxe") else { throw failure(path) }
    let bytes = Array(text.utf8)
    let isWritten = fwrite(bytes, 1, bytes.count, file) == bytes.count && fflush(file) == 0 && fsync(fileno(file)) == 0
    guard fclose(file) == 0, isWritten, rename(temporary, path) == 0 else {
      let failure = failure(path)
      unlink(temporary)
      throw failure
    }
  }

  private static func failure(_ path: String) -> Failure {
    Failure(message: "\(path) cannot be written: \(String(cString: strerror(errno)))")
  }
}
