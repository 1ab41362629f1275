/// A rule's text that cannot be read: where, and what would have been right.
public struct RuleSyntaxError: Error, Equatable, Sendable, CustomStringConvertible {
  public var text: String
  /// Bytes of UTF-8 before the place.
  public var position: Int
  public var message: String

  public var description: String { "\(message), at character \(position + 1) of \"\(text)\"" }
}

/// Reads the small languages of rules, one token at a time.
struct RuleScanner {
  let text: String
  private let characters: [UInt8]
  private(set) var position = 0

  init(_ text: String) {
    self.text = text
    characters = Array(text.utf8)
  }

  mutating func isAtEnd() -> Bool {
    skipSpace()
    return position == characters.count
  }

  /// Where the next token begins.
  mutating func nextPosition() -> Int {
    skipSpace()
    return position
  }

  mutating func take(_ token: String) -> Bool {
    skipSpace()
    let token = Array(token.utf8)
    guard characters.count - position >= token.count,
      characters[position..<position + token.count].elementsEqual(token)
    else { return false }
    // `and` must not match the beginning of `android`.
    if let last = token.last, Self.isWord(last), position + token.count < characters.count,
      Self.isWord(characters[position + token.count])
    {
      return false
    }
    position += token.count
    return true
  }

  mutating func expect(_ token: String) throws(RuleSyntaxError) {
    if !take(token) { throw unexpected("expected \(token)") }
  }

  mutating func identifier(_ expected: String) throws(RuleSyntaxError) -> String {
    skipSpace()
    guard position < characters.count, Self.isWord(characters[position]), !Self.isDigit(characters[position]) else {
      throw unexpected("expected \(expected)")
    }
    return try word(expected)
  }

  mutating func word(_ expected: String) throws(RuleSyntaxError) -> String {
    skipSpace()
    let start = position
    while position < characters.count, Self.isWord(characters[position]) { position += 1 }
    guard position > start else { throw unexpected("expected \(expected)") }
    return String(decoding: characters[start..<position], as: UTF8.self)
  }

  mutating func peekDigit() -> Bool {
    skipSpace()
    return position < characters.count && Self.isDigit(characters[position])
  }

  func error(_ message: String, at position: Int) -> RuleSyntaxError {
    RuleSyntaxError(text: text, position: position, message: message)
  }

  func unexpected(_ expectation: String) -> RuleSyntaxError {
    let found =
      position < characters.count
      ? "found '\(String(decoding: characters[position..<min(position + 8, characters.count)], as: UTF8.self))'"
      : "found the end"
    return error("\(expectation), \(found)", at: position)
  }

  private mutating func skipSpace() {
    while position < characters.count, characters[position] == 0x20 || characters[position] == 0x09 { position += 1 }
  }

  private static func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }

  private static func isWord(_ byte: UInt8) -> Bool {
    isDigit(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte) || byte == 0x5F
  }
}
