import MezzoPolicy
import Testing

/// Every code of every format. Failing codes are gathered and expected to be none, because an expectation per code
/// would take longer than all the rest.
struct SmallFloatTests {
  static let formats: [SmallFloat] = [.float16, .bfloat16, .float8E4M3FN, .float8E5M2]

  @Test(arguments: formats)
  func decodeGivesTheValueOfTheDefinition(format: SmallFloat) {
    #expect(format.allCodes.filter { !isIdentical(format.decode($0), format.definition(of: $0)) }.isEmpty)
  }

  @Test(arguments: formats)
  func decodeFloatAgreesWithDecode(format: SmallFloat) {
    #expect(format.allCodes.filter { !isIdentical(Double(format.decodeFloat($0)), format.decode($0)) }.isEmpty)
  }

  @Test(arguments: formats)
  func decodeThenEncodeIsTheIdentity(format: SmallFloat) {
    let numbers = format.allCodes.filter { !format.decode($0).isNaN }
    #expect(numbers.filter { format.encode(format.decode($0)) != $0 }.isEmpty)
    #expect(numbers.filter { format.encode(format.decodeFloat($0)) != $0 }.isEmpty)
  }

  @Test(arguments: formats)
  func notANumberKeepsItsSignAndPayloadAndBecomesQuiet(format: SmallFloat) {
    let quiet: UInt16 = format.hasInfinity ? 1 << UInt16(format.significandBits - 1) : 0
    let codes = format.allCodes.filter { format.decode($0).isNaN }
    #expect(codes.count == (format.hasInfinity ? 2 * (1 << format.significandBits - 1) : 2))
    #expect(codes.filter { format.encode(format.decode($0)) != $0 | quiet }.isEmpty)
    #expect(format.decode(format.encode(-Double.nan)).isNaN)
    #expect(format.decode(format.encode(Float.signalingNaN)).isNaN)
    #expect(format.decode(format.encode(Double(nan: 1, signaling: true))).isNaN)
  }

  @Test(arguments: formats)
  func betweenNeighboursTheNearerAndOnATieTheEven(format: SmallFloat) {
    let last = format.encode(format.greatestFinite)
    let sign: UInt16 = 1 << UInt16(format.bitWidth - 1)
    let wrong = (0..<last).filter { code in
      let middle = (format.decode(code) + format.decode(code + 1)) / 2
      let even = code + code % 2
      return format.encode(middle) != even || format.encode(-middle) != sign | even
        || format.encode(middle.nextDown) != code || format.encode(middle.nextUp) != code + 1
        || format.encode(-middle.nextDown) != sign | code || format.encode(-middle.nextUp) != sign | (code + 1)
    }
    #expect(wrong.isEmpty)
  }

  struct Threshold: Sendable {
    let format: SmallFloat
    let greatest, tie: Double
    let tieOverflows: Bool
  }

  static let thresholds = [
    Threshold(format: .float16, greatest: 65504, tie: 65520, tieOverflows: true),
    Threshold(format: .bfloat16, greatest: 0x1.FEp127, tie: 0x1.FFp127, tieOverflows: true),
    Threshold(format: .float8E5M2, greatest: 57344, tie: 61440, tieOverflows: true),
    Threshold(format: .float8E4M3FN, greatest: 448, tie: 464, tieOverflows: false),
  ]

  @Test(arguments: thresholds)
  func overflow(at threshold: Threshold) {
    let format = threshold.format
    let beyond: Double = format.hasInfinity ? .infinity : .nan
    #expect(format.greatestFinite == threshold.greatest)
    #expect(format.decode(format.encode(threshold.tie.nextDown)) == threshold.greatest)
    #expect(isIdentical(format.decode(format.encode(threshold.tie.nextUp)), beyond))
    let atTie = format.decode(format.encode(threshold.tie))
    #expect(isIdentical(atTie, threshold.tieOverflows ? beyond : threshold.greatest))
    for huge in [Double.greatestFiniteMagnitude, .infinity] {
      #expect(isIdentical(format.decode(format.encode(huge)), beyond))
      #expect(isIdentical(format.decode(format.encode(-huge)), -beyond))
    }
  }

  @Test func knownOverflowsAndCodes() {
    #expect(SmallFloat.float16.encode(65519.99) == 0x7BFF)
    #expect(SmallFloat.float16.encode(65520.0) == 0x7C00)
    #expect(SmallFloat.float16.encode(-65520.0) == 0xFC00)
    #expect(SmallFloat.bfloat16.encode(Float.greatestFiniteMagnitude) == 0x7F80)
    #expect(SmallFloat.float8E5M2.encode(61440.0) == 0x7C)
    #expect(SmallFloat.float8E4M3FN.encode(464.0) == 0x7E)
    #expect(SmallFloat.float8E4M3FN.encode(465.0) == 0x7F)
    #expect(SmallFloat.float8E4M3FN.encode(-Double.infinity) == 0xFF)
    #expect(SmallFloat.float16.encode(1.0) == 0x3C00)
    #expect(SmallFloat.bfloat16.encode(-2.0) == 0xC000)
  }

