/// Cuts words into the longest pieces that the vocabulary has, from the left (Schuster and Nakajima, ICASSP 2012). A word
/// that cannot be cut so, or that is too long, is unknown as a whole.
struct WordPiece: Sendable {
  private let trie: Trie
  /// Behind the prefix of pieces that continue a word; `nil` if no piece of the vocabulary does.
  private let continuation: UInt32?
  private let unknown: Int32
  private let longestWord: Int

  init(_ trie: Trie, continuationPrefix: String, unknown: Int32, longestWord: Int) {
    self.trie = trie
    self.unknown = unknown
    self.longestWord = longestWord
    var node: UInt32? = Trie.root
    for byte in continuationPrefix.utf8 { node = node.flatMap { trie.next($0, byte) } }
    continuation = node
  }

  /// Appends the ids of the pieces of a word.
  func append(_ word: ArraySlice<UInt32>, to ids: inout [Int32]) {
    guard word.count <= longestWord else { return ids.append(unknown) }
    let before = ids.count
    var start = word.startIndex
    while start < word.endIndex {
      guard let node = start == word.startIndex ? Trie.root : continuation, let piece = longest(word[start...], node)
      else {
        ids.removeLast(ids.count - before)
        return ids.append(unknown)
      }
      ids.append(piece.id)
      start = piece.end
    }
  }

  private func longest(_ text: ArraySlice<UInt32>, _ start: UInt32) -> (id: Int32, end: Int)? {
    var node = start
    var found: (id: Int32, end: Int)?
    for place in text.indices {
      guard let next = next(node, text[place]) else { break }
      node = next
      if let id = trie.value(node) { found = (id, place + 1) }
    }
    return found
  }

  /// The node behind the UTF-8 bytes of a scalar.
  private func next(_ node: UInt32, _ scalar: UInt32) -> UInt32? {
    if scalar < 0x80 { return trie.next(node, UInt8(scalar)) }
    guard let scalar = Unicode.Scalar(scalar) else { return nil }
    var node: UInt32? = node
    for byte in UTF8.encode(scalar) ?? .init() { node = node.flatMap { trie.next($0, byte) } }
    return node
  }
}
