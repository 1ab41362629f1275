/// So many values that are dear to make; the one whose last use is longest ago makes room for the next.
package struct RecentlyUsed<Key: Hashable, Value> {
  private var entries: [Key: (value: Value, lastUse: Int)] = [:]
  private var uses = 0
  package var limit: Int

  package init(limit: Int) { self.limit = limit }

  /// The one that was used last.
  package var latest: Value? { entries.values.max { $0.lastUse < $1.lastUse }?.value }

  /// To look at a value is to use it.
  package subscript(key: Key) -> Value? {
    mutating get {
      guard let entry = entries[key] else { return nil }
      uses += 1
      entries[key] = (entry.value, uses)
      return entry.value
    }
    set {
      uses += 1
      entries[key] = newValue.map { ($0, uses) }
      while entries.count > limit, let oldest = entries.min(by: { $0.value.lastUse < $1.value.lastUse }) {
        entries[oldest.key] = nil
      }
    }
  }

  package mutating func removeAll() { entries.removeAll() }
}

extension RecentlyUsed: Sendable where Key: Sendable, Value: Sendable {}
