import MezzoBackend
import MezzoGraph
import MezzoPolicy
import Testing

/// Functions of large tensors of 16 bits are looked up; those of small ones are computed.
struct TableTests {
  static let functions: [(OperationCode, [Attribute])] =
    [.exp, .expm1, .log, .log1p, .sqrt, .erf, .tanh, .sigmoid, .softplus, .abs, .negate].map { ($0, []) }
    + [0, 1].map { (OperationCode.gelu, [Attribute("approximate", .int($0))]) }

  @Test(arguments: functions, [DType.float16, .bfloat16])
  func whatIsLookedUpIsWhatIsComputed(
    _ function: (code: OperationCode, attributes: [Attribute]), _ dtype: DType
  ) throws {
    func results(_ bits: [UInt16]) throws -> [UInt16] {
      let x = try tensor(bits, dtype)
      return elements(
        try compute(function.code, [x], to: x.type, attributes: function.attributes, threads: 2)[0], as: UInt16.self)
    }
    let all = Array(UInt16.min ... .max)
    let computed = try stride(from: 0, to: all.count, by: 1 << 14).flatMap {
      try results(Array(all[$0..<$0 + (1 << 14)]))
    }
    #expect(try results(all) == computed)
    // What is left over behind whole groups.
    #expect(try results(Array(all.reversed()[..<40_003])) == computed.reversed()[..<40_003].map { $0 })
  }
}
