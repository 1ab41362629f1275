import MezzoPolicy
import Testing

struct HalfTests {
  @Test func integersAreExactTo2048() {
    #expect((-2048...2048).filter { Double(Half(Double($0))) != Double($0) }.isEmpty)
    #expect(Float(Half(Float(2049))) == 2048)
    #expect(Float(Half(Float(2051))) == 2052)
  }

  #if !((os(macOS) || targetEnvironment(macCatalyst)) && arch(x86_64))
    @Test func bridgesToFloat16BitForBit() {
      for pattern in [UInt16(0), 0x8000, 0x3C00, 0x0001, 0x7BFF, 0x7C00, 0xFE00] {
        #expect(Float16(Half(bitPattern: pattern)).bitPattern == pattern)
        #expect(Half(Float16(bitPattern: pattern)).bitPattern == pattern)
      }
    }
  #endif
}
