#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// The two streams that a person or another program reads.
package enum Console {
  package enum Stream: Int32, Sendable {
    case output = 1
    case error = 2

    package var isTerminal: Bool { isatty(rawValue) == 1 }
  }

  /// Columns of the terminal, within what tables are made for; 100 where there is none.
  package static func columns(of stream: Stream) -> Int {
    var size = winsize()
    guard stream.isTerminal, ioctl(stream.rawValue, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return 100 }
    return min(max(Int(size.ws_col), 60), 140)
  }

  /// Writes to standard error at once, whole lines or a part of one.
  package static func error(_ text: String) {
    var rest = Array(text.utf8)[...]
    while !rest.isEmpty {
      let written = rest.withUnsafeBytes { write(Stream.error.rawValue, $0.baseAddress, $0.count) }
      if written <= 0 { return }
      rest = rest.dropFirst(written)
    }
  }

  /// A remark beside the work. On a terminal it takes the place of the progress bar, which is drawn anew below it.
  package static func note(_ text: String) {
    error((Stream.error.isTerminal ? "\r\u{1B}[K" : "") + "note: \(text)\n")
  }

  package static func environment(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }
}
