/// Text as BERT sees it: without control characters, ideographs apart, without accents and in small letters, as far as
/// each is asked for.
struct BertNormalizer: Sendable, Hashable {
  var cleansText = true
  var separatesIdeographs = true
  var stripsAccents = true
  var lowercases = true

  /// The scalars of the normalized text. Takes time in proportion to the text.
  func normalize(_ text: some Sequence<Unicode.Scalar>) -> [UInt32] {
    var output = Output(self)
    output.text.reserveCapacity(text.underestimatedCount)
    for unit in text {
      let scalar = unit.value
      if cleansText {
        if BertUnicode.isRemoved(scalar) { continue }
        if BertUnicode.isSpace(scalar) {
          output.put(0x20)
          continue
        }
      }
      if separatesIdeographs, scalar >= 0x3400, BertUnicode.isIdeograph(scalar) {
        for part in [0x20, scalar, 0x20] { output.put(part) }
      } else {
        output.put(scalar)
      }
    }
    output.flush()
    return output.text
  }

  private struct Output {
    var text: [UInt32] = []
    private let stripsAccents: Bool
    private let lowercases: Bool
    /// What may still change places, with its combining class.
    private var pending: [(class: UInt32, scalar: UInt32)] = []

    init(_ normalizer: BertNormalizer) {
      stripsAccents = normalizer.stripsAccents
      lowercases = normalizer.lowercases
    }

    mutating func put(_ scalar: UInt32) {
      guard stripsAccents else { return emit(scalar) }
      if scalar < 0x80 {
        flush()
        return emit(scalar)
      }
      switch BertUnicode.mark(scalar) {
      case .transparent: return
      case .starter: return flush()
      case nil: break
      }
      BertUnicode.decompose(scalar) { part in
        let combining = BertUnicode.combiningClass(part)
        if combining > 0 { return pending.append((combining, part)) }
        flush()
        emit(part)
      }
    }

    /// Canonical order: what has a class stands behind its neighbours of lower classes.
    mutating func flush() {
      guard !pending.isEmpty else { return }
      let ordered = pending.enumerated().sorted { ($0.element.class, $0.offset) < ($1.element.class, $1.offset) }
      pending.removeAll(keepingCapacity: true)
      for (_, (_, scalar)) in ordered { emit(scalar) }
    }

    private mutating func emit(_ scalar: UInt32) {
      if lowercases { BertUnicode.appendLowercase(of: scalar, to: &text) } else { text.append(scalar) }
    }
  }
}
