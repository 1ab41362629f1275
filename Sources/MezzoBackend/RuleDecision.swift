extension RuleVerdict {
  /// The part of a rule's condition that decided, and the values it had: of `k % 32 == 0 is false (k = 784)` both sides.
  /// `nil` where the condition decided nothing.
  public var decision: (expression: String, values: String)? {
    guard case .differs(_, let message) = self, let verb = message.firstRange(of: " is false") else { return nil }
    let rest = message[verb.upperBound...]
    return (
      String(message[..<verb.lowerBound]),
      String(rest.dropFirst(rest.hasPrefix(" (") ? 2 : 0).dropLast(rest.isEmpty ? 0 : 1))
    )
  }
}
