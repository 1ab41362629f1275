import MezzoBackend

/// The keys of one table of a manifest: says what is missing, of the wrong kind, or not known.
struct ManifestFields {
  let table: TOMLTable
  /// As in messages: `[library]`.
  let name: String

  init(_ table: TOMLTable, _ name: String, known: [String]) throws(TOMLError) {
    self.table = table
    self.name = name
    for entry in table.entries where !known.contains(entry.key) {
      throw TOMLError(
        position: entry.keyPosition,
        message: "expected one of the keys of \(name), found '\(entry.key)'; \(Self.advice(entry.key, known))")
    }
  }

  /// `did you mean …?`, or the list.
  static func advice(_ word: String, _ known: [String]) -> String {
    let near = known.map { ($0, Self.distance(word, $0)) }.min { $0.1 < $1.1 }
    if let near, near.1 <= max(1, min(word.count, near.0.count) / 3) { return "did you mean '\(near.0)'?" }
    return "there are \(known.joined(separator: ", "))"
  }

  func missing(_ key: String, _ what: String) -> TOMLError {
    TOMLError(position: table.position, message: "expected \(key) in \(name): \(what)")
  }

  private func wrong(_ value: TOMLValue, _ key: String, _ expected: String) -> TOMLError {
    TOMLError(position: value.position, message: "expected \(expected) for \(key), found \(value.kind)")
  }

  func value(_ key: String) -> TOMLValue? { table[key]?.value }

  func text(_ key: String) throws(TOMLError) -> (string: TOMLString, position: Int)? {
    guard let value = value(key) else { return nil }
    guard case .string(let string) = value.content else { throw wrong(value, key, "a string") }
    return (string, value.position)
  }

  func string(_ key: String) throws(TOMLError) -> String? { try text(key)?.string.text }

  func required(_ key: String, _ what: String) throws(TOMLError) -> (string: TOMLString, position: Int) {
    guard let text = try text(key) else { throw missing(key, what) }
    return text
  }

  func bool(_ key: String) throws(TOMLError) -> Bool? {
    guard let value = value(key) else { return nil }
    guard case .bool(let bool) = value.content else { throw wrong(value, key, "true or false") }
    return bool
  }

  func integer(_ key: String, in range: ClosedRange<Int>) throws(TOMLError) -> Int? {
    guard let value = value(key) else { return nil }
    let expected =
      range.count == 1 ? "\(range.lowerBound)" : "a whole number from \(range.lowerBound) to \(range.upperBound)"
    guard case .integer(let integer) = value.content else { throw wrong(value, key, expected) }
    guard range.contains(integer) else {
      throw TOMLError(position: value.position, message: "expected \(expected) for \(key), found \(integer)")
    }
    return integer
  }

  /// Not negative and finite.
  func rate(_ key: String) throws(TOMLError) -> Double? {
    guard let value = value(key) else { return nil }
    switch value.content {
    case .integer(let integer) where integer >= 0: return Double(integer)
    case .float(let double) where double >= 0 && double.isFinite: return double
    default: throw wrong(value, key, "a number that is not negative")
    }
  }

  func list(_ key: String) throws(TOMLError) -> (elements: [TOMLValue], position: Int)? {
    guard let value = value(key) else { return nil }
    guard case .array(let elements) = value.content else { throw wrong(value, key, "a list") }
    return (elements, value.position)
  }

  func strings(_ key: String) throws(TOMLError) -> [(text: String, position: Int)]? {
    guard let (elements, _) = try list(key) else { return nil }
    var strings: [(String, Int)] = []
    for element in elements {
      guard case .string(let string) = element.content else { throw wrong(element, key, "strings") }
      strings.append((string.text, element.position))
    }
    return strings
  }

  func table(_ key: String) throws(TOMLError) -> TOMLTable? {
    guard let value = value(key) else { return nil }
    guard case .table(let table) = value.content else { throw wrong(value, key, "a table") }
    return table
  }

  func tables(_ key: String, limit: Int) throws(TOMLError) -> [TOMLTable] {
    guard let (elements, position) = try list(key) else { return [] }
    guard elements.count <= limit else {
      throw TOMLError(position: position, message: "expected at most \(limit) of \(key), found \(elements.count)")
    }
    var tables: [TOMLTable] = []
    for element in elements {
      guard case .table(let table) = element.content else { throw wrong(element, key, "a list of tables") }
      tables.append(table)
    }
    return tables
  }

  /// One of a few words.
  func choice<T: RawRepresentable & CaseIterable>(_ key: String, _: T.Type) throws(TOMLError) -> T?
  where T.RawValue == String {
    guard let (string, position) = try text(key) else { return nil }
    return try Self.word(string.text, key, at: position)
  }

  static func word<T: RawRepresentable & CaseIterable>(
    _ text: String, _ key: String, at position: Int
  ) throws(TOMLError) -> T where T.RawValue == String {
    if let word = T(rawValue: text) { return word }
    let known = T.allCases.map(\.rawValue)
    throw TOMLError(
      position: position,
      message: "expected one of \(known.joined(separator: ", ")) for \(key), found '\(text)'; \(advice(text, known))")
  }

  /// Letters, digits, and what else C and file names may have.
  static func isName(_ text: String, also: String = "") -> Bool {
    !text.isEmpty && text.utf8.count <= 128
      && text.unicodeScalars.allSatisfy { scalar in
        scalar.isASCII
          && (("0"..."9").contains(scalar) || ("A"..."Z").contains(scalar) || ("a"..."z").contains(scalar)
            || scalar == "_" || also.unicodeScalars.contains(scalar))
      }
  }

  /// Edits that lead from one word to the other; two neighbours that change places are one.
  private static func distance(_ left: String, _ right: String) -> Int {
    let (left, right) = (Array(left.utf8.prefix(64)), Array(right.utf8.prefix(64)))
    var (before, row) = ([Int](), Array(0...right.count))
    for (i, a) in left.enumerated() {
      var next = [i + 1]
      for (j, b) in right.enumerated() {
        var edits = min(next[j] + 1, row[j + 1] + 1, row[j] + (a == b ? 0 : 1))
        if i > 0, j > 0, a == right[j - 1], left[i - 1] == b { edits = min(edits, before[j - 1] + 1) }
        next.append(edits)
      }
      (before, row) = (row, next)
    }
    return row[right.count]
  }
}
