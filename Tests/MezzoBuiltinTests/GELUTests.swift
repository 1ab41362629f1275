import Foundation
import MezzoBackend
import MezzoGraph
import MezzoPolicy
import Testing

/// GELU by pieces beside float64, in both forms.
struct GELUTests {
  private func gelu(_ x: Double, form: Int) -> Double {
    if form == 0 { return 0.5 * x * erfc(-x * 0.5.squareRoot()) }
    let u = 1.5957691216057308 * (x + 0.044715 * x * x * x)
    return x / (1 + exp(-u))
  }

  private func result(_ x: Tensor, form: Int) throws -> Tensor {
    let attributes = [Attribute("approximate", .int(form))]
    return try compute(.gelu, [x], to: x.type, attributes: attributes, threads: 2)[0]
  }

  @Test(arguments: [0, 1]) func allBfloat16AreWithinAUnitInTheLastPlace(form: Int) throws {
    let x = try tensor(Array(UInt16.min ... .max), .bfloat16)
    for (x, y) in zip(x.scalars(), try result(x, form: form).scalars()) {
      let expected = gelu(x, form: form)
      guard !x.isNaN, x != -.infinity else {
        #expect(y.isNaN)
        continue
      }
      guard expected.isFinite else {
        #expect(y == expected)
        continue
      }
      let unit = expected == 0 ? 0 : Double(sign: .plus, exponent: expected.exponent - 7, significand: 1)
      #expect(abs(y - expected) <= max(unit, 0x1p-133), "\(x)")
    }
  }

  @Test(arguments: [0, 1]) func float32IsWithinAFewUnits(form: Int) throws {
    let count = 100_003
    let x = try Tensor((0..<count).map { -14 + 20 * Double($0) / Double(count) }, shape: [count], dtype: .float32)
    for (x, y) in zip(x.scalars(), try result(x, form: form).scalars()) {
      let expected = gelu(x, form: form)
      // The exponent of e, which grows with x*x and faster, is a float32.
      let exponent = form == 0 ? x * x / 2 : 1.6 * abs(x) * (1 + 0.045 * x * x)
      #expect(abs(y - expected) <= abs(expected) * 0x1p-23 * (8 + 4 * exponent) + 0x1p-145, "\(x)")
    }
  }

  /// Where pieces have no say, in a block of elements for which they do.
  @Test(arguments: [DType.bfloat16, .float32]) func numbersFarOut(_ dtype: DType) throws {
    let values: [Double] = [-1e30, -30, -5.5, -0.0, 0, 1, 30, 1e30, .infinity, .nan]
    for count in [values.count, 64, 70] {
      let x = try Tensor((0..<count).map { values[$0 % values.count] }, shape: [count], dtype: dtype)
      for (x, y) in zip(x.scalars(), try result(x, form: 0).scalars()) {
        let expected = gelu(x, form: 0)
        let isNear = y == expected || abs(y - expected) <= abs(expected) * 0x1p-7 + 0x1p-133
        #expect(expected.isNaN ? y.isNaN : isNear, "\(x)")
        #expect(y.isNaN || y.sign == x.sign)
      }
    }
  }
}