  @Test(arguments: formats)
  func underflow(format: SmallFloat) {
    let least = format.leastSubnormal
    let sign: UInt16 = 1 << UInt16(format.bitWidth - 1)
    #expect(format.encode(least) == 1)
    #expect(format.encode(least / 2) == 0)
    #expect(format.encode((least / 2).nextUp) == 1)
    #expect(format.encode(least * 1.5) == 2)
    for tiny in [0, least / 4, .leastNormalMagnitude, .leastNonzeroMagnitude] {
      #expect(format.encode(tiny) == 0)
      #expect(format.encode(-tiny) == sign)
    }
    #expect(format.decode(sign).sign == .minus && format.decode(sign) == 0)
    #expect(format.encode(format.leastNormal) == 1 << UInt16(format.significandBits))
  }

  @Test func fromDoubleItRoundsOnce() {
    // Just above a tie of float16, and on that tie once it is a Float.
    #expect(SmallFloat.float16.encode(1 + 0x1p-11 + 0x1p-40) == 0x3C01)
    #expect(SmallFloat.float16.encode(Float(1 + 0x1p-11 + 0x1p-40)) == 0x3C00)
    #expect(SmallFloat.float16.encode(1 + 0x3p-11 - 0x1p-40) == 0x3C01)
    #expect(SmallFloat.float16.encode(65519.9999999) == 0x7BFF)
    #expect(SmallFloat.float16.encode(0x1p-25 + 0x1p-70) == 1)
    #expect(SmallFloat.bfloat16.encode(1 + 0x1p-8 + 0x1p-40) == 0x3F81)
    #expect(SmallFloat.bfloat16.encode(0x1p-134 + 0x1p-180) == 1)
  }

  @Test func bitsAboveTheFormatAreIgnored() {
    #expect(SmallFloat.float8E4M3FN.decode(0x0138) == 1)
    #expect(SmallFloat.float8E5M2.decode(0xAB3C) == 1)
  }

  @Test func bfloat16AgreesWithTheIntegerRule() {
    var generator = Xorshift(state: 1)
    let wrong = (0..<50_000).filter { _ in
      let bits = UInt32(truncatingIfNeeded: generator.next())
      let value = Float(bitPattern: bits)
      let expected = UInt16((UInt64(bits) + 0x7FFF + UInt64(bits >> 16 & 1)) >> 16)
      return !value.isNaN && SmallFloat.bfloat16.encode(value) != expected
    }
    #expect(wrong.isEmpty)
  }

  #if !((os(macOS) || targetEnvironment(macCatalyst)) && arch(x86_64))
    @Test func float16AgreesWithTheStandardLibrary() {
      #expect(
        SmallFloat.float16.allCodes.filter {
          !isIdentical(SmallFloat.float16.decode($0), Double(Float16(bitPattern: $0)))
        }.isEmpty)
      var generator = Xorshift(state: 2)
      let wrong = (0..<50_000).filter { _ in
        let bits = generator.next()
        // Exponents -40...20, so that most values are near what float16 can hold.
        let exponent = 1023 - 40 + (bits >> 3) % 61
        let value = Double(bitPattern: bits & (1 << 63 | (1 << 52 - 1)) | exponent << 52)
        return SmallFloat.float16.encode(value) != Float16(value).bitPattern
      }
      #expect(wrong.isEmpty)
    }
  #endif
}

extension SmallFloat {
  fileprivate var allCodes: ClosedRange<UInt16> { 0...UInt16(truncatingIfNeeded: 1 << bitWidth - 1) }

  /// The value as IEEE 754 defines it: sign · significand · 2^exponent.
  fileprivate func definition(of code: UInt16) -> Double {
    let fraction = Int(code) % (1 << significandBits)
    let exponentField = Int(code) >> significandBits % (1 << exponentBits)
    let topExponent = 1 << exponentBits - 1
    let sign: FloatingPointSign = Int(code) >> (bitWidth - 1) == 0 ? .plus : .minus
    let bias = topExponent / 2
    let magnitude: Double
    if hasInfinity && exponentField == topExponent {
      magnitude = fraction == 0 ? .infinity : .nan
    } else if exponentField == topExponent && fraction == 1 << significandBits - 1 {
      magnitude = .nan
    } else {
      let significand = exponentField == 0 ? fraction : fraction + 1 << significandBits
      let exponent = max(exponentField, 1) - bias - significandBits
      magnitude = Double(significand) * Double(sign: .plus, exponent: exponent, significand: 1)
    }
    return Double(signOf: sign == .minus ? -1 : 1, magnitudeOf: magnitude)
  }
}

/// Whether both are the same number with the same sign, or both are NaN of the same sign.
private func isIdentical(_ left: Double, _ right: Double) -> Bool {
  left.sign == right.sign && (left == right || (left.isNaN && right.isNaN))
}
