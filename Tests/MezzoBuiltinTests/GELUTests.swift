import Foundation
import MezzoBackend
import MezzoConformance
import MezzoGraph
import MezzoPlugins
import MezzoPolicy
import MezzoRuntime
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

  @Test(arguments: [0, 1]) func allBfloat16AreNearerThanAUnitInTheLastPlace(form: Int) throws {
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
      #expect(abs(y - expected) <= max(0.7 * unit, 0x1p-133), "\(x)")
    }
  }

  /// x ∕ 2, whose half units go to the even neighbour while the share of a half is one in float32.
  @Test(arguments: [0, 1]) func denormalBfloat16AreHalved(form: Int) throws {
    let bits = Array<UInt16>(0..<24)
    let y = elements(try result(tensor(bits, .bfloat16), form: form), as: UInt16.self)
    #expect(y == bits.map { $0 / 2 + ($0 % 4 == 3 ? 1 : 0) })
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

  /// Behind a product, from sums in float32 that are 0 but for the bias; a part of a step is left over in each block.
  @Test(arguments: [0, 1]) func ofSumsIsNearerThanAUnitOfBfloat16(form: Int) throws {
    let count = 65_539
    let bits = (0..<count).map { UInt32(truncatingIfNeeded: $0) << 16 | UInt32($0 &* 40_503 & 0xffff) }
    let bias = try tensor(bits, .float32)
    let zeros: [([Int], DType)] = [
      ([1, 1], .int8), ([1, count], .int8), ([1], .float32), ([count], .float32), ([1], .int8),
    ]
    let inputs =
      try zeros.map { shape, dtype in
        try Tensor([Double](repeating: 0, count: shape.reduce(1, *)), shape: shape, dtype: dtype)
      } + [bias]
    let request = OperationRequest(
      .quantizedMatmul, inputs: inputs.map { Operand(dtype: $0.dtype, shape: $0.shape) },
      results: [Operand(dtype: .bfloat16, shape: [1, count])],
      epilogue: [.bias(operand: 5), .gelu(approximate: form == 1)])
    let backend = try #require(BackendRegistry.builtin().backends.first)
    let y = try backend.compute(request, inputs, threads: 2)[0].scalars()
    for (x, y) in zip(bias.scalars(), y) {
      let expected = gelu(x, form: form)
      guard !x.isNaN, x != -.infinity else {
        #expect(y.isNaN)
        continue
      }
      guard expected < 0x1.ffp127 else {
        #expect(y == .infinity)
        continue
      }
      let unit = expected == 0 ? 0 : Double(sign: .plus, exponent: expected.exponent - 7, significand: 1)
      #expect(abs(y - expected) <= max(0.7 * unit, 0x1p-133), "\(x)")
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
