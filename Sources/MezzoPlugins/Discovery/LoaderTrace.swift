#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// `MEZZO_DEBUG=loader`: every decision about what is loaded, on standard error.
enum LoaderTrace {
  static let isOn = Environment.value("MEZZO_DEBUG")?.split(separator: ",").contains("loader") ?? false

  static func write(_ message: @autoclosure () -> String) {
    guard isOn else { return }
    // One call for a line, so that lines of threads do not mix.
    let line = Array("mezzo loader: \(message())\n".utf8)
    _ = line.withUnsafeBytes { Self.write(STDERR_FILENO, $0) }
  }

  private static func write(_ file: Int32, _ bytes: UnsafeRawBufferPointer) -> Int {
    #if canImport(Darwin)
      Darwin.write(file, bytes.baseAddress, bytes.count)
    #elseif canImport(Musl)
      Musl.write(file, bytes.baseAddress, bytes.count)
    #else
      Glibc.write(file, bytes.baseAddress, bytes.count)
    #endif
  }
}
