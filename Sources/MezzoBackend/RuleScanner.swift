/// A rule's text that cannot be read: where, and what would have been right.
public struct RuleSyntaxError: Error, Equatable, Sendable, CustomStringConvertible {
  public var text: String
  /// Bytes of UTF-8 before the place.
  public var position: Int
  public var message: String

  public var description: String { "\(message), at character \(position + 1) of \"\(text)\"" }
}

/// Reads the small languages of rules, one token at a time.
package struct RuleScanner {
  package let text: String
  private let characters: [UInt8]
  package private(set) var position = 0

  package init(_ text: String) {
    self.text = text
    characters = Array(text.utf8)
  }

  package mutating func isAtEnd() -> Bool {
    skipSpace()
    return position == characters.count
  }

  /// Where the next token begins.
  package mutating func nextPosition() -> Int {
    skipSpace()
    return position
  }

  package mutating func take(_ token: String) -> Bool {
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

  package mutating func expect(_ token: String) throws(RuleSyntaxError) {
    if !take(token) { throw unexpected("expected \(token)") }
  }

  package mutating func identifier(_ expected: String) throws(RuleSyntaxError) -> String {
    skipSpace()
    guard position < characters.count, Self.isWord(characters[position]), !Self.isDigit(characters[position]) else {
      throw unexpected("expected \(expected)")
    }
    return try word(expected)
  }

  package mutating func word(_ expected: String) throws(RuleSyntaxError) -> String {
    skipSpace()
    let start = position
    while position < characters.count, Self.isWord(characters[position]) { position += 1 }
    guard position > start else { throw unexpected("expected \(expected)") }
    return String(decoding: characters[start..<position], as: UTF8.self)
  }

  package func peek(_ token: String) -> Bool {
    var ahead = self
    return ahead.take(token)
  }

  /// A whole number, decimal or `0x…`, or a floating-point number.
  mutating func number() throws(RuleSyntaxError) -> RuleValue {
    let start = nextPosition()
    var isHexadecimal = false
    while position < characters.count {
      let byte = characters[position]
      let isSign = byte == 0x2B || byte == 0x2D
      let followsExponent = position > start && [0x45, 0x65].contains(characters[position - 1]) && !isHexadecimal
      guard Self.isWord(byte) || byte == 0x2E || isSign && followsExponent else { break }
      isHexadecimal = isHexadecimal || position == start + 1 && byte == 0x78
      position += 1
    }
    let token = String(decoding: characters[start..<position], as: UTF8.self)
    if let value = isHexadecimal ? Int(token.dropFirst(2), radix: 16) : Int(token) { return .int(value) }
    if token.contains(where: { ".eE".contains($0) }), !isHexadecimal, let value = Double(token), value.isFinite {
      return .float(value)
    }
    throw error("\(token) is no whole number of 64 bits and no floating-point number", at: start)
  }

  mutating func peekDigit() -> Bool {
    skipSpace()
    return position < characters.count && Self.isDigit(characters[position])
  }

  package func error(_ message: String, at position: Int) -> RuleSyntaxError {
    RuleSyntaxError(text: text, position: position, message: message)
  }

  package func unexpected(_ expectation: String) -> RuleSyntaxError {
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
