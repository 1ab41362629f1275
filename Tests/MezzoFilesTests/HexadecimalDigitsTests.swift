import MezzoFiles
import Testing

@Suite struct HexadecimalDigitsTests {
  @Test func everyByteHasTwo() {
    #expect(([0, 9, 10, 16, 127, 255] as [UInt8]).hexadecimalDigits == "00090a107fff")
    #expect((0...255).map { UInt8($0) }.hexadecimalDigits.count == 512)
    #expect([UInt8]().hexadecimalDigits.isEmpty)
  }
}
