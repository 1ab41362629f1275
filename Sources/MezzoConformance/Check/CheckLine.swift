#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// What goes between the process that wants a backend checked and the one that does it, each in one line.
extension BackendCheck {
  package init?(line: String) {
    guard let check = try? JSONDecoder().decode(Self.self, from: Data(line.utf8)) else { return nil }
    self = check
  }

  package var line: String { (try? JSONEncoder().encode(self)).map { String(decoding: $0, as: UTF8.self) } ?? "" }
}

extension ConformanceKit.Step {
  private static let separator = "\t"

  package var line: String {
    [level.rawValue, rule, subject].map { $0.replacing(Self.separator, with: " ") }.joined(separator: Self.separator)
  }

  /// The parts of a line.
  package static func parts(of line: String) -> (level: ConformanceReport.Level, rule: String, subject: String) {
    let parts = line.split(separator: Self.separator, maxSplits: 2, omittingEmptySubsequences: false).map(String.init)
    return (
      parts.first.flatMap(ConformanceReport.Level.init) ?? .load, parts.count > 1 ? parts[1] : "",
      parts.count > 2 ? parts[2] : ""
    )
  }
}
