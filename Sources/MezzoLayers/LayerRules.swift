import Logging
import MezzoPolicy

extension LayerContext {
  /// Looks for rules of the policies here that are for kinds of layers of which there are none: mostly a misspelt name, and
  /// then a rule that does nothing. A kind counts if it is registered, or if the model has a layer of it.
  ///
  /// For the end of a call, when all layers of the model are known. Each such rule is logged once in a process.
  ///
  /// - Throws: ``LayerError/unknownLayerRule(policy:className:nearest:)`` in strict mode.
  func checkLayerRules() throws(LayerError) {
    let policies = Set(layers.map(\.assigned).filter { !$0.layerPolicies.isEmpty })
    guard !policies.isEmpty else { return }
    let known = LayerRegistry.classNames.union(layers.map(\.className))
    for policy in policies.sorted(by: { $0.name < $1.name }) {
      for name in policy.layerPolicies.keys.sorted() where !known.contains(name) {
        let error = LayerError.unknownLayerRule(
          policy: policy.name, className: name, nearest: Spelling.nearest(to: name, among: known))
        if rules.isStrict { throw error }
        Self.warnings.warn(error)
      }
    }
  }

  private static let warnings = RuleWarnings()
}

/// Logs each mistake once, since models are traced many times.
private final class RuleWarnings: Sendable {
  private let told = Locked<Set<String>>([])
  /// Programs that make up policies without end must not fill memory with them.
  private static let limit = 1000

  func warn(_ error: LayerError) {
    let text = error.description
    let isNew = told.withLock { told in told.count < Self.limit && told.insert(text).inserted }
    if isNew { Logger(label: "mezzo.layers").warning("\(text)") }
  }
}

/// What a misspelt name was meant to be.
enum Spelling {
  /// The name that is the fewest edits away, if they are no more than a third of its letters.
  static func nearest(to name: String, among known: Set<String>) -> String? {
    let (name, limit) = (Array(name), max(1, name.count / 3))
    return known.map { (name: $0, edits: edits(name, Array($0))) }
      .filter { $0.edits <= limit }
      .min { ($0.edits, $0.name) < ($1.edits, $1.name) }?.name
  }

  /// How many letters are put in, taken out or exchanged on the way from one to the other; case does not count.
  static func edits(_ left: [Character], _ right: [Character]) -> Int {
    var row = Array(0...right.count)
    for (index, letter) in left.enumerated() {
      var diagonal = row[0]
      row[0] = index + 1
      for (column, other) in right.enumerated() {
        let isSame = letter.lowercased() == other.lowercased()
        let replaced = diagonal + (isSame ? 0 : 1)
        diagonal = row[column + 1]
        row[column + 1] = min(replaced, row[column] + 1, diagonal + 1)
      }
    }
    return row[right.count]
  }
}
