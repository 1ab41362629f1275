package import MezzoPolicy

/// A parsed signature such as `A:T{f16,bf16}[...,m,k] B:T[...,k,n] -> C:f32[...,m,n]`.
///
/// Dtypes are names or variables with a set; dimension names bind from left to right, and a name that comes again must
/// have the same extent. Without brackets a parameter takes any rank.
public struct RuleSignature: Sendable, CustomStringConvertible {
  public let description: String
  public let inputs: [Parameter]
  public let results: [Parameter]

  public struct Parameter: Sendable {
    public var name: String
    var element: Element
    /// `nil`: any rank.
    var dimensions: Dimensions?

    /// Whether one of its axes has this name.
    package func has(_ extent: String) -> Bool { dimensions?.names.contains(extent) ?? false }
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

  var names: [String] { (inputs + results).map(\.name) }

  /// The names of dimensions.
  package var extents: Set<String> {
    Set((inputs + results).flatMap { $0.dimensions?.names ?? [] }.filter { Int($0) == nil })
  }

  /// Of nothing: what calls know that belong to no operation.
  package static let empty = RuleSignature(description: "", inputs: [], results: [], variables: [:])

  private init(description: String, inputs: [Parameter], results: [Parameter], variables: [String: [DType]]) {
    self.description = description
    self.inputs = inputs
    self.results = results
    self.variables = variables
  }

  /// The one dtype that parameter `name` has, `nil` where it is one of several.
  package func dtype(of name: String) -> DType? {
    guard case .exactly(let dtype)? = (inputs + results).first(where: { $0.name == name })?.element else { return nil }
    return dtype
  }

  /// The number of axes that parameter `name` has in every request, `nil` where that is left open.
  package func rank(of name: String) -> Int? {
    guard let dimensions = (inputs + results).first(where: { $0.name == name })?.dimensions else { return nil }
    return dimensions.isOpen ? nil : dimensions.names.count
  }

  /// The same with any leading extents in front of every parameter; `nil` where one has no brackets.
  package func withLeadingExtents() -> RuleSignature? {
    var parts: [String] = []
    var told: Set<String> = []
    for (place, parameter) in (inputs + results).enumerated() {
      guard let dimensions = parameter.dimensions else { return nil }
      let element: String
      switch parameter.element {
      case .exactly(let dtype): element = dtype.shortName ?? dtype.name
      case .variable(let name):
        let set = told.insert(name).inserted ? variables[name] ?? [] : []
        element = name + (set.isEmpty ? "" : "{\(set.map { $0.shortName ?? $0.name }.joined(separator: ","))}")
      }
      if place == inputs.count { parts.append("->") }
      parts.append("\(parameter.name):\(element)[\((["..."] + dimensions.names).joined(separator: ","))]")
    }
    return try? RuleSignature(parsing: parts.joined(separator: " "))
  }

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

  package func bind(inputs operands: [Operand], results outcomes: [Operand]) -> Result<RuleBindings, Mismatch> {
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
  package init() {}

  var extents: [String: Int] = [:]
  var operands: [String: Operand] = [:]
  /// By name, with the defaults of the operation.
  package var attributes: [String: AttributeValue] = [:]
  package var locals: [String: RuleValue] = [:]
  package var steps: [EpilogueStep] = []
  /// The extents in front of those that the signature names.
  package private(set) var leading: [Int]?

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
