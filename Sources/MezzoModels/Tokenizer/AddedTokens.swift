/// Tokens that are found in text as they are, before anything else is done to it: `[MASK]`.
struct AddedTokens: Sendable {
  struct Token: Sendable {
    var id: Int32
    var content: String
    /// Found only where no letter or digit stands beside it.
    var isSingleWord = false
    /// Whether the spaces before and behind it are part of it.
    var stripsLeft = false
    var stripsRight = false
    /// Looked for in normalized text.
    var isNormalized = false
  }

  /// A part of a text: a token, or text between tokens.
  enum Part {
    case token(Int32)
    case text(ArraySlice<UInt32>)
  }

  private let tokens: [Token]
  private let trie: Trie
  /// The scalars that a token can begin with.
  private let firsts: Set<UInt32>

  /// - Parameter spelled: each token's scalars as they stand in the text that is searched.
  init(_ tokens: [(token: Token, spelled: [UInt32])]) {
    var (trie, firsts, kept): (Trie, Set<UInt32>, [Token]) = (Trie(), [], [])
    for (token, spelled) in tokens {
      guard let first = spelled.first else { continue }
      firsts.insert(first)
      // Of tokens that are spelled alike the first is found.
      if trie.value(of: Self.bytes(spelled)) == nil { trie.insert(Self.bytes(spelled), Int32(kept.count)) }
      kept.append(token)
    }
    (self.trie, self.firsts, self.tokens) = (trie, firsts, kept)
  }

  /// Cuts a text at the tokens in it; of those that begin at one place the longest counts.
  func split(_ text: ArraySlice<UInt32>) -> [Part] {
    guard !tokens.isEmpty else { return [.text(text)] }
    var parts: [Part] = []
    var taken = text.startIndex
    var place = text.startIndex
    while place < text.endIndex {
      guard firsts.contains(text[place]), let (token, end) = longest(text[place...]) else {
        place += 1
        continue
      }
      defer { place = max(place, end) }
      if token.isSingleWord, isWord(text, place - 1) || isWord(text, end) { continue }
      var (start, stop) = (place, end)
      if token.stripsLeft { while start > taken, Self.isSpace(text[start - 1]) { start -= 1 } }
      if token.stripsRight { while stop < text.endIndex, Self.isSpace(text[stop]) { stop += 1 } }
      if taken < start { parts.append(.text(text[taken..<start])) }
      parts.append(.token(token.id))
      taken = max(taken, stop)
    }
    if taken < text.endIndex { parts.append(.text(text[taken...])) }
    return parts
  }

  private func longest(_ text: ArraySlice<UInt32>) -> (Token, end: Int)? {
    var node = Trie.root
    var found: (Token, end: Int)?
    for place in text.indices {
      for byte in Self.bytes([text[place]]) {
        guard let next = trie.next(node, byte) else { return found }
        node = next
      }
      if let index = trie.value(node) { found = (tokens[Int(index)], place + 1) }
    }
    return found
  }

  /// Four bytes for each scalar; the trie takes any bytes.
  private static func bytes(_ scalars: [UInt32]) -> [UInt8] {
    scalars.flatMap { scalar in (0..<4).map { UInt8(truncatingIfNeeded: scalar >> (8 * $0)) } }
  }

  private static func isSpace(_ scalar: UInt32) -> Bool { BertUnicode.isWhite(scalar) }

  /// What regular expressions call `\w`.
  private func isWord(_ text: ArraySlice<UInt32>, _ place: Int) -> Bool {
    guard text.indices.contains(place), let scalar = Unicode.Scalar(text[place]) else { return false }
    let properties = scalar.properties
    if properties.isAlphabetic || properties.isJoinControl { return true }
    switch properties.generalCategory {
    case .decimalNumber, .connectorPunctuation, .nonspacingMark, .spacingMark, .enclosingMark: return true
    default: return false
    }
  }
}
