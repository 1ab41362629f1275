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

  private static let chosen: Set<DebugTopic> = {
    let text = Environment.value("MEZZO_DEBUG") ?? ""
    if let problem = problem(of: text) { Self.write(line: "mezzo: \(problem)") }
    return parse(text)
  }()

  static func parse(_ text: String) -> Set<DebugTopic> { Set(words(text).compactMap { DebugTopic(rawValue: $0) }) }

  private static func words(_ text: String) -> [String] {
    text.split(separator: ",").map(\.trimmed).filter { !$0.isEmpty }
  }

  /// What is wrong with the variable, or `nil`. A program tells it on standard error at its first trace.
  package static var problem: String? { problem(of: Environment.value("MEZZO_DEBUG") ?? "") }

  static func problem(of text: String) -> String? {
    let unknown = words(text).filter { DebugTopic(rawValue: $0) == nil }
    guard !unknown.isEmpty else { return nil }
    let known = allCases.map(\.rawValue).joined(separator: ", ")
    return "MEZZO_DEBUG=\(text): expected \(known) with commas between, found '\(unknown.joined(separator: "', '"))'"
  }

  /// In one write, so that lines of several threads do not mix.
  package func write(_ text: String) { Self.write(line: "mezzo \(rawValue): \(text)") }

  private static func write(line: String) {
    let line = Array("\(line)\n".utf8)
    _ = line.withUnsafeBytes { systemWrite($0) }
  }

  private static func systemWrite(_ bytes: UnsafeRawBufferPointer) -> Int {
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
