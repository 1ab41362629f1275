#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// A file that was asked for cannot be written.
struct OutputError: Error, CustomStringConvertible {
  var path: String
  var reason: String

  var description: String { "expected to write '\(path)', but the system says: \(reason)" }
}

/// What was printed may fail to arrive only here: a full disk, a closed descriptor.
func finishOutput() throws(OutputError) {
  if fflush(nil) != 0 { throw OutputError(path: "standard output", reason: String(cString: strerror(errno))) }
}

func write(_ text: String, to path: String) throws(OutputError) {
  guard let file = fopen(path, "w") else { throw OutputError(path: path, reason: String(cString: strerror(errno))) }
  let isWritten = fputs(text, file) >= 0
  // What is buffered may fail only here.
  guard fclose(file) == 0, isWritten else { throw OutputError(path: path, reason: String(cString: strerror(errno))) }
}
