/// 128 bits that stand for a run of bytes; two different runs have the same by a chance that is not met in practice.
///
/// Two 64-bit lanes, each multiplied to 128 bits and folded for every word, as in wyhash (Wang Yi, 2019). Not for content that
/// somebody makes in order to collide.
struct ContentHash: Hashable, Sendable {
  private var first: UInt64 = 0x9E37_79B9_7F4A_7C15
  private var second: UInt64 = 0xC2B2_AE3D_27D4_EB4F

  init(_ bytes: UnsafeRawBufferPointer) {
    let whole = bytes.count / 8
    for index in 0..<whole { mix(bytes.loadUnaligned(fromByteOffset: 8 * index, as: UInt64.self)) }
    var rest: UInt64 = 0
    for byte in bytes[(8 * whole)...] { rest = rest << 8 | UInt64(byte) }
    mix(rest)
    mix(UInt64(bytes.count))
  }

  private mutating func mix(_ word: UInt64) {
    first = Self.fold(first ^ word, 0xA076_1D64_78BD_642F)
    second = Self.fold(second ^ word &+ first, 0xE703_7ED1_A0B4_28DB)
  }

  private static func fold(_ left: UInt64, _ right: UInt64) -> UInt64 {
    let product = left.multipliedFullWidth(by: right)
    return product.high ^ product.low
  }
}
