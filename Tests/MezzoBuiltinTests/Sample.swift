import CMezzoHost

/// What is tried under a sanitizer, where everything takes ten times as long: some of each kind. Everywhere else all.
enum Sample {
  static let isSmall = mezzo_is_sanitized() != 0

  /// The first, and every `stride`-th behind it.
  static func every<Element>(_ stride: Int, of all: some Sequence<Element>) -> [Element] {
    isSmall ? all.enumerated().filter { $0.offset % stride == 0 }.map(\.element) : Array(all)
  }

  /// A part of so many rounds, one at least.
  static func count(_ all: Int, over divisor: Int = 10) -> Int { isSmall ? max(all / divisor, 1) : all }
}
