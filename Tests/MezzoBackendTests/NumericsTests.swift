import MezzoPolicy
import Testing

@testable import MezzoBackend

@Suite struct NumericsTests {
  @Test func aPromiseThatIsNotWantedNeedNotBeKept() {
    #expect(Numerics.any.lacking(of: .any) == nil)
    #expect(Numerics.strict.lacking(of: .strict) == nil && Numerics.strict.lacking(of: .any) == nil)
    #expect(Numerics(keepsDenormals: false).lacking(of: .usual) == nil)
    #expect(Numerics(keepsDenormals: false).lacking(of: .strict)?.contains("denormals") == true)
    #expect(Numerics(isDeterministic: false).lacking(of: .usual)?.contains("deterministic") == true)
    #expect(Numerics(isStrictMath: false).lacking(of: .usual)?.contains("math mode") == true)
    #expect(Numerics(roundsToNearestEven: false).lacking(of: .usual)?.contains("nearest") == true)
  }

  @Test func measuredCostsStayWithinBounds() {
    #expect(MeasuredCost(declaredNanoseconds: 2, measuredNanoseconds: 6).correction == 3)
    #expect(MeasuredCost(declaredNanoseconds: 1, measuredNanoseconds: 1e9).correction == 1e9)
    #expect(MeasuredCost(declaredNanoseconds: 1e9, measuredNanoseconds: 1).correction == 1.0 / 64)
    for nonsense in [0, -1, Double.nan, .infinity] {
      #expect(MeasuredCost(declaredNanoseconds: 1, measuredNanoseconds: nonsense).correction == 1)
      #expect(MeasuredCost(declaredNanoseconds: nonsense, measuredNanoseconds: 1).correction == 1)
    }
  }

  /// The text of a verdict falls into what decided and its values.
  @Test func decisionsHaveTwoSides() throws {
    let signature = try RuleSignature(parsing: "x:f32[m,n] -> y:f32[m,n]")
    let operand = Operand(dtype: .float32, shape: [4, 6])
    for (condition, expression, values) in [
      ("n % 32 == 0", "n % 32 == 0", "n = 6"), ("m > 0 and n > 8", "n > 8", "n = 6"), ("false", "false", ""),
    ] {
      let rule = Rule(
        name: "r", code: .relu, signature: signature,
        condition: try RuleExpression(parsing: condition, signature: signature), index: 0)
      let verdict = rule.match(OperationRequest(.relu, inputs: [operand], results: [operand]), threads: 1)
      let decision = try #require(verdict.decision)
      #expect(decision.expression == expression && decision.values == values, "\(verdict)")
    }
    #expect(RuleVerdict.matches.decision == nil)
    #expect(RuleVerdict.differs(.dtype, "x is float32, the rule takes float16").decision == nil)
  }

  @Test func whichDTypesARuleTakesFirst() throws {
    #expect(try RuleSignature(parsing: "x:T{f16,bf16} -> y:T").dtypesOfFirstOperand == [.float16, .bfloat16])
    #expect(try RuleSignature(parsing: "x:f64 -> y:f32").dtypesOfFirstOperand == [.float64])
    #expect(try RuleSignature(parsing: "-> y:f32").dtypesOfFirstOperand == [.float32])
  }
}
