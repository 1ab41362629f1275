import MezzoLayers

/// Texts in batches of a few shapes, so that a stream of texts of all lengths runs on a few plans.
struct TextBatches: Sendable {
  /// Of batches.
  private let lengths: ShapeBuckets

  /// Ids in a batch: enough that matrix products work at full speed, and few enough to stay in caches.
  private static let tokens = 2048

  /// - Parameter maximumLength: ids of the longest text.
  /// - Throws: `LayerError.invalidConfiguration` for one below 1.
  init(maximumLength: Int) throws(LayerError) {
    // A third apart or so.
    let lengths = [16, 32, 64, 96, 128, 192, 256, 384, 512] + Array(stride(from: 768, to: maximumLength, by: 256))
    self.lengths = try ShapeBuckets(steps: lengths.filter { $0 < maximumLength } + [maximumLength])
  }

  struct Batch: Equatable {
    /// Places in the list of texts.
    var texts: [Int]
    /// Rows with those that only fill up, and ids in each.
    var rows: Int
    var length: Int
  }

  /// One text or many, of each length.
  var shapes: Int { 2 * lengths.combinations }

  /// The shape's length for a text of `count` ids: of none too, where a tokenizer puts nothing around an empty text.
  func length(_ count: Int) -> Int { lengths.size(of: max(count, 1), axis: 1) }

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
