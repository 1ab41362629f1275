public import MezzoPolicy

extension RuleSignature {
  /// The dtypes that the first operand may have, or the first result of a rule without operands.
  public var dtypesOfFirstOperand: [DType] {
    switch (inputs.first ?? results.first)?.element {
    case .exactly(let dtype)?: [dtype]
    case .variable(let name)?: variables[name] ?? []
    case nil: []
    }
  }
}
