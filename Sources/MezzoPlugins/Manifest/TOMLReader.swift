/// Reads TOML 1.0 without dates, and remembers where everything stands.
///
/// Strict: a key that comes twice, a table that is opened twice and a stray character are errors. What a text can make the
/// reader do is bounded, whoever wrote it.
struct TOMLReader {
  static let byteLimit = 256 << 10
  private static let depthLimit = 16
  private static let valueLimit = 20_000

  let bytes: [UInt8]
  var position = 0
  private var depth = 0
  private var values = 0
  private let root = TOMLTable(.header, position: 0)

  static func read(_ text: String) throws(TOMLError) -> TOMLTable {
    var reader = TOMLReader(text)
    guard reader.bytes.count <= byteLimit else {
      throw TOMLError(position: 0, message: "expected at most \(byteLimit) bytes, found \(reader.bytes.count)")
    }
    return try reader.document()
  }

  private init(_ text: String) { bytes = Array(text.utf8) }

  private mutating func document() throws(TOMLError) -> TOMLTable {
    if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { position = 3 }
    var table = root
    while true {
      try skipLines()
      guard position < bytes.count else { return root }
      if take("[[") {
        table = try header(isArray: true)
      } else if take("[") {
        table = try header(isArray: false)
      } else {
        try keyAndValue(into: table)
      }
      try endOfLine()
    }
  }

  // MARK: Tables

  private mutating func header(isArray: Bool) throws(TOMLError) -> TOMLTable {
    let start = position - (isArray ? 2 : 1)
    let path = try keys()
    guard take(isArray ? "]]" : "]") else { throw unexpected(isArray ? "expected ]]" : "expected ]") }
    var table = root
    for key in path.dropLast() {
      if let entry = table[key.name] {
        switch entry.value.content {
        case .table(let next) where next.origin != .inline: table = next
        case .array(let elements):
          guard case .table(let last)? = elements.last?.content, last.origin == .header else {
            throw TOMLError(position: key.position, message: "\(key.name) is complete where it stands first")
          }
          table = last
        default: throw TOMLError(position: key.position, message: "\(key.name) is \(entry.value.kind), not a table")
        }
      } else {
        table = add(key, TOMLTable(.implied, position: key.position), to: table)
      }
    }
    let last = path[path.count - 1]
    let made = TOMLTable(.header, position: start)
    guard let entry = table[last.name] else {
      if isArray {
        values += 1
        table.append(
          .init(
            key: last.name, keyPosition: last.position,
            value: TOMLValue(content: .array([TOMLValue(content: .table(made), position: start)]), position: start)))
        return made
      }
      return add(last, made, to: table)
    }
    switch entry.value.content {
    case .array(var elements) where isArray:
      // One written with brackets of its own is complete.
      guard case .table(let first)? = elements.first?.content, first.origin == .header else { break }
      try count()
      elements.append(TOMLValue(content: .table(made), position: start))
      table.replace(last.name, TOMLValue(content: .array(elements), position: entry.value.position))
      return made
    case .table(let known) where !isArray && known.origin == .implied:
      known.origin = .header
      return known
    default: break
    }
    throw TOMLError(position: last.position, message: "\(last.name) stands twice; write it once")
  }

  private func add(_ key: Key, _ made: TOMLTable, to table: TOMLTable) -> TOMLTable {
    table.append(
      .init(
        key: key.name, keyPosition: key.position, value: TOMLValue(content: .table(made), position: key.position)))
    return made
  }

  private mutating func keyAndValue(into start: TOMLTable) throws(TOMLError) {
    let path = try keys()
    var table = start
    for key in path.dropLast() {
      guard let entry = table[key.name] else {
        table = add(key, TOMLTable(.dotted, position: key.position), to: table)
        continue
      }
      guard case .table(let next) = entry.value.content, next.origin == .dotted else {
        throw TOMLError(position: key.position, message: "\(key.name) stands twice; write it once")
      }
      table = next
    }
    let last = path[path.count - 1]
    guard table[last.name] == nil else {
      throw TOMLError(position: last.position, message: "\(last.name) stands twice; write it once")
    }
    guard take("=") else { throw unexpected("expected = behind the key \(last.name)") }
    skipSpace()
    table.append(.init(key: last.name, keyPosition: last.position, value: try value()))
  }

  private struct Key {
    var name: String
    var position: Int
  }

