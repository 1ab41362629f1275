/// Where a text stops being JSON. For error messages: the decoder that refuses a text says where in words of its own
/// system, which differ from one to the next.
struct JSONFlaw: Error {
  /// Of the first byte that cannot be there.
  let offset: Int
  let expected: String

  /// - Parameter json: with brackets in each other no deeper than a recursion may go.
  /// - Returns: nil if the form is that of JSON.
  init?(in json: [UInt8]) {
    var scanner = Scanner(json: json)
    do throws(JSONFlaw) {
      try scanner.text()
      return nil
    } catch {
      self = error
    }
  }

  private init(_ offset: Int, _ expected: String) {
    self.offset = offset
    self.expected = expected
  }

  /// The line and the byte in it, both from 1 on.
  func place(in json: [UInt8]) -> (line: Int, column: Int) {
    let before = json[..<offset]
    let newline = UInt8(ascii: "\n")
    let start = before.lastIndex(of: newline).map { $0 + 1 } ?? 0
    return (before.count { $0 == newline } + 1, offset - start + 1)
  }

  /// What is there.
  func found(in json: [UInt8]) -> String {
    guard offset < json.count else { return "the end of the text" }
    let byte = json[offset]
    return (0x20..<0x7F).contains(byte) ? "'\(Character(Unicode.Scalar(byte)))'" : "the byte \(byte)"
  }

  private struct Scanner {
    let json: [UInt8]
    private var offset = 0

    init(json: [UInt8]) { self.json = json }

    private var next: UInt8? { offset < json.count ? json[offset] : nil }

    mutating func text() throws(JSONFlaw) {
      try value()
      guard next == nil else { throw JSONFlaw(offset, "nothing behind the value") }
    }

    /// A value with the space around it.
    private mutating func value() throws(JSONFlaw) {
      skipSpace()
      switch next {
      case UInt8(ascii: "{"): try object()
      case UInt8(ascii: "["): try array()
      case UInt8(ascii: "\""): try string()
      case UInt8(ascii: "t"): try word("true")
      case UInt8(ascii: "f"): try word("false")
      case UInt8(ascii: "n"): try word("null")
      case UInt8(ascii: "-"), .some(UInt8(ascii: "0")...UInt8(ascii: "9")): try number()
      default: throw JSONFlaw(offset, "a value")
      }
      skipSpace()
    }

    private mutating func object() throws(JSONFlaw) {
      offset += 1
      skipSpace()
      if take("}") { return }
      repeat {
        skipSpace()
        guard next == UInt8(ascii: "\"") else { throw JSONFlaw(offset, "a key in quotation marks") }
        try string()
        skipSpace()
        guard take(":") else { throw JSONFlaw(offset, "a colon") }
        try value()
      } while take(",")
      guard take("}") else { throw JSONFlaw(offset, "a comma or a closing brace") }
    }

    private mutating func array() throws(JSONFlaw) {
      offset += 1
      skipSpace()
      if take("]") { return }
      repeat { try value() } while take(",")
      guard take("]") else { throw JSONFlaw(offset, "a comma or a closing bracket") }
    }

    private mutating func string() throws(JSONFlaw) {
      offset += 1
      while let byte = next, byte != UInt8(ascii: "\"") {
        guard byte >= 0x20 else { throw JSONFlaw(offset, "a closing quotation mark in the line") }
        offset += 1
        if byte == UInt8(ascii: "\\") { try escape() }
      }
      guard take("\"") else { throw JSONFlaw(offset, "a closing quotation mark") }
    }

    private mutating func escape() throws(JSONFlaw) {
      if take("u") {
        for _ in 0..<4 {
          guard let byte = next, Character(Unicode.Scalar(byte)).isHexDigit else {
            throw JSONFlaw(offset, "four hexadecimal digits")
          }
          offset += 1
        }
        return
      }
      guard let byte = next, Array("\"\\/bfnrt".utf8).contains(byte) else {
        throw JSONFlaw(offset, "one of \"\\/bfnrtu behind a backslash")
      }
      offset += 1
    }

    private mutating func number() throws(JSONFlaw) {
      _ = take("-")
      // No zeros in front.
      if !take("0") { try digits() }
      if take(".") { try digits() }
      if take("e") || take("E") {
        if !take("+") { _ = take("-") }
        try digits()
      }
    }

    private mutating func digits() throws(JSONFlaw) {
      let start = offset
      while let byte = next, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) { offset += 1 }
      guard offset > start else { throw JSONFlaw(offset, "a digit") }
    }

    private mutating func word(_ word: String) throws(JSONFlaw) {
      for byte in word.utf8 {
        guard next == byte else { throw JSONFlaw(offset, "the value \(word)") }
        offset += 1
      }
    }

    private mutating func take(_ character: Unicode.Scalar) -> Bool {
      guard next == UInt8(ascii: character) else { return false }
      offset += 1
      return true
    }

    private mutating func skipSpace() {
      while let byte = next, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { offset += 1 }
    }
  }
}
