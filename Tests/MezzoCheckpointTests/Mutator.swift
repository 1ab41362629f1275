import Foundation
import MezzoLayers

/// Changes bytes as damage and malice do: single ones, numbers that are too large, pieces that are cut out or doubled, and
/// a file that ends early.
struct Mutator {
  private var random: SplitMix64

  init(seed: UInt64) { random = SplitMix64(seed: seed) }

  /// How many files a test tries: its share of `MEZZO_FUZZ`, or what is quick.
  ///
  /// `MEZZO_FUZZ=200000 swift test --filter HostileFilesTests` tries more.
  static func count(share: Double, otherwise count: Int) -> Int {
    ProcessInfo.processInfo.environment["MEZZO_FUZZ"].flatMap(Double.init).map { Int($0 * share) }
      ?? Sample.count(count)
  }

  mutating func choose<Element>(_ elements: [Element]) -> Element {
    elements[Int.random(in: 0..<elements.count, using: &random)]
  }

  mutating func mutated(_ bytes: [UInt8]) -> [UInt8] {
    var bytes = bytes
    for _ in 0..<Int.random(in: 1...5, using: &random) where !bytes.isEmpty {
      let place = Int.random(in: 0..<bytes.count, using: &random)
      switch Int.random(in: 0..<12, using: &random) {
      case 0: bytes.removeLast(bytes.count - place)
      case 1: bytes.removeSubrange(place..<min(place + Int.random(in: 1...40, using: &random), bytes.count))
      case 2: bytes.insert(contentsOf: bytes[place..<min(place + 24, bytes.count)], at: place)
      case 3: write(choose([0, 1, 1 << 20, 1 << 31, 1 << 60, .max, .max - 7]), 8, at: place, &bytes)
      case 4: write(choose([0, 0xFFFF, 0x8000_0000, 0xFFFF_FFFF]), 4, at: place, &bytes)
      case 5: bytes[place] = choose([UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "{"), UInt8(ascii: "\"")])
      default: bytes[place] = UInt8.random(in: 0...255, using: &random)
      }
    }
    return bytes
  }

  private func write(_ value: UInt64, _ width: Int, at place: Int, _ bytes: inout [UInt8]) {
    for offset in 0..<width where place + offset < bytes.count {
      bytes[place + offset] = UInt8(truncatingIfNeeded: value >> UInt64(8 * offset))
    }
  }
}
