/// The few shapes that batches of texts have, so that a stream of texts of all lengths runs on a few plans.
struct ShapeBuckets: Sendable {
  /// Ids of the longest text.
  let maximumLength: Int

  /// Ids in a batch: enough that matrix products work at full speed, and few enough to stay in caches.
  private static let tokens = 2048

  /// Lengths a third apart or so, as few as fit a model's plans with one and with many texts.
  private static let lengths = [16, 32, 64, 96, 128, 192, 256, 384, 512]

  struct Batch: Equatable {
    /// Places in the list of texts.
    var texts: [Int]
    /// Rows with those that only fill up, and ids in each.
    var rows: Int
    var length: Int
  }

  /// The shape's length for a text of `count` ids.
  func length(_ count: Int) -> Int {
    if let length = Self.lengths.first(where: { $0 >= count }) { return min(length, max(maximumLength, count)) }
    return min((count + 255) / 256 * 256, max(maximumLength, count))
  }

  /// Batches of texts with so many ids each, the longest first.
  func batches(_ counts: [Int]) -> [Batch] {
    let order = counts.indices.sorted { (counts[$1], $0) < (counts[$0], $1) }
    var batches: [Batch] = []
    var rest = order[...]
    while let first = rest.first {
      let length = length(counts[first])
      let rows = max(Self.tokens / length, 1)
      // A batch that is mostly filling takes longer than its texts one by one.
      let isFull = rest.count * 4 >= rows
      let texts = Array(rest.prefix(isFull ? rows : 1))
      batches.append(Batch(texts: texts, rows: isFull ? rows : 1, length: length))
      rest = rest.dropFirst(texts.count)
    }
    return batches
  }
}
