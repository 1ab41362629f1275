#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif
#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// What the probe's process and the host say to each other.
///
/// The verdict is a ``ProbeOutcome``, or what else the host asked the helper for. The host writes a line with a nonce to the child's standard input, and reads lines from descriptor 3: `phase TEXT` as often
/// as the child likes, `id TEXT`, and at the end `verdict NONCE JSON`. The nonce is gone from the descriptors before the
/// backend is loaded, so that text which a backend writes wherever it can is no verdict.
package enum ProbeWire {
  /// Changes with the meaning of the lines or of the JSON.
  package static let version = 3
  static let descriptor: Int32 = 3
  static let lineLimit = 16 << 20

  static func encode(_ value: some Encodable) -> String? {
    (try? JSONEncoder().encode(value)).map { String(decoding: $0, as: UTF8.self) }
  }

  static func decode<T: Decodable>(_ type: T.Type, _ text: some StringProtocol) -> T? {
    try? JSONDecoder().decode(type, from: Data(text.utf8))
  }
}

/// The child's end.
package final class ProbeReporter: Sendable {
  private let file: Int32
  private let nonce: String

  /// Takes over standard input and descriptor 3; `nil` where a host has not set them up.
  package init?() {
    guard let nonce = readLine(), nonce.utf8.count == 32 else { return nil }
    self.nonce = nonce
    let null = open("/dev/null", O_RDONLY | O_CLOEXEC)
    guard null >= 0, dup2(null, 0) == 0 else { return nil }
    close(null)
    // Somewhere else in each run: a backend that closes or writes to descriptors by number seldom meets it.
    let copy = fcntl(ProbeWire.descriptor, F_DUPFD_CLOEXEC, Int32.random(in: 64..<200))
    guard copy >= 0 else { return nil }
    file = copy
    for other in 3..<256 where Int32(other) != file { close(Int32(other)) }
  }

  package func phase(_ text: String) { line("phase \(text)") }

  package func id(_ text: String) { line("id \(text)") }

  /// Says how it went and ends the process, without a chance for anything that the backend left behind.
  package func finish(_ outcome: some Encodable) -> Never {
    guard let json = ProbeWire.encode(outcome) else { _exit(3) }
    line("verdict \(nonce) \(json)")
    _exit(0)
  }

  private func line(_ text: String) {
    var bytes = Array(text.utf8.map { $0 == UInt8(ascii: "\n") ? UInt8(ascii: " ") : $0 })
    bytes.append(UInt8(ascii: "\n"))
    var done = 0
    while done < bytes.count {
      let wrote = bytes.withUnsafeBytes { write(file, $0.baseAddress.map { $0 + done }, bytes.count - done) }
      if wrote < 0 && errno == EINTR { continue }
      // Nobody can be told any more.
      guard wrote > 0 else { _exit(4) }
      done += wrote
    }
  }
}
