extension RuleExpression {
  /// Whether the condition holds; if not, the part that decided it, with its values.
  func verdict(_ bindings: RuleBindings, threads: Int) -> RuleVerdict {
    let evaluation = Evaluation(bindings: bindings, threads: threads)
    switch evaluation.truth(root) {
    case true?: return .matches
    case false?: return .differs(.layout, evaluation.explain(decider(of: root, in: evaluation)))
    case nil: return .differs(.limit, "\(root) has no value here (an overflow, a division by 0 or a missing axis)")
    }
  }

  /// The part of a conjunction that asks for the processor alone and that this one does not meet, whatever is requested.
  package var unmetByProcessor: String? {
    let evaluation = Evaluation(bindings: RuleBindings(), threads: 1)
    func unmet(_ node: Node) -> Node? {
      if case .and(let left, let right) = node { return unmet(left) ?? unmet(right) }
      return node.asksForProcessorAlone && evaluation.truth(node) == false ? node : nil
    }
    return unmet(root).map { "\($0)" }
  }

  /// Of a conjunction, the first part that is false.
  private func decider(of node: Node, in evaluation: Evaluation) -> Node {
    guard case .and(let left, let right) = node else { return node }
    return evaluation.truth(left) == false ? decider(of: left, in: evaluation) : decider(of: right, in: evaluation)
  }

  /// What the expression is for an operation; `nil`: it has no value there.
  package func value(_ bindings: RuleBindings, threads: Int) -> RuleValue? {
    Evaluation(bindings: bindings, threads: threads).value(root)
  }

  /// `nil` stands for "no value"; it spreads through everything but an `and` or `or` that the other side decides.
  struct Evaluation {
    var bindings: RuleBindings
    var threads: Int

    func truth(_ node: Node) -> Bool? {
      if case .truth(let value)? = value(node) { value } else { nil }
    }

    func integer(_ node: Node) -> Int? {
      if case .int(let value)? = value(node) { value } else { nil }
    }

    func value(_ node: Node) -> RuleValue? {
      switch node {
      case .literal(let value): return value
      case .extent(let name): return bindings.extents[name].map(RuleValue.int)
      case .attribute(let name): return bindings.attributes[name].map(RuleValue.init)
      case .local(let name): return bindings.locals[name]
      case .feature(let name): return .truth(ProcessorFeatures.names.contains(name))
      case .step(let name): return .truth(bindings.steps.contains { $0.description == name })
      case .threads: return .int(threads)
      // Known to nobody before the call.
      case .result: return nil
      case .not(let operand): return truth(operand).map { .truth(!$0) }
      case .and(let left, let right):
        let (left, right) = (truth(left), truth(right))
        if left == false || right == false { return .truth(false) }
        return left == nil || right == nil ? nil : .truth(true)
      case .or(let left, let right):
        let (left, right) = (truth(left), truth(right))
        if left == true || right == true { return .truth(true) }
        return left == nil || right == nil ? nil : .truth(false)
      case .comparison(let comparison, let left, let right):
        guard let left = value(left), let right = value(right) else { return nil }
        return comparison.holds(left, right).map(RuleValue.truth)
      case .choose(let condition, let yes, let no): return truth(condition).flatMap { value($0 ? yes : no) }
      case .negate(let operand):
        switch value(operand) {
        case .int(let value)?: return checked(0.subtractingReportingOverflow(value)).map(RuleValue.int)
        case .float(let value)?: return .float(-value)
        default: return nil
        }
      case .arithmetic(let operation, let left, let right):
        guard let left = value(left), let right = value(right) else { return nil }
        if case .int(let left) = left, case .int(let right) = right {
          return arithmetic(operation, left, right).map(RuleValue.int)
        }
        guard let left = left.double, let right = right.double else { return nil }
        return arithmetic(operation, left, right).map(RuleValue.float)
      case .property(.present, let name, _):
        let isBias = name == RuleExpression.bias && bindings.steps.contains { $0.description == name }
        return .truth(bindings.operands[name] != nil || isBias)
      case .property(let property, let name, let argument):
        guard let operand = bindings.operands[name] else { return nil }
        return self.property(property, operand, argument)
      case .count(let list):
        guard case .ints(let values)? = value(list) else { return nil }
        return .int(values.count)
      case .item(let list, let index):
        guard case .ints(let values)? = value(list), let index = integer(index) else { return nil }
        return element(index, of: values).map(RuleValue.int)
      }
    }

    private func arithmetic(_ operation: Arithmetic, _ left: Int, _ right: Int) -> Int? {
      switch operation {
      case .add: return checked(left.addingReportingOverflow(right))
      case .subtract: return checked(left.subtractingReportingOverflow(right))
      case .multiply: return checked(left.multipliedReportingOverflow(by: right))
      case .divide: return floorDivision(left, right)?.quotient
      case .remainder: return floorDivision(left, right)?.remainder
      case .min: return Swift.min(left, right)
      case .max: return Swift.max(left, right)
      case .ceilDiv:
        return floorDivision(left, right).flatMap { division in
          division.remainder == 0 ? division.quotient : checked(division.quotient.addingReportingOverflow(1))
        }
      case .align:
        return arithmetic(.ceilDiv, left, right).flatMap { checked($0.multipliedReportingOverflow(by: right)) }
      }
    }

