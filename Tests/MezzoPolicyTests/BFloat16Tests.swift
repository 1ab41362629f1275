import MezzoPolicy
import Testing

struct BFloat16Tests {
  @Test func integersAreExactTo256() {
    #expect((-256...256).filter { Double(BFloat16(Double($0))) != Double($0) }.isEmpty)
    #expect(Float(BFloat16(Float(257))) == 256)
    #expect(Float(BFloat16(Float(259))) == 260)
  }

  @Test func arithmeticRoundsToNearestEven() {
    #expect(BFloat16(256.0) + BFloat16(1.0) == BFloat16(256.0))
    #expect(BFloat16(256.0) + BFloat16(3.0) == BFloat16(260.0))
    #expect(BFloat16(1.0) - BFloat16(0x1p-9) == BFloat16(1.0))
    #expect(BFloat16(1.0) / BFloat16(3.0) == BFloat16(0.333984375))
    #expect(BFloat16(0x1p-67) * BFloat16(0x1p-67) == BFloat16(0.0))
    #expect(BFloat16(0x1.02p-67) * BFloat16(0x1p-67) == BFloat16(0x1p-133))
    #expect(-BFloat16(0.0) == BFloat16(0.0))
    #expect((-BFloat16(0.0)).bitPattern == 0x8000)
  }

  @Test func specialValues() {
    let infinity = BFloat16(Float.infinity)
    let greatest = BFloat16(bitPattern: 0x7F7F)
    #expect(greatest + greatest == infinity)
    #expect((infinity - infinity).isNaN && (BFloat16(0.0) / BFloat16(0.0)).isNaN)
    #expect(BFloat16(1.0) / BFloat16(-0.0) == -infinity)
  }

  /// An exact sum or product of two of these fits an integer of some 300 bits, so Float, whose 24 bits are also more
  /// than twice 8 and 2 more, is a second way to the same once-rounded result.
  @Test func agreesWithArithmeticThroughFloat() {
    var generator = Xorshift(state: 3)
    let wrong = (0..<20_000).filter { _ in
      let bits = generator.next()
      let left = BFloat16(bitPattern: UInt16(truncatingIfNeeded: bits))
      // An exponent near to the first one's, or the sum would nearly always be the greater number.
      let right = BFloat16(bitPattern: left.bitPattern ^ UInt16(truncatingIfNeeded: bits >> 16) & 0x83FF)
      let (a, b) = (Float(left), Float(right))
      return !agree(left + right, BFloat16(a + b)) || !agree(left - right, BFloat16(a - b))
        || !agree(left * right, BFloat16(a * b)) || !agree(left / right, BFloat16(a / b))
    }
    #expect(wrong.isEmpty)
  }

  private func agree(_ left: BFloat16, _ right: BFloat16) -> Bool {
    left.bitPattern == right.bitPattern || (left.isNaN && right.isNaN)
  }
}
