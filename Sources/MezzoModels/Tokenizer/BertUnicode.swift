/// What BERT's tokenization knows about Unicode: the versions of Unicode that the `tokenizers` package is built with, and
/// not those of the toolchain, since ids must not change with the compiler.
enum BertUnicode {
  static func isRemoved(_ scalar: UInt32) -> Bool { contains(removed, scalar) }
  static func isSpace(_ scalar: UInt32) -> Bool { contains(space, scalar) }
  static func isWhite(_ scalar: UInt32) -> Bool { contains(white, scalar) }
  static func isIdeograph(_ scalar: UInt32) -> Bool { contains(ideographs, scalar) }
  static func isPunctuation(_ scalar: UInt32) -> Bool { contains(punctuation, scalar) }

  /// The capital's small letter, which for İ are two.
  static func appendLowercase(of scalar: UInt32, to text: inout [UInt32]) {
    if scalar < 0x80 {
      text.append(scalar &- 0x41 < 26 ? scalar + 0x20 : scalar)
    } else if scalar == 0x130 {
      text += [0x69, 0x307]
    } else {
      let place = last(in: lowercase, stride: 4, notAbove: Int32(bitPattern: scalar))
      guard place >= 0 else { return text.append(scalar) }
      let (first, last) = (lowercase[place], lowercase[place + 1])
      let (step, difference) = (lowercase[place + 2], lowercase[place + 3])
      let isIn = scalar <= last && (Int32(bitPattern: scalar) - first) % step == 0
      text.append(isIn ? UInt32(bitPattern: Int32(bitPattern: scalar) + difference) : scalar)
    }
  }

  /// How a mark moves among its neighbours when text is decomposed.
  enum Mark { case starter, transparent }

  static func mark(_ scalar: UInt32) -> Mark? {
    if contains(transparentMarks, scalar) { return .transparent }
    return contains(starterMarks, scalar) ? .starter : nil
  }

  static func combiningClass(_ scalar: UInt32) -> UInt32 {
    let place = last(in: combiningClasses, stride: 2, notAbove: scalar)
    return place >= 0 && combiningClasses[place] == scalar ? combiningClasses[place + 1] : 0
  }

  /// Calls `body` with the canonical decomposition without its nonspacing marks.
  static func decompose(_ scalar: UInt32, _ body: (UInt32) -> Void) {
    if 0xAC00...0xD7A3 ~= scalar {
      // Hangul syllables decompose by arithmetic (Unicode, section 3.12).
      let index = scalar - 0xAC00
      body(0x1100 + index / 588)
      body(0x1161 + index % 588 / 28)
      if index % 28 > 0 { body(0x11A7 + index % 28) }
      return
    }
    let place = last(in: stripped, stride: 2, notAbove: scalar)
    if place >= 0, stripped[place] == scalar { return body(stripped[place + 1]) }
    if let parts = several[scalar] { return parts.forEach(body) }
    body(scalar)
  }

  private static let several: [UInt32: ArraySlice<UInt32>] = {
    var parts: [UInt32: ArraySlice<UInt32>] = [:]
    var place = 0
    while place < strippedSeveral.count {
      let end = place + 2 + Int(strippedSeveral[place + 1])
      parts[strippedSeveral[place]] = strippedSeveral[place + 2..<end]
      place = end
    }
    return parts
  }()

  private static func contains(_ ranges: [UInt32], _ scalar: UInt32) -> Bool {
    let place = last(in: ranges, stride: 2, notAbove: scalar)
    return place >= 0 && scalar <= ranges[place + 1]
  }

  /// The place of the last row of a sorted table that does not begin above `key`; negative if all do.
  private static func last<Key: FixedWidthInteger>(in table: [Key], stride: Int, notAbove key: Key) -> Int {
    var (low, high) = (0, table.count / stride)
    while low < high {
      let middle = (low + high) / 2
      if table[middle * stride] <= key { low = middle + 1 } else { high = middle }
    }
    return (low - 1) * stride
  }
}
