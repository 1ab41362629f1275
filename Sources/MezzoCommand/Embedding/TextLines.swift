#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// The lines of a file or of standard input, a bounded number of them at a time. Only a line feed ends a line; bytes that
/// are no UTF-8 become U+FFFD.
struct TextLines {
  private let descriptor: Int32
  private let name: String
  private var buffer: [UInt8] = []
  private var hasEnded = false

  /// Lines and bytes that are read ahead at most.
  private static let lineLimit = 4096
  private static let byteLimit = 1 << 22

  /// - Parameter path: `nil` or `-` for standard input.
  init(_ path: String?) throws(InputError) {
    guard let path, path != "-" else {
      (descriptor, name) = (0, "standard input")
      return
    }
    descriptor = open(path, O_RDONLY | O_CLOEXEC)
    name = path
    guard descriptor >= 0 else { throw Self.failure(path) }
  }

  /// The next lines; none at the end.
  mutating func next() throws(InputError) -> [String] {
    var lines: [String] = []
    var size = 0
    while lines.count < Self.lineLimit, size < Self.byteLimit {
      if !lines.isEmpty, buffer.isEmpty { break }
      guard let line = try line() else { break }
      size += line.utf8.count
      lines.append(line)
    }
    return lines
  }

  /// All lines.
  mutating func all() throws(InputError) -> [String] {
    var lines: [String] = []
    while true {
      let more = try next()
      if more.isEmpty { return lines }
      lines += more
    }
  }

  private var place = 0

  private mutating func line() throws(InputError) -> String? {
    var searched = place
    while true {
      if let end = buffer[searched...].firstIndex(of: 0x0A) {
        defer { consume(end + 1) }
        return String(decoding: buffer[place..<end], as: UTF8.self)
      }
      searched = buffer.count
      if hasEnded {
        guard place < buffer.count else { return nil }
        defer { consume(buffer.count) }
        return String(decoding: buffer[place...], as: UTF8.self)
      }
      let moved = place
      try fill()
      searched -= moved
    }
  }

  private mutating func consume(_ end: Int) {
    place = end
    if place == buffer.count {
      buffer.removeAll(keepingCapacity: true)
      place = 0
    }
  }

  /// Appends what can be read at once; what was consumed goes.
  private mutating func fill() throws(InputError) {
    buffer.removeFirst(place)
    place = 0
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = chunk.withUnsafeMutableBytes { read(descriptor, $0.baseAddress, $0.count) }
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { throw Self.failure(name) }
      if count == 0 { hasEnded = true }
      buffer += chunk[..<count]
      return
    }
  }

  private static func failure(_ path: String) -> InputError {
    InputError(path: path, reason: String(cString: strerror(errno)))
  }
}

/// A file of texts cannot be read.
struct InputError: Error, CustomStringConvertible {
  var path: String
  var reason: String

  var description: String { "expected to read '\(path)', but the system says: \(reason)" }
}
