import MezzoPolicy

/// Where an answer is not what was expected.
public struct GoldenMismatch: Sendable, Hashable {
  /// The place: `ok.to.data[3]`.
  public var path: String
  public var expected: String
  public var got: String
}

/// Compares answers with expectations.
///
/// Values have to be equal, objects to have the same members. Numbers may be as far apart as `tolerance` says. Errors
/// are compared by class and substance: what the expected message names of the question, and the dtypes and policies
/// that it names, have to be named in Mezzo's message too, in whatever words. So are members that are texts for people.
struct GoldenComparison {
  private let tolerance: (String) -> Double
  /// What of the question an error may have to name.
  private let subjects: [String]
  /// The names of members that are texts for people.
  private let texts: Set<String>

  /// - Parameter tolerance: by the place of a number.
  init(
    tolerance: @escaping (String) -> Double, subjects: [ConfigurationValue] = [], texts: Set<String> = ["text"]
  ) {
    self.tolerance = tolerance
    self.texts = texts
    self.subjects = subjects.flatMap(Self.literals)
  }

  init(tolerance: Double = 0, subjects: [ConfigurationValue] = [], texts: Set<String> = ["text"]) {
    self.init(tolerance: { _ in tolerance }, subjects: subjects, texts: texts)
  }

  /// The first difference, or nil.
  func mismatch(
    expected: ConfigurationValue, got: ConfigurationValue, at path: String = ""
  ) -> GoldenMismatch? {
    if Self.isAnchorFailure(expected) { return nil }
    switch (expected, got) {
    case (.object(let expected), .object(let got)):
      if let error = expected["error"], let type = error["type"]?.asString, expected.count == 1 {
        return mismatch(errorOf: type, error, got: got, at: path)
      }
      for key in Set(expected.keys).union(got.keys).sorted() {
        let path = path.isEmpty ? key : "\(path).\(key)"
        guard let left = expected[key], let right = got[key] else {
          return GoldenMismatch(
            path: path, expected: expected[key]?.compact ?? "no such member", got: got[key]?.compact ?? "no such member"
          )
        }
        let found =
          texts.contains(key)
          ? mismatch(text: left, got: right, at: path) : mismatch(expected: left, got: right, at: path)
        if let found { return found }
      }
      return nil
    case (.array(let expected), .array(let got)):
      guard expected.count == got.count else {
        return GoldenMismatch(path: path, expected: "\(expected.count) elements", got: "\(got.count) elements")
      }
      for (index, (left, right)) in zip(expected, got).enumerated() {
        if let found = mismatch(expected: left, got: right, at: "\(path)[\(index)]") { return found }
      }
      return nil
    default:
      return isEqual(expected, got, at: path)
        ? nil : GoldenMismatch(path: path, expected: expected.compact, got: got.compact)
    }
  }

  /// Whether the system failed here for a reason of its own, so that anything is right.
  static func isAnchorFailure(_ expected: ConfigurationValue) -> Bool {
    guard case .object(let members) = expected, members.count == 1 else { return false }
    return members["no_kernel"] == true || members["op_error"]?.asString != nil
  }

  private func isEqual(_ expected: ConfigurationValue, _ got: ConfigurationValue, at path: String) -> Bool {
    switch (expected, got) {
    case (.integer(let left), .integer(let right)): left == right
    case (.integer(let left), .number(let right)), (.number(let right), .integer(let left)):
      // Which of the two a decoder makes of 4e18 is its own choice.
      isClose(Double(left), right, tolerance(path))
    case (.number(let left), .number(let right)): isClose(left, right, tolerance(path))
    default: expected == got
    }
  }

  private func isClose(_ expected: Double, _ got: Double, _ tolerance: Double) -> Bool {
    tolerance > 0 && expected.isFinite
      ? (got - expected).magnitude <= tolerance * max(1, expected.magnitude)
      : expected.bitPattern == got.bitPattern
  }
}

// MARK: - Errors and other texts

extension GoldenComparison {
  private func mismatch(
    errorOf type: String, _ expected: ConfigurationValue, got: [String: ConfigurationValue], at path: String
  ) -> GoldenMismatch? {
    let text = expected["message"]?.asString
    let expectation = "\(type): \(text ?? expected["names"]?.compact ?? "")"
    guard let error = got["error"], let message = error["message"]?.asString else {
      return GoldenMismatch(path: path, expected: expectation, got: ConfigurationValue.object(got).compact)
    }
    let found = "\(error["type"]?.asString ?? ""): \(message)"
    guard error["type"] == .string(type) else {
      return GoldenMismatch(path: path, expected: expectation, got: found)
    }
    let stated = expected["names"]?.asArray?.compactMap(\.asString) ?? []
    guard let missing = missing(from: message, stated + facts(of: text ?? "")) else { return nil }
    return GoldenMismatch(path: path, expected: expectation, got: "\(found) (which does not name \(missing))")
  }

  private func mismatch(
    text expected: ConfigurationValue, got: ConfigurationValue, at path: String
  ) -> GoldenMismatch? {
    guard let text = expected.asString, let message = got.asString else {
      return mismatch(expected: expected, got: got, at: path)
    }
    guard let missing = missing(from: message, facts(of: text)) else { return nil }
    return GoldenMismatch(path: path, expected: text, got: "\(message) (which does not name \(missing))")
  }

  /// Those of `facts` that `message` does not name.
  private func missing(from message: String, _ facts: [String]) -> String? {
    let missing = facts.filter { !Self.names(message, $0) }
    return missing.isEmpty ? nil : missing.joined(separator: ", ")
  }

  /// What an error with this message is about.
  private func facts(of message: String) -> [String] {
    subjects.filter { Self.names(message, $0) } + Self.vocabulary.filter { Self.names(message, $0) }
  }

  /// Names that mean something by themselves, unlike `string`, which is also a word.
  private static let vocabulary =
    DType.allCases.map(\.name).filter { $0.contains(where: \.isNumber) } + [
      "mixed_float16", "mixed_bfloat16", "_infer",
    ]

  /// Whether `name` stands in `text` as a whole, not as a part of a longer name.
  static func names(_ text: String, _ name: String) -> Bool {
    guard !name.isEmpty else { return true }
    return text.ranges(of: name).contains { range in
      let before = range.lowerBound > text.startIndex ? text[text.index(before: range.lowerBound)] : " "
      let after = range.upperBound < text.endIndex ? text[range.upperBound] : " "
      return !(isPartOfName(before) && isPartOfName(name.first ?? " "))
        && !(isPartOfName(after) && isPartOfName(name.last ?? " "))
    }
  }

  private static func isPartOfName(_ character: Character) -> Bool {
    character.isLetter || character.isNumber || character == "_"
  }

  /// All strings and numbers in `value`, as messages have them.
  private static func literals(_ value: ConfigurationValue) -> [String] {
    switch value {
    case .string(let text): [text]
    case .integer(let number): ["\(number)"]
    case .number(let number): ["\(number)"]
    case .array(let elements): elements.flatMap(literals)
    case .object(let members): members.values.flatMap(literals)
    case .null, .bool: []
    }
  }
}
