import Mezzo

/// A workload as it is asked for: `W2`, or with sizes of one's own `W2:batch=16:channels=3-16-32`.
struct BenchRequest {
  var kind: BenchKind
  var parameters: BenchParameters
  /// As it was asked for.
  var name: String

  init(_ kind: BenchKind) {
    self.kind = kind
    parameters = BenchParameters()
    name = kind.name
  }

  init(_ text: String) throws(BenchError) {
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    kind = try BenchKind.named(String(parts[0]))
    var members: [String: ConfigurationValue] = [:]
    for part in parts.dropFirst() {
      let sides = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      guard sides.count == 2 else {
        throw .parameter(name: String(part), expected: "a name, = and a value, such as batch=16", found: "\(part)")
      }
      let name = String(sides[0])
      guard members.updateValue(Self.value(sides[1]), forKey: name) == nil else {
        throw .parameter(name: name, expected: "given once", found: text)
      }
    }
    parameters = try BenchParameters(.object(members), of: kind)
    name = text
  }

  /// A size, sizes with a dash between them, or else a text.
  private static func value(_ text: Substring) -> ConfigurationValue {
    if let size = Int(text) { return .integer(size) }
    let sizes = text.split(separator: "-", omittingEmptySubsequences: false).map { Int($0) }
    guard sizes.count > 1, !sizes.contains(nil) else { return .string(String(text)) }
    return .array(sizes.compactMap { $0.map { .integer($0) } })
  }
}
