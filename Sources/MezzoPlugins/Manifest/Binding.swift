import MezzoBackend

/// One `[[bind]]` of a manifest: a rule, and the calls that do it, read and checked.
struct Binding: Sendable {
  var rule: Rule
  /// Its symbols may be missing; the rule then drops out.
  var isOptional = false
  /// The calls run once for each combination of the leading extents.
  var isLooped = false
  /// Steps of an epilogue that it takes, in the order in which it does them.
  var epilogue: [String] = []
  var locals: [Local] = []
  var workspace: RuleExpression?
  var packing: Packing?
  /// With the plan, in this order.
  var prepare: [Call] = []
  /// Once for each constant operand that is packed.
  var pack: [Call] = []
  /// At every execution.
  var run: [Call] = []
  /// When the plan goes.
  var finish: [Call] = []
  /// Attributes that some expression asks for; a request with another value than the default in any other is declined.
  var attributes: Set<String> = []

  struct Local: Sendable {
    var name: String
    var type: CType
  }

  struct Packing: Sendable {
    var operand: Int
    var bytes: RuleExpression
  }

  /// All calls, for what has to be looked up.
  var calls: [Call] { prepare + pack + run + finish }
}

/// One call of a C function.
struct Call: Sendable {
  var symbol: String
  var arguments: [Argument]
  /// `nil`: void.
  var returns: CType?
  /// What `ret` has to be.
  var status: Check?
  /// What `ret` is when the library declines, which is no failure.
  var unsupported: Check?
  /// Where the result goes: a local of a call of `prepare`, or the single element of a result of the operation.
  var into: Destination?
  /// Else it is left out.
  var condition: RuleExpression?

  enum Destination: Sendable {
    case local(Int)
    case result(Int)
  }

  /// A comparison of what the function returned.
  struct Check: Sendable {
    var comparison: RuleExpression.Comparison
    var with: RuleExpression
    var text: String
  }
}

/// One argument of a call.
struct Argument: Sendable {
  var type: CType
  var source: Source
  /// As the manifest has it.
  var text: String

  enum Source: Sendable {
    case expression(RuleExpression)
    /// The address of an operand or, behind the operands, of a result.
    case tensor(Int)
    /// The address of the epilogue's vector, null where the request has none.
    case bias
    case packed
    case workspace
    case null
    case string(String)
    case local(Int)
    case localAddress(Int)
    case array(CType, [RuleExpression])
    case extents(CType, of: Int)
    case strides(CType, of: Int)
  }
}
