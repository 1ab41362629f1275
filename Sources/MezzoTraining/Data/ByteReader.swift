/// A source of bytes that is read once, front to back.
protocol ByteReader {
  /// The next bytes, at most `count`; fewer only where the source ends.
  mutating func read(upTo count: Int) throws(DataError) -> [UInt8]
}

/// Reads bytes that are in memory as they are.
struct PlainReader: ByteReader {
  private var rest: ArraySlice<UInt8>

  init(_ bytes: [UInt8]) {
    rest = bytes[...]
  }

  mutating func read(upTo count: Int) -> [UInt8] {
    let taken = rest.prefix(count)
    rest = rest.dropFirst(taken.count)
    return Array(taken)
  }
}
