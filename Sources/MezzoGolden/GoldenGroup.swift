import MezzoPolicy

/// What Mezzo does with the cases of one group, or of a few close ones.
protocol GoldenGroup: Sendable {
  /// The groups that this one answers.
  static var names: [String] { get }

  /// What Mezzo does, in the form of `expect`. The current ``PolicyEnvironment`` is fresh and speaks the system's
  /// dialect. What is thrown is an answer too: the outcome `{"error": …}`, but for a ``GoldenFormError``, which says
  /// that the case makes no sense.
  static func answer(_ testCase: GoldenCase) async throws -> GoldenAnswer

  /// Where Mezzo differs on purpose.
  static var differences: [DesignDifference] { get }

  /// How far a number may lie from the expected one, relative to the larger of that and 1. By default numbers are
  /// exact, with the sign of a zero.
  static func tolerance(for testCase: GoldenCase) -> Double

  /// The same for the number at a place such as `ok.outputs[0].data[3]`, where places differ.
  static func tolerance(for testCase: GoldenCase, at path: String) -> Double

  /// The values of the question that an error may have to name. By default all strings and numbers in the input.
  static func subjects(of testCase: GoldenCase) -> [ConfigurationValue]

  /// The names of members that are texts for people, of which the substance counts; by default `text`.
  static var texts: Set<String> { get }
}

extension GoldenGroup {
  static var differences: [DesignDifference] { [] }
  static func tolerance(for testCase: GoldenCase) -> Double { 0 }
  static func tolerance(for testCase: GoldenCase, at path: String) -> Double { tolerance(for: testCase) }
  static func subjects(of testCase: GoldenCase) -> [ConfigurationValue] { [testCase.input] }
  static var texts: Set<String> { ["text"] }
}

/// What a group says to a case.
enum GoldenAnswer: Sendable {
  /// What Mezzo does.
  case outcome(ConfigurationValue)
  /// The question cannot be put in Swift.
  case skipped(GoldenSkip)
  /// This version lacks what is asked about; the text names it.
  case unsupported(String)

  /// What Mezzo returns, where the expectation is `{"ok": …}`.
  static func ok(_ value: ConfigurationValue) -> GoldenAnswer { .outcome(.ok(value)) }
}

/// Why a case is not run: there is nothing in Swift that it could be run on.
public enum GoldenSkip: String, CaseIterable, Sendable, Codable {
  /// An argument is of a type that is Python's own.
  case pythonType
  /// The case is about a facility of Python itself.
  case pythonFacility
  /// The case makes calls in an order that Mezzo's types do not allow.
  case refusedByCompiler
  /// The system failed for another reason than its policies.
  case anchorFailed

  /// The reason, for people.
  public var reason: String {
    switch self {
    case .pythonType:
      """
      An argument of a Python type, such as a NumPy type, a framework's dtype object or a list where a name belongs. \
      Swift's compiler refuses it, so no program gets as far as the error.
      """
    case .pythonFacility:
      "Something that Python has and Swift has not, such as changing an object's attributes by name at run time."
    case .refusedByCompiler:
      """
      Calls in a wrong order, such as unscaling twice, or a new scale without a step. Gradients with and without a scale \
      are types of their own and a step moves the scale itself, so no program gets as far as the error.
      """
    case .anchorFailed:
      """
      The system itself failed for a reason that is not about policies: it has no kernel for that dtype, or an \
      operation refused integers. There is no behaviour to compare with.
      """
    }
  }
}

/// A place where Mezzo does not do as another system does, on purpose.
public struct DesignDifference: Sendable {
  /// A few words that name it.
  public let title: String
  /// The systems that Mezzo differs from here.
  public let systems: [String]
  /// Which cases of the group it is about.
  public let cases: String
  /// What Mezzo does in them.
  public let behaviour: String
  /// Why.
  public let reason: String
  /// What Mezzo is stated to do in a case, found from its input and expectation alone; nil where the difference does
  /// not apply. The runner holds Mezzo to it.
  let restate: @Sendable (GoldenCase) -> ConfigurationValue?
  /// What the system is known to do in a case, by a rule of its own that is given the input; nil where the difference
  /// does not apply. An expectation that says anything else is wrong, whatever Mezzo does. What no rule gives, such as
  /// the words of an error, is taken from the expectation. Without a rule, ``restate`` looks at the expectation itself.
  let theirs: (@Sendable (GoldenCase) -> ConfigurationValue?)?

  init(
    _ title: String, systems: [String], cases: String, behaviour: String, reason: String,
    theirs: (@Sendable (GoldenCase) -> ConfigurationValue?)? = nil,
    restate: @escaping @Sendable (GoldenCase) -> ConfigurationValue?
  ) {
    self.title = title
    self.systems = systems
    self.cases = cases
    self.behaviour = behaviour
    self.reason = reason
    self.theirs = theirs
    self.restate = restate
  }

  /// Whether Mezzo does what is stated here, where the system does what it is known to do.
  func explains(_ got: ConfigurationValue, in testCase: GoldenCase, _ comparison: GoldenComparison) -> Bool {
    guard systems.contains(testCase.system), let stated = restate(testCase),
      comparison.mismatch(expected: stated, got: got) == nil
    else { return false }
    guard let theirs else { return true }
    return theirs(testCase).map { comparison.mismatch(expected: testCase.expect, got: $0) == nil } ?? false
  }
}
