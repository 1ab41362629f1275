import MezzoPolicy
import Testing

struct Int4Tests {
  @Test func everyNumberReadsBack() {
    for number in -8...7 {
      #expect(Int4(exactly: number).map { Int($0) } == number)
      #expect(Int(Int4(clamping: number)) == number)
      #expect(Int4(bitPattern: Int4(clamping: number).bitPattern) == Int4(clamping: number))
    }
    for number in 0...15 {
      #expect(UInt4(exactly: number).map { Int($0) } == number)
      #expect(Int(UInt4(clamping: number)) == number)
    }
  }

  @Test func outsideTheRange() {
    #expect(Int4(exactly: 8) == nil && Int4(exactly: -9) == nil && Int4(exactly: UInt64.max) == nil)
    #expect(UInt4(exactly: 16) == nil && UInt4(exactly: -1) == nil && UInt4(exactly: Int64.min) == nil)
    #expect(Int4(clamping: 100) == .max && Int4(clamping: Int64.min) == .min && Int4(clamping: UInt64.max) == .max)
    #expect(UInt4(clamping: 100) == .max && UInt4(clamping: -1) == .min)
    #expect(Int4(exactly: UInt8(7)) == .max)
  }

  @Test func bitsAndOrder() {
    #expect(Int4(bitPattern: 0xF8) == .min && Int4.min.bitPattern == 0x08)
    #expect(Int4(clamping: -1).bitPattern == 0x0F)
    #expect(UInt4(bitPattern: 0xF3) == UInt4(clamping: 3))
    #expect(Int4(clamping: -1) < Int4(clamping: 0) && UInt4(clamping: 8) > UInt4(clamping: 7))
    #expect(Int4.min.description == "-8" && UInt4.max.description == "15")
  }
}
