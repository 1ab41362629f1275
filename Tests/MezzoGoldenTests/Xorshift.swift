/// A generator with a seed, so that a failing test fails again. Marsaglia's xorshift64.
struct Xorshift {
  var state: UInt64

  mutating func next() -> UInt64 {
    state ^= state << 13
    state ^= state >> 7
    state ^= state << 17
    return state
  }
}
