/// A value of a TOML file and where it begins, in bytes from the start of the file.
struct TOMLValue {
  enum Content {
    case string(TOMLString)
    case integer(Int)
    case float(Double)
    case bool(Bool)
    case array([TOMLValue])
    case table(TOMLTable)
  }

  var content: Content
  var position: Int

  /// For messages.
  var kind: String {
    switch content {
    case .string: "a string"
    case .integer: "a whole number"
    case .float: "a floating-point number"
    case .bool: "true or false"
    case .array: "a list"
    case .table: "a table"
    }
  }
}

/// A string, and where in the file each of its bytes stands.
struct TOMLString {
  var text: String
  /// One for each byte of UTF-8, and one for the end.
  var offsets: [Int]

  /// Where the byte `offset` of the text stands.
  func position(_ offset: Int) -> Int { offsets[min(max(offset, 0), offsets.count - 1)] }
}

/// A table in the order of the file. A class, since headers further down the file go on filling it.
final class TOMLTable {
  struct Entry {
    var key: String
    var keyPosition: Int
    var value: TOMLValue
  }

  /// What may still be added.
  enum Origin {
    /// Named only as part of a longer header: a header of its own may follow.
    case implied
    /// By a header of its own.
    case header
    /// By a dotted key: more such keys may follow in the same table.
    case dotted
    /// Between braces: complete.
    case inline
  }

  let position: Int
  var origin: Origin
  private(set) var entries: [Entry] = []
  private var places: [String: Int] = [:]

  init(_ origin: Origin, position: Int) {
    self.origin = origin
    self.position = position
  }

  subscript(key: String) -> Entry? { places[key].map { entries[$0] } }

  func append(_ entry: Entry) {
    places[entry.key] = entries.count
    entries.append(entry)
  }

  func replace(_ key: String, _ value: TOMLValue) {
    if let place = places[key] { entries[place].value = value }
  }
}

/// A text that is no TOML, or more of it than a manifest may have.
struct TOMLError: Error, Equatable {
  var position: Int
  var message: String
}
