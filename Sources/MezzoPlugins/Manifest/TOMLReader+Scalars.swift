extension TOMLReader {
  // MARK: Strings

  mutating func string() throws(TOMLError) -> TOMLString {
    if take("\"\"\"") { return try text(end: "\"\"\"", isLiteral: false, isMultiline: true) }
    if take("'''") { return try text(end: "'''", isLiteral: true, isMultiline: true) }
    if take("\"") { return try text(end: "\"", isLiteral: false, isMultiline: false) }
    guard take("'") else { throw unexpected("expected a string") }
    return try text(end: "'", isLiteral: true, isMultiline: false)
  }

  private mutating func text(
    end: StaticString, isLiteral: Bool, isMultiline: Bool
  ) throws(TOMLError) -> TOMLString {
    if isMultiline { _ = takeLineEnd() }
    let start = position
    var result: [UInt8] = []
    var offsets: [Int] = []
    func append(_ more: some Collection<UInt8>, at place: Int) {
      result += more
      offsets += repeatElement(place, count: more.count)
    }
    while true {
      if isMultiline && peekText(end) {
        // Up to two quotation marks may stand before those that end the text.
        let quote = bytes[position]
        var count = 0
        while count < 5, position + count < bytes.count, bytes[position + count] == quote { count += 1 }
        for place in position..<position + count - 3 { append([quote], at: place) }
        position += count
        break
      }
      if !isMultiline && take(end) { break }
      guard let byte = peek() else { throw unexpected("expected the end of the string that begins before this") }
      if !isLiteral && byte == UInt8(ascii: "\\") {
        let place = position
        append(try escape(isMultiline: isMultiline), at: place)
      } else if byte == 0x0A || peekText("\r\n") {
        guard isMultiline else { throw unexpected("expected the end of the string on its line") }
        let place = position
        _ = takeLineEnd()
        append([0x0A], at: place)
      } else if byte < 0x20 && byte != 0x09 || byte == 0x7F {
        throw unexpected("expected a string without control characters")
      } else {
        append([byte], at: position)
        position += 1
      }
    }
    // The end is where the closing quotation mark stands.
    offsets.append(max(start, position - end.utf8CodeUnitCount))
    return TOMLString(text: String(decoding: result, as: UTF8.self), offsets: offsets)
  }

  private mutating func escape(isMultiline: Bool) throws(TOMLError) -> [UInt8] {
    let start = position
    position += 1
    guard let byte = peek() else { throw unexpected("expected an escape") }
    let simple: [Character: UInt8] = [
      "b": 0x08, "t": 0x09, "n": 0x0A, "f": 0x0C, "r": 0x0D, "\"": 0x22, "\\": 0x5C,
    ]
    if let value = simple[Character(Unicode.Scalar(byte))] {
      position += 1
      return [value]
    }
    if take("u") { return try scalar(digits: 4, start) }
    if take("U") { return try scalar(digits: 8, start) }
    if isMultiline {
      // A backslash at the end of a line takes away all white space up to the next character.
      var ahead = self
      ahead.skipSpace()
      if ahead.takeLineEnd() {
        position = ahead.position
        repeat { skipSpace() } while takeLineEnd()
        return []
      }
    }
    throw TOMLError(position: start, message: "expected one of the escapes \\b \\t \\n \\f \\r \\\" \\\\ \\u \\U")
  }

  private mutating func scalar(digits: Int, _ start: Int) throws(TOMLError) -> [UInt8] {
    let end = min(position + digits, bytes.count)
    let text = String(decoding: bytes[position..<end], as: UTF8.self)
    guard text.utf8.count == digits, text.allSatisfy(\.isHexDigit), let value = UInt32(text, radix: 16),
      let scalar = Unicode.Scalar(value)
    else {
      throw TOMLError(position: start, message: "expected \(digits) hexadecimal digits of a character")
    }
    position = end
    return Array(String(scalar).utf8)
  }

  // MARK: Numbers

  mutating func scalar() throws(TOMLError) -> TOMLValue.Content {
    let start = position
    while let byte = peek(), Self.isScalar(byte) { position += 1 }
    let token = String(decoding: bytes[start..<position], as: UTF8.self)
    switch token {
    case "": throw unexpected("expected a value")
    case "true": return .bool(true)
    case "false": return .bool(false)
    case "inf", "+inf": return .float(.infinity)
    case "-inf": return .float(-.infinity)
    case "nan", "+nan", "-nan": return .float(.nan)
    default: break
    }
    if let content = number(token) { return content }
    let advice = token.first.map { $0.isLetter } ?? false ? "; text stands between quotation marks" : ""
    throw TOMLError(position: start, message: "expected a value, found '\(token.prefix(32))'\(advice)")
  }

  private func number(_ token: String) -> TOMLValue.Content? {
    for (prefix, radix) in [("0x", 16), ("0o", 8), ("0b", 2)] where token.hasPrefix(prefix) {
      return digits(token.dropFirst(2), radix: radix).flatMap { Int($0, radix: radix) }.map { .integer($0) }
    }
    let sign = token.first == "-" ? "-" : ""
    let magnitude = token.first == "-" || token.first == "+" ? token.dropFirst() : token[...]
    let parts = magnitude.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
    let exponent = (parts.last ?? "").split(maxSplits: 1, omittingEmptySubsequences: false) { "eE".contains($0) }
    if parts.count == 1 && exponent.count == 1 {
      guard let whole = digits(magnitude, radix: 10), whole == "0" || !whole.hasPrefix("0") else { return nil }
      return Int(sign + whole).map { .integer($0) }
    }
    let whole = parts.count == 2 ? parts[0] : exponent[0]
    guard let integer = digits(whole, radix: 10), integer == "0" || !integer.hasPrefix("0") else { return nil }
    var text = sign + integer
    if parts.count == 2 {
      guard let fraction = digits(exponent[0], radix: 10) else { return nil }
      text += "." + fraction
    }
    if exponent.count == 2 {
      let isSigned = exponent[1].first == "-" || exponent[1].first == "+"
      guard let power = digits(exponent[1].dropFirst(isSigned ? 1 : 0), radix: 10) else { return nil }
      text += "e" + (exponent[1].first == "-" ? "-" : "") + power
    }
    return Double(text).map { .float($0) }
  }

  /// Without the underscores, each of which has to stand between two digits.
  private func digits(_ text: Substring, radix: Int) -> String? {
    let parts = text.split(separator: "_", omittingEmptySubsequences: false)
    let isNumber = parts.allSatisfy { part in
      !part.isEmpty && part.utf8.allSatisfy { Character(Unicode.Scalar($0)).hexDigitValue.map { $0 < radix } ?? false }
    }
    return isNumber ? parts.joined() : nil
  }

  private static func isScalar(_ byte: UInt8) -> Bool {
    (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
      || [0x2B, 0x2D, 0x2E, 0x5F, 0x3A].contains(byte) || byte >= 0x80
  }
}
