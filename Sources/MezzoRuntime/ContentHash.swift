import CMezzoHost

/// 128 bits that stand for a run of bytes; two different runs have the same by a chance that is not met in practice. Not for content
/// that somebody makes in order to collide.
struct ContentHash: Hashable, Sendable, CustomStringConvertible {
  private let first: UInt64
  private let second: UInt64

  init(_ bytes: UnsafeRawBufferPointer) {
    var hash: (UInt64, UInt64) = (0, 0)
    withUnsafeMutableBytes(of: &hash) { hash in
      mezzo_content_hash(
        bytes.baseAddress, UInt64(bytes.count), hash.baseAddress?.assumingMemoryBound(to: UInt64.self))
    }
    (first, second) = hash
  }

  /// 32 hexadecimal digits.
  var description: String {
    [first, second].map { word in
      let digits = String(word, radix: 16)
      return String(repeating: "0", count: 16 - digits.count) + digits
    }.joined()
  }
}
