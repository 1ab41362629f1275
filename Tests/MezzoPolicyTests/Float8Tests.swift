import MezzoPolicy
import Testing

struct Float8Tests {
  @Test func e4m3fnHasNoInfinityAndOneNaNASign() {
    let all = (UInt8.min...UInt8.max).map { Float8E4M3FN(bitPattern: $0) }
    #expect(all.filter { !$0.isFinite }.map(\.bitPattern) == [0x7F, 0xFF])
    #expect(all.filter(\.isFinite).max() == Float8E4M3FN(448.0))
    #expect(Float8E4M3FN(Float.infinity).bitPattern == 0x7F)
  }

  @Test func e5m2HasInfinitiesAndThreeNaNsASign() {
    let all = (UInt8.min...UInt8.max).map { Float8E5M2(bitPattern: $0) }
    #expect(all.filter(\.isNaN).count == 6)
    #expect(all.filter { !$0.isFinite && !$0.isNaN }.map(\.bitPattern) == [0x7C, 0xFC])
    #expect(all.filter(\.isFinite).max() == Float8E5M2(57344.0))
  }
}
