import MezzoPolicy
import Testing

struct SmallFloatingPointTests {
  @Test func everyTypeFollowsItsFormat() {
    check(Half.self, .float16)
    check(BFloat16.self, .bfloat16)
    check(Float8E4M3FN.self, .float8E4M3FN)
    check(Float8E5M2.self, .float8E5M2)
  }

  private func check<T: SmallFloatingPoint>(_ type: T.Type, _ format: SmallFloat) {
    #expect(T.format == format)
    for value in [0, 1, -1.5, 0.1, 300, 1e9, -1e-3] {
      let expected = format.encode(value)
      #expect(UInt16(T(value).bitPattern) == expected, "\(type) \(value)")
      #expect(UInt16(T(Float(value)).bitPattern) == format.encode(Float(value)))
      let decoded = format.decode(expected)
      #expect(decoded.isNaN ? Double(T(value)).isNaN : Double(T(value)) == decoded)
      #expect(decoded.isNaN ? Float(T(value)).isNaN : Float(T(value)) == Float(decoded))
    }
    #expect(T(1.5).description == "1.5")
  }

  @Test func comparisonIsThatOfIEEE754() {
    let zero = Half(0.0)
    let minusZero = Half(-0.0)
    let nan = Half(Double.nan)
    #expect(zero.bitPattern != minusZero.bitPattern)
    #expect(zero == minusZero && zero.hashValue == minusZero.hashValue)
    #expect(nan != nan)
    #expect(!(nan < zero) && !(zero < nan) && !(nan <= zero) && !(nan >= zero) && !(nan > zero))
    #expect(Half(-2.0) < Half(-1.0) && Half(1.0) > minusZero && zero <= minusZero)
    #expect(Set([zero, minusZero, Half(1.0)]).count == 2)
    #expect([BFloat16(3.0), BFloat16(-1.0), BFloat16(2.0)].max() == BFloat16(3.0))
  }

  @Test func finiteness() {
    #expect(Half(1e9).isFinite == false && Half(1e9).isNaN == false)
    #expect(Float8E4M3FN(1e9).isNaN)
    #expect(Float8E5M2(Float.infinity).isFinite == false)
    #expect(BFloat16(1.0).isFinite && !BFloat16(1.0).isNaN)
  }

  @Test func betweenFormats() {
    #expect(BFloat16(Half(65504.0)) == BFloat16(65536.0))
    #expect(!Half(BFloat16(70144.0)).isFinite)
    #expect(Float8E5M2(Half(1.125)) == Float8E5M2(1.0))
    #expect(Half(Float8E4M3FN(448.0)) == Half(448.0))
  }
}
