/// Words as BERT sees them: what lies between spaces, and each punctuation mark by itself.
enum BertPreTokenizer {
  static func words(_ text: ArraySlice<UInt32>) -> [Range<Int>] {
    var words: [Range<Int>] = []
    var start: Int?
    func finish(_ end: Int) {
      if let begin = start { words.append(begin..<end) }
      start = nil
    }
    for place in text.indices {
      switch kind(text[place]) {
      case .white: finish(place)
      case .punctuation:
        finish(place)
        words.append(place..<place + 1)
      case .other: if start == nil { start = place }
      }
    }
    finish(text.endIndex)
    return words
  }

  private enum Kind { case white, punctuation, other }

  private static func kind(_ scalar: UInt32) -> Kind {
    if scalar < 0x80 {
      switch scalar {
      case 0x09...0x0D, 0x20: return .white
      case 0x21...0x2F, 0x3A...0x40, 0x5B...0x60, 0x7B...0x7E: return .punctuation
      default: return .other
      }
    }
    if BertUnicode.isWhite(scalar) { return .white }
    return BertUnicode.isPunctuation(scalar) ? .punctuation : .other
  }
}
