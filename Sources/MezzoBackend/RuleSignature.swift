import MezzoPolicy

/// A parsed signature such as `A:T{f16,bf16}[...,m,k] B:T[...,k,n] -> C:f32[...,m,n]`.
///
/// Dtypes are names or variables with a set; dimension names bind from left to right, and a name that comes again must
/// have the same extent. Without brackets a parameter takes any rank.
public struct RuleSignature: Sendable, CustomStringConvertible {
  public let description: String
  public let inputs: [Parameter]
  public let results: [Parameter]

  public struct Parameter: Sendable {
    var name: String
    var element: Element
    /// `nil`: any rank.
    var dimensions: Dimensions?
  }

  enum Element: Sendable {
    case exactly(DType)
    case variable(String)
  }

  struct Dimensions: Sendable {
    /// `...` in front: any leading extents, the same for every parameter that has them.
    var isOpen: Bool
    var names: [String]
  }

  let variables: [String: [DType]]

  public struct Mismatch: Error {
    var why: BackendError.Why
    var message: String
  }

  /// Parses `text`; the error says what was expected at which character.
  public init(parsing text: String) throws(RuleSyntaxError) {
    var parser = Parser(RuleScanner(text))
    (inputs, results) = try parser.parameters()
    variables = parser.variables
    description = text
  }

  func bind(inputs operands: [Operand], results outcomes: [Operand]) -> Result<RuleBindings, Mismatch> {
    guard operands.count == inputs.count, outcomes.count == results.count else {
      return .failure(
        Mismatch(
          why: .shape,
          message: "takes \(inputs.count) operands and gives \(results.count), "
            + "here \(operands.count) and \(outcomes.count)"))
    }
    var bindings = RuleBindings()
    var elements: [String: DType] = [:]
    for (parameter, operand) in zip(inputs + results, operands + outcomes) {
      switch parameter.element {
      case .exactly(let dtype):
        if operand.dtype != dtype { return .failure(wrongDType(parameter, dtype.name, operand)) }
      case .variable(let name):
        if let bound = elements[name] {
          if operand.dtype != bound { return .failure(wrongDType(parameter, bound.name, operand)) }
        } else if let set = variables[name], !set.contains(operand.dtype) {
          return .failure(wrongDType(parameter, "one of \(set.map(\.name).joined(separator: ", "))", operand))
        } else {
          elements[name] = operand.dtype
        }
      }
      if operand.strides.count != operand.shape.count {
        return .failure(
          Mismatch(
            why: .layout,
            message: "\(parameter.name) has \(operand.strides.count) strides for \(operand.shape.count) axes"))
      }
      if let dimensions = parameter.dimensions, let mismatch = bindings.bind(dimensions, parameter.name, operand) {
        return .failure(mismatch)
      }
      bindings.operands[parameter.name] = operand
    }
    return .success(bindings)
  }

  private func wrongDType(_ parameter: Parameter, _ expected: String, _ operand: Operand) -> Mismatch {
    Mismatch(why: .dtype, message: "\(parameter.name) is \(operand.dtype.name), the rule takes \(expected)")
  }
}

/// What a signature bound: extents by name and operands by name, over which a rule's condition is evaluated.
public struct RuleBindings: Sendable {
  var extents: [String: Int] = [:]
  var operands: [String: Operand] = [:]
  private var leading: [Int]?

  mutating func bind(
    _ dimensions: RuleSignature.Dimensions, _ name: String, _ operand: Operand
  ) -> RuleSignature.Mismatch? {
    let fixed = dimensions.names.count
    let rank = operand.shape.count
    guard dimensions.isOpen ? rank >= fixed : rank == fixed else {
      let wanted = dimensions.isOpen ? "at least rank \(fixed)" : "rank \(fixed)"
      return .init(why: .shape, message: "\(name) has rank \(rank), the rule takes \(wanted)")
    }
    if dimensions.isOpen {
      let outer = Array(operand.shape.dropLast(fixed))
      if let leading, leading != outer {
        return .init(why: .shape, message: "\(name) has leading extents \(outer), the others \(leading)")
      }
      leading = outer
    }
    for (dimension, extent) in zip(dimensions.names, operand.shape.suffix(fixed)) {
      if let literal = Int(dimension) {
        if literal != extent {
          return .init(why: .shape, message: "\(name) has extent \(extent) where the rule takes \(literal)")
        }
      } else if let bound = extents[dimension], bound != extent {
        return .init(why: .shape, message: "\(dimension) is \(bound), but \(extent) in \(name)")
      } else {
        extents[dimension] = extent
      }
    }
    return nil
  }
}

extension RuleSignature {
  fileprivate struct Parser {
    var scanner: RuleScanner
    var variables: [String: [DType]] = [:]
    private var names: Set<String> = []

    init(_ scanner: RuleScanner) { self.scanner = scanner }

    mutating func parameters() throws(RuleSyntaxError) -> ([Parameter], [Parameter]) {
      var inputs: [Parameter] = []
      while !scanner.take("->") { inputs.append(try parameter()) }
      var results: [Parameter] = []
      repeat { results.append(try parameter()) } while !scanner.isAtEnd()
      return (inputs, results)
    }

    mutating func parameter() throws(RuleSyntaxError) -> Parameter {
      let position = scanner.nextPosition()
      let name = try scanner.identifier("a parameter's name, or ->")
      if !names.insert(name).inserted { throw scanner.error("\(name) is the name of two parameters", at: position) }
      try scanner.expect(":")
      let element = try element()
      let dimensions = scanner.take("[") ? try self.dimensions() : nil
      return Parameter(name: name, element: element, dimensions: dimensions)
    }

    mutating func element() throws(RuleSyntaxError) -> Element {
      let position = scanner.nextPosition()
      let name = try scanner.identifier("a dtype or a dtype variable")
      if let dtype = DType(shortName: name) { return .exactly(dtype) }
      if scanner.take("{") {
        var set: [DType] = []
        repeat {
          let position = scanner.nextPosition()
          let member = try scanner.identifier("a dtype")
          guard let dtype = DType(shortName: member) else { throw scanner.error("\(member) is no dtype", at: position) }
          set.append(dtype)
        } while scanner.take(",")
        try scanner.expect("}")
        if variables.updateValue(set, forKey: name) != nil {
          throw scanner.error("\(name) has its set already; write it without one here", at: position)
        }
      } else if variables[name] == nil {
        throw scanner.error(
          "\(name) is neither a dtype (f32, bf16, i64 …) nor a variable with its set, as in T{f16,f32}", at: position)
      }
      return .variable(name)
    }

    mutating func dimensions() throws(RuleSyntaxError) -> Dimensions {
      var dimensions = Dimensions(isOpen: false, names: [])
      if scanner.take("]") { return dimensions }
      if scanner.take("...") {
        dimensions.isOpen = true
        if scanner.take("]") { return dimensions }
        try scanner.expect(",")
      }
      repeat { dimensions.names.append(try dimension()) } while scanner.take(",")
      try scanner.expect("]")
      return dimensions
    }

    mutating func dimension() throws(RuleSyntaxError) -> String {
      let position = scanner.nextPosition()
      let isExtent = scanner.peekDigit()
      let word = try scanner.word("a dimension's name or extent")
      if isExtent && Int(word) == nil {
        throw scanner.error("\(word) is neither a name nor a whole number", at: position)
      }
      return word
    }
  }
}
