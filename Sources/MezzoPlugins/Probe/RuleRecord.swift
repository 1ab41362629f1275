import MezzoBackend
import MezzoPolicy

/// A rule as text and numbers, to be kept in a file and read back.
struct RuleRecord: Codable, Hashable, Sendable {
  var name: String
  var operation: UInt32
  var signature: String
  var condition: String?
  var accumulator: String
  var traits: UInt32
  var epilogue: UInt32
  var alignment: Int
  var index: Int
  /// Fixed nanoseconds, operations and bytes per nanosecond.
  var cost: [Double]

  init(_ rule: Rule) {
    name = rule.name
    operation = rule.code.rawValue
    signature = rule.signature.description
    condition = rule.condition?.description
    accumulator = rule.accumulator.name
    traits = rule.traits.rawValue
    epilogue = rule.epilogue.rawValue
    alignment = rule.alignment
    index = rule.index
    // JSON has neither infinities nor NaN, and a rate that is none leaves its term out.
    cost = [rule.cost.fixed, rule.cost.operationsPerNanosecond, rule.cost.bytesPerNanosecond].map {
      $0.isFinite ? $0 : 0
    }
  }

  /// `nil` where this host cannot read it.
  var rule: Rule? {
    guard let code = OperationCode(rawValue: operation),
      let accumulator = DType.allCases.first(where: { $0.name == self.accumulator }),
      cost.count == 3, let signature = try? RuleSignature(parsing: signature)
    else { return nil }
    var expression: RuleExpression?
    if let condition {
      guard let parsed = try? RuleExpression(parsing: condition, signature: signature) else { return nil }
      expression = parsed
    }
    return Rule(
      name: name, code: code, signature: signature, condition: expression, accumulator: accumulator,
      traits: Rule.Traits(rawValue: traits), epilogue: Rule.EpilogueMask(rawValue: epilogue),
      cost: Rule.Cost(fixed: cost[0], operationsPerNanosecond: cost[1], bytesPerNanosecond: cost[2]),
      alignment: alignment, index: index)
  }
}