  private mutating func keys() throws(TOMLError) -> [Key] {
    var path: [Key] = []
    repeat {
      skipSpace()
      let start = position
      let name: String
      if let quote = peek(), quote == UInt8(ascii: "\"") || quote == UInt8(ascii: "'") {
        guard !peekText("\"\"\""), !peekText("'''") else { throw unexpected("expected a key of one line") }
        name = try string().text
      } else {
        while let byte = peek(), Self.isBare(byte) { position += 1 }
        guard position > start else { throw unexpected("expected a key") }
        name = String(decoding: bytes[start..<position], as: UTF8.self)
      }
      path.append(Key(name: name, position: start))
      guard path.count <= Self.depthLimit else {
        throw TOMLError(position: start, message: "the key has too many parts")
      }
      skipSpace()
    } while take(".")
    return path
  }

  // MARK: Values

  mutating func value() throws(TOMLError) -> TOMLValue {
    try count()
    let start = position
    guard let byte = peek() else { throw unexpected("expected a value") }
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "'"): return TOMLValue(content: .string(try string()), position: start)
    case UInt8(ascii: "["): return TOMLValue(content: .array(try array()), position: start)
    case UInt8(ascii: "{"): return TOMLValue(content: .table(try inlineTable()), position: start)
    default: return TOMLValue(content: try scalar(), position: start)
    }
  }

  private mutating func array() throws(TOMLError) -> [TOMLValue] {
    try nest()
    defer { depth -= 1 }
    position += 1
    var elements: [TOMLValue] = []
    while true {
      try skipLines()
      if take("]") { return elements }
      elements.append(try value())
      try skipLines()
      if take("]") { return elements }
      guard take(",") else { throw unexpected("expected , or ]") }
    }
  }

  private mutating func inlineTable() throws(TOMLError) -> TOMLTable {
    try nest()
    defer { depth -= 1 }
    let table = TOMLTable(.inline, position: position)
    position += 1
    skipSpace()
    if take("}") { return table }
    while true {
      try keyAndValue(into: table)
      skipSpace()
      if take("}") { return table }
      guard take(",") else { throw unexpected("expected , or }") }
      skipSpace()
    }
  }

  private mutating func nest() throws(TOMLError) {
    depth += 1
    if depth > Self.depthLimit { throw unexpected("values nest at most \(Self.depthLimit) deep") }
  }

  private mutating func count() throws(TOMLError) {
    values += 1
    if values > Self.valueLimit { throw unexpected("expected at most \(Self.valueLimit) values") }
  }

  // MARK: Characters

  func peek() -> UInt8? { position < bytes.count ? bytes[position] : nil }

  func peekText(_ text: StaticString) -> Bool {
    let count = text.utf8CodeUnitCount
    guard bytes.count - position >= count else { return false }
    return text.withUTF8Buffer { $0.elementsEqual(bytes[position..<position + count]) }
  }

  mutating func take(_ text: StaticString) -> Bool {
    guard peekText(text) else { return false }
    position += text.utf8CodeUnitCount
    return true
  }

  mutating func skipSpace() {
    while let byte = peek(), byte == 0x20 || byte == 0x09 { position += 1 }
  }

  /// Space, line ends and comments.
  private mutating func skipLines() throws(TOMLError) {
    while true {
      skipSpace()
      try skipComment()
      if !takeLineEnd() { return }
    }
  }

  private mutating func endOfLine() throws(TOMLError) {
    skipSpace()
    try skipComment()
    guard position == bytes.count || takeLineEnd() else { throw unexpected("expected the end of the line") }
  }

  private mutating func skipComment() throws(TOMLError) {
    guard peek() == UInt8(ascii: "#") else { return }
    while let byte = peek(), byte != 0x0A {
      if byte == 0x0D && peekText("\r\n") { return }
      guard byte >= 0x20 && byte != 0x7F || byte == 0x09 else {
        throw unexpected("expected a comment without control characters")
      }
      position += 1
    }
  }

  mutating func takeLineEnd() -> Bool { take("\n") || take("\r\n") }

  func unexpected(_ expectation: String) -> TOMLError {
    guard let byte = peek() else {
      return TOMLError(position: position, message: "\(expectation), found the end of the file")
    }
    if byte == 0x0A || byte == 0x0D {
      return TOMLError(position: position, message: "\(expectation), found the end of the line")
    }
    let line = bytes[position...].prefix(16).prefix { $0 >= 0x20 && $0 != 0x7F }
    let found = line.isEmpty ? "the control character \(byte)" : "'\(String(decoding: line, as: UTF8.self))'"
    return TOMLError(position: position, message: "\(expectation), found \(found)")
  }

  private static func isBare(_ byte: UInt8) -> Bool {
    (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte) || byte == 0x5F
      || byte == 0x2D
  }
}
