/// Finds the longest of many byte strings that a text goes on with, in one pass over the text.
struct Trie: Sendable {
  /// A node and the byte behind it, packed, to the next node; open addressing, 0 where nothing is (no edge leads to the
  /// root).
  private var keys: [UInt64]
  private var targets: [UInt32]
  private var mask: Int
  private var edges = 0
  /// What ends at each node; negative for nothing.
  private var values: [Int32] = [-1]

  static let root = UInt32(0)

  init() {
    keys = [UInt64](repeating: 0, count: 64)
    targets = [UInt32](repeating: 0, count: 64)
    mask = 63
  }

  /// Puts `value`, at least 0, behind `text`, in the place of what was there.
  mutating func insert(_ text: some Sequence<UInt8>, _ value: Int32) {
    var node = Self.root
    for byte in text {
      let slot = slot(node, byte)
      if targets[slot] != 0 {
        node = targets[slot]
        continue
      }
      let new = UInt32(values.count)
      values.append(-1)
      keys[slot] = Self.key(node, byte)
      targets[slot] = new
      edges += 1
      node = new
      if edges * 2 > mask { grow() }
    }
    values[Int(node)] = value
  }

  /// The node behind `byte` from `node`.
  func next(_ node: UInt32, _ byte: UInt8) -> UInt32? {
    let target = targets[slot(node, byte)]
    return target == 0 ? nil : target
  }

  func value(_ node: UInt32) -> Int32? {
    let value = values[Int(node)]
    return value < 0 ? nil : value
  }

  /// The value of a whole text.
  func value(of text: some Sequence<UInt8>) -> Int32? {
    var node = Self.root
    for byte in text {
      guard let next = next(node, byte) else { return nil }
      node = next
    }
    return value(node)
  }

  private static func key(_ node: UInt32, _ byte: UInt8) -> UInt64 { UInt64(node) << 8 | UInt64(byte) }

  private func slot(_ node: UInt32, _ byte: UInt8) -> Int {
    let key = Self.key(node, byte)
    // Fibonacci hashing: neighbouring keys go far apart.
    var slot = Int(truncatingIfNeeded: (key &* 0x9E37_79B9_7F4A_7C15) >> 32) & mask
    while targets[slot] != 0, keys[slot] != key { slot = (slot + 1) & mask }
    return slot
  }

  private mutating func grow() {
    let (oldKeys, oldTargets) = (keys, targets)
    mask = mask * 2 + 1
    keys = [UInt64](repeating: 0, count: mask + 1)
    targets = [UInt32](repeating: 0, count: mask + 1)
    for (key, target) in zip(oldKeys, oldTargets) where target != 0 {
      let slot = slot(UInt32(key >> 8), UInt8(truncatingIfNeeded: key))
      keys[slot] = key
      targets[slot] = target
    }
  }
}
