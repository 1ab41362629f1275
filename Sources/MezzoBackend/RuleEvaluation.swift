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

  /// Of a conjunction, the first part that is false.
  private func decider(of node: Node, in evaluation: Evaluation) -> Node {
    guard case .and(let left, let right) = node else { return node }
    return evaluation.truth(left) == false ? decider(of: left, in: evaluation) : decider(of: right, in: evaluation)
  }

  /// `nil` stands for "no value"; it spreads through everything but an `and` or `or` that the other side decides.
  struct Evaluation {
    var bindings: RuleBindings
    var threads: Int

    func truth(_ node: Node) -> Bool? {
      switch node {
      case .truth(let value): return value
      case .not(let operand): return truth(operand).map { !$0 }
      case .and(let left, let right):
        let (left, right) = (truth(left), truth(right))
        if left == false || right == false { return false }
        return left == nil || right == nil ? nil : true
      case .or(let left, let right):
        let (left, right) = (truth(left), truth(right))
        if left == true || right == true { return true }
        return left == nil || right == nil ? nil : false
      case .comparison(let comparison, let left, let right):
        guard let left = integer(left), let right = integer(right) else { return nil }
        switch comparison {
        case .equal: return left == right
        case .notEqual: return left != right
        case .lessOrEqual: return left <= right
        case .greaterOrEqual: return left >= right
        case .less: return left < right
        case .greater: return left > right
        }
      case .choose(let condition, let yes, let no): return truth(condition).flatMap { truth($0 ? yes : no) }
      case .property(let property, let name, _):
        guard let operand = bindings.operands[name] else { return nil }
        switch property {
        case .row: return operand.isRowMajor
        case .col: return operand.isColumnMajor
        case .unit: return operand.isRowMajor || operand.isColumnMajor
        case .contiguous: return operand.isDense
        case .constant: return operand.isConstant
        case .rank, .dim, .stride, .ld: return nil
        }
      case .literal, .extent, .threads, .negate, .arithmetic: return nil
      }
    }

    func integer(_ node: Node) -> Int? {
      switch node {
      case .literal(let value): return value
      case .extent(let name): return bindings.extents[name]
      case .threads: return threads
      case .negate(let operand): return integer(operand).flatMap { checked(0.subtractingReportingOverflow($0)) }
      case .choose(let condition, let yes, let no): return truth(condition).flatMap { integer($0 ? yes : no) }
      case .arithmetic(let operation, let left, let right):
        guard let left = integer(left), let right = integer(right) else { return nil }
        return arithmetic(operation, left, right)
      case .property(let property, let name, let axis):
        guard let operand = bindings.operands[name] else { return nil }
        return self.property(property, operand, axis: axis)
      case .truth, .not, .and, .or, .comparison: return nil
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

    /// Rounds towards minus infinity, as `//` and `%` do in Python.
    private func floorDivision(_ left: Int, _ right: Int) -> (quotient: Int, remainder: Int)? {
      let (quotient, overflow) = left.dividedReportingOverflow(by: right)
      guard !overflow else { return nil }
      let remainder = left - quotient * right
      return remainder != 0 && (remainder < 0) != (right < 0)
        ? (quotient - 1, remainder + right) : (quotient, remainder)
    }

    private func property(_ property: Property, _ operand: Operand, axis: Node?) -> Int? {
      switch property {
      case .rank: return operand.shape.count
      case .dim, .stride:
        guard let axis, let index = integer(axis) else { return nil }
        let values = property == .dim ? operand.shape : operand.strides
        let position = index < 0 ? index + values.count : index
        return values.indices.contains(position) ? values[position] : nil
      case .ld:
        let rank = operand.shape.count
        guard rank >= 2 else { return nil }
        if operand.isRowMajor { return operand.strides[rank - 2] }
        return operand.isColumnMajor ? operand.strides[rank - 1] : nil
      case .row, .col, .unit, .contiguous, .constant: return nil
      }
    }

    private func checked(_ result: (partialValue: Int, overflow: Bool)) -> Int? {
      result.overflow ? nil : result.partialValue
    }

    /// `k % 32 == 0 (k = 784)`
    func explain(_ node: Node) -> String {
      let values = extents(in: node).sorted().compactMap { name in
        bindings.extents[name].map { "\(name) = \($0)" }
      }
      let shapes = operands(in: node).sorted().compactMap { name in
        bindings.operands[name].map { "\(name) \($0.type) strides \($0.strides)" }
      }
      let detail = (values + shapes).joined(separator: ", ")
      return "\(node) is false" + (detail.isEmpty ? "" : " (\(detail))")
    }

    private func extents(in node: Node) -> Set<String> {
      if case .extent(let name) = node { return [name] }
      return children(node).reduce(into: []) { $0.formUnion(extents(in: $1)) }
    }

    private func operands(in node: Node) -> Set<String> {
      if case .property(_, let name, _) = node { return [name] }
      return children(node).reduce(into: []) { $0.formUnion(operands(in: $1)) }
    }

    private func children(_ node: Node) -> [Node] {
      switch node {
      case .literal, .extent, .threads, .truth: []
      case .negate(let operand), .not(let operand): [operand]
      case .arithmetic(_, let left, let right), .comparison(_, let left, let right), .and(let left, let right),
        .or(let left, let right):
        [left, right]
      case .choose(let condition, let yes, let no): [condition, yes, no]
      case .property(_, _, let axis): axis.map { [$0] } ?? []
      }
    }
  }
}

extension Operand {
  /// The last axis has unit stride and the rows do not overlap.
  var isRowMajor: Bool { isMajor(fast: shape.count - 1, slow: shape.count - 2) }

  /// The last axis but one has unit stride and the columns do not overlap.
  var isColumnMajor: Bool { isMajor(fast: shape.count - 2, slow: shape.count - 1) }

  private func isMajor(fast: Int, slow: Int) -> Bool {
    guard shape.count >= 2 else { return shape.isEmpty || shape[0] <= 1 || strides[0] == 1 }
    return (shape[fast] <= 1 || strides[fast] == 1) && (shape[slow] <= 1 || strides[slow] >= max(shape[fast], 1))
  }
}