    private func arithmetic(_ operation: Arithmetic, _ left: Double, _ right: Double) -> Double? {
      switch operation {
      case .add: left + right
      case .subtract: left - right
      case .multiply: left * right
      case .min: Swift.min(left, right)
      case .max: Swift.max(left, right)
      case .divide, .remainder, .ceilDiv, .align: nil
      }
    }

    /// Rounds towards minus infinity, as `//` and `%` do in Python.
    private func floorDivision(_ left: Int, _ right: Int) -> (quotient: Int, remainder: Int)? {
      let (quotient, overflow) = left.dividedReportingOverflow(by: right)
      guard !overflow else { return nil }
      let remainder = left - quotient * right
      return remainder != 0 && (remainder < 0) != (right < 0)
        ? (quotient - 1, remainder + right) : (quotient, remainder)
    }

    /// Negative places count from the end.
    private func element(_ index: Int, of values: [Int]) -> Int? {
      let position = index < 0 ? index + values.count : index
      return values.indices.contains(position) ? values[position] : nil
    }

    private func property(_ property: Property, _ operand: Operand, _ argument: Node?) -> RuleValue? {
      switch property {
      case .row: return .truth(operand.isRowMajor)
      case .col: return .truth(operand.isColumnMajor)
      case .unit: return .truth(operand.isRowMajor || operand.isColumnMajor)
      case .contiguous: return .truth(operand.isDense)
      case .constant: return .truth(operand.isConstant)
      case .dtype: return .dtype(operand.dtype)
      case .present: return .truth(true)
      case .rank: return .int(operand.shape.count)
      case .count: return operand.type.checkedCount.map(RuleValue.int)
      case .dim, .stride:
        guard let argument, let index = integer(argument) else { return nil }
        return element(index, of: property == .dim ? operand.shape : operand.strides).map(RuleValue.int)
      case .aligned:
        guard let argument, let bytes = integer(argument), bytes > 0 else { return nil }
        return .truth(Rule.guaranteedAlignment.isMultiple(of: bytes))
      case .ld: return operand.leadingDimension.map(RuleValue.int)
      }
    }

    private func checked(_ result: (partialValue: Int, overflow: Bool)) -> Int? {
      result.overflow ? nil : result.partialValue
    }

    /// `k % 32 == 0 is false (k = 784)`
    func explain(_ node: Node) -> String {
      let mentions = node.mentions
      let extents = mentions.extents.sorted().compactMap { name in bindings.extents[name].map { "\(name) = \($0)" } }
      let attributes = mentions.attributes.sorted().compactMap { name in
        bindings.attributes[name].map { "\(name) = \($0)" }
      }
      let shapes = mentions.operands.sorted().compactMap { name in
        bindings.operands[name].map { "\(name) \($0.type) strides \($0.strides)" }
      }
      let detail = (extents + attributes + shapes).joined(separator: ", ")
      return "\(node) is false" + (detail.isEmpty ? "" : " (\(detail))")
    }
  }
}

extension RuleExpression.Comparison {
  /// `nil` where the values cannot be compared; nothing compares with NaN.
  func holds(_ left: RuleValue, _ right: RuleValue) -> Bool? {
    switch (left, right) {
    case (.int(let left), .int(let right)): return holds(left, right)
    case (.dtype(let left), .dtype(let right)): return self == .equal ? left == right : left != right
    default:
      guard let left = left.double, let right = right.double else { return nil }
      return holds(left, right)
    }
  }

  private func holds<T: Comparable>(_ left: T, _ right: T) -> Bool {
    switch self {
    case .equal: left == right
    case .notEqual: left != right
    case .lessOrEqual: left <= right
    case .greaterOrEqual: left >= right
    case .less: left < right
    case .greater: left > right
    }
  }
}

extension RuleValue {
  /// As a floating-point number, if that is exact.
  package var double: Double? {
    switch self {
    case .int(let value): Double(exactly: value)
    case .float(let value): value
    case .truth, .dtype, .ints: nil
    }
  }
}

extension RuleBindings {
  package mutating func bind(attributesOf request: OperationRequest) {
    for attribute in request.code.attributes { attributes[attribute.name] = request.attribute(attribute.name) }
  }
}

extension Operand {
  /// The last axis has unit stride and the rows do not overlap.
  var isRowMajor: Bool { isMajor(fast: shape.count - 1, slow: shape.count - 2) }

  /// The last axis but one has unit stride and the columns do not overlap.
  var isColumnMajor: Bool { isMajor(fast: shape.count - 2, slow: shape.count - 1) }

  /// The distance between rows, or between columns where they are the ones that lie together; at least what one holds,
  /// which is what libraries ask for even where there is but one.
  var leadingDimension: Int? {
    let rank = shape.count
    guard rank >= 2 else { return nil }
    if isRowMajor { return max(strides[rank - 2], shape[rank - 1], 1) }
    return isColumnMajor ? max(strides[rank - 1], shape[rank - 2], 1) : nil
  }

  private func isMajor(fast: Int, slow: Int) -> Bool {
    guard shape.count >= 2 else { return shape.isEmpty || shape[0] <= 1 || strides[0] == 1 }
    return (shape[fast] <= 1 || strides[fast] == 1) && (shape[slow] <= 1 || strides[slow] >= max(shape[fast], 1))
  }
}
