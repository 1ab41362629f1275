#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// What `MEZZO_DEBUG=loader,route,call` traces on standard error, a line each.
package enum DebugTopic: String, CaseIterable, Sendable {
  /// What is looked for, opened and refused.
  case loader
  /// Who takes an operation, and who does not.
  case route
  /// Each call of a prepared operation.
  case call

  package var isOn: Bool { Self.chosen.contains(self) }

  private static let chosen = parse(Environment.value("MEZZO_DEBUG") ?? "")

  static func parse(_ text: String) -> Set<DebugTopic> {
    Set(text.split(separator: ",").compactMap { DebugTopic(rawValue: $0.trimmed) })
  }

  /// In one write, so that lines of several threads do not mix.
  package func write(_ text: String) {
    let line = Array("mezzo \(rawValue): \(text)\n".utf8)
    _ = line.withUnsafeBytes { systemWrite($0) }
  }

  private func systemWrite(_ bytes: UnsafeRawBufferPointer) -> Int {
    #if canImport(Glibc)
      Glibc.write(2, bytes.baseAddress, bytes.count)
    #elseif canImport(Musl)
      Musl.write(2, bytes.baseAddress, bytes.count)
    #elseif canImport(Darwin)
      Darwin.write(2, bytes.baseAddress, bytes.count)
    #endif
  }
}

extension Substring {
  fileprivate var trimmed: String {
    String(drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
  }
}
