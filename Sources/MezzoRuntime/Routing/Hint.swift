import MezzoBackend
import MezzoPolicy

/// What would have to change for a rule to take an operation that it does not take.
enum Hint {
  static func text(_ why: BackendError.Why, _ verdict: RuleVerdict?, _ rule: Rule, _ wanted: OperationRequest)
    -> String?
  {
    switch why {
    case .dtype: dtype(rule, wanted)
    case .accumulator:
      "it would have to accumulate in \(wanted.accumulator.name): the operation has data of \(data(wanted))"
    case .layout: layout(verdict, rule)
    case .limit:
      "a number of this operation has no value in the rule's condition; other shapes, or a rule that asks for less"
    case .shape: "shapes as the rule has them: \(rule.signature)"
    case .alignment: "a rule that takes data aligned to \(Rule.guaranteedAlignment) bytes"
    case .numerics:
      "routing with \(wanted.code)=any allows rules that are not deterministic and relaxed math modes; denormals are "
        + "asked for by the option denormals"
    case .epilogue: "a rule with a wider result, or with all steps of \(steps(wanted)) in its epilogue"
    case .processor: "another processor; there is nothing to set"
    case .symbol: "another build or a later version of the library"
    case .device: "data on a device of the backend"
    case .attribute: "an attribute that the backend knows"
    case .none, .operation: nil
    }
  }

  static func missing(_ rule: Rule, _ backend: any Backend) -> String {
    "a build of the library behind \(backend.id) that has \(rule.name), or a later version of it"
  }

  static func declined(_ error: BackendError, _ rule: Rule, _ wanted: OperationRequest) -> String? {
    guard case .declined(let why) = error.kind else { return nil }
    return text(why, nil, rule, wanted)
  }

  private static func data(_ wanted: OperationRequest) -> String {
    Set([wanted.inputs.first, wanted.results.first].compactMap { $0?.dtype.name }).sorted().joined(separator: " and ")
  }

  private static func steps(_ wanted: OperationRequest) -> String {
    wanted.epilogue.map(\.description).joined(separator: "+")
  }

  /// Which dtypes the rule has, and how a layer gets there.
  private static func dtype(_ rule: Rule, _ wanted: OperationRequest) -> String {
    let dtypes = rule.signature.dtypesOfFirstOperand.map(\.name)
    return
      "the rule takes \(dtypes.joined(separator: ", ")); a policy that computes in one of them would let it take part"
  }

  private static func layout(_ verdict: RuleVerdict?, _ rule: Rule) -> String? {
    guard let expression = verdict?.decision?.expression else { return "operands that lie as the rule wants them" }
    for (function, meaning) in [
      ("contiguous(", "in row-major order without gaps"), ("row(", "in row-major order"),
      ("col(", "in column-major order"), ("unit(", "with rows or columns that lie together"),
      ("aligned(", "at aligned addresses"), ("const(", "known to be constant, as weights are in inference"),
    ] where expression.contains(function) && !expression.contains("not ") {
      let operand = expression.split(separator: "(").last?.prefix { $0 != ")" && $0 != "," } ?? ""
      return "it needs \(operand) \(meaning)"
    }
    return "it needs \(expression)"
  }
}
