import MezzoBackend
import MezzoPolicy
import Testing

@Suite struct RuleTests {
  private func rule(_ condition: String? = nil, accumulator: DType = .float32, epilogue: UInt32 = 0) throws -> Rule {
    let signature = try RuleSignature(parsing: "A:T{f16,f32,f64}[m,k] B:T[k,n] -> C:T[m,n]")
    return Rule(
      name: "product", code: .matmul, signature: signature,
      condition: try condition.map { try RuleExpression(parsing: $0, signature: signature) },
      accumulator: accumulator, epilogue: .init(rawValue: epilogue), index: 0)
  }

  private func request(_ dtype: DType = .float32, epilogue: [EpilogueStep] = []) -> OperationRequest {
    let bias = epilogue.contains { $0.operand != nil } ? [Operand(dtype: .float32, shape: [4])] : []
    return OperationRequest(
      .matmul, inputs: [Operand(dtype: dtype, shape: [2, 3]), Operand(dtype: dtype, shape: [3, 4])] + bias,
      results: [Operand(dtype: dtype, shape: [2, 4])], epilogue: epilogue)
  }

  @Test func matchesWithoutACondition() throws {
    #expect(try rule().match(request(), threads: 1) == .matches)
  }

  @Test func moreAlignmentThanIsPromisedIsDeclined() throws {
    var aligned = try rule()
    aligned.alignment = 64
    #expect(aligned.match(request(), threads: 1) == .matches)
    aligned.alignment = 4096
    #expect(
      aligned.match(request(), threads: 1)
        == .differs(.alignment, "wants data aligned to 4096 bytes, Mezzo promises 64"))
  }

  @Test func theDTypeIsNamedBeforeTheAccumulator() throws {
    let signature = try RuleSignature(parsing: "A:bf16[m,k] B:bf16[k,n] -> C:f32[m,n]")
    let narrow = Rule(name: "narrow", code: .matmul, signature: signature, index: 0)
    #expect(
      narrow.match(request(.float64), threads: 1) == .differs(.dtype, "A is float64, the rule takes bfloat16"))
  }

  @Test func theEpiloguesOperandsAreNotMatched() throws {
    #expect(try rule().match(request(epilogue: [.bias(operand: 2), .relu]), threads: 1) == .matches)
  }

  @Test func anotherOperationDiffers() throws {
    var other = request()
    other.code = .add
    #expect(try rule().match(other, threads: 1) == .differs(.operation, "is for matmul, not add"))
  }

  @Test func aNarrowerAccumulatorDiffers() throws {
    #expect(
      try rule(accumulator: .float16).match(request(.float16), threads: 1)
        == .differs(.accumulator, "accumulates in float16, float32 is wanted"))
    #expect(
      try rule().match(request(.float64), threads: 1)
        == .differs(.accumulator, "accumulates in float32, float64 is wanted"))
    #expect(try rule(accumulator: .float64).match(request(.float16), threads: 1) == .matches)
  }

  @Test func theSignatureAndTheConditionDecide() throws {
    #expect(
      try rule().match(request(.bfloat16), threads: 1)
        == .differs(.dtype, "A is bfloat16, the rule takes one of float16, float32, float64"))
    #expect(try rule("k == 4").match(request(), threads: 1) == .differs(.layout, "k == 4 is false (k = 3)"))
    #expect(try rule("threads > 1").match(request(), threads: 2) == .matches)
  }

  @Test func takesTheLeadingStepsThatItKnows() throws {
    let takesBiasAndRelu = try rule(epilogue: 1 << 1 | 1 << 2)
    #expect(takesBiasAndRelu.epiloguePrefix(request(epilogue: [.bias(operand: 2), .relu])) == 2)
    #expect(takesBiasAndRelu.epiloguePrefix(request(epilogue: [.bias(operand: 2), .tanh, .relu])) == 1)
    #expect(takesBiasAndRelu.epiloguePrefix(request(epilogue: [.gelu(approximate: true), .relu])) == 0)
    #expect(try rule().epiloguePrefix(request(epilogue: [.relu])) == 0)
  }

  @Test func costAddsItsTerms() {
    #expect(Rule.Cost().estimate(operations: 1e9, bytes: 1e9) == 0)
    let cost = Rule.Cost(fixed: 100, operationsPerNanosecond: 50, bytesPerNanosecond: 10)
    #expect(cost.estimate(operations: 1000, bytes: 200) == 140)
    #expect(Rule.Cost(fixed: -5, operationsPerNanosecond: -1).estimate(operations: 9, bytes: 9) == 0)
  }

  @Test func traitsAreTheHeadersBits() throws {
    #expect(Rule.Traits(rawValue: 0b11) == [.deterministic, .reentrant])
    #expect(Rule.Traits(rawValue: 0b111100) == [.inPlace, .prepacks, .ownThreads, .asynchronous])
  }

  @Test func describesItself() throws {
    #expect(try rule().description == "product: matmul A:T{f16,f32,f64}[m,k] B:T[k,n] -> C:T[m,n]")
  }
}
