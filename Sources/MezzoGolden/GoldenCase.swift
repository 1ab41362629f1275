public import MezzoPolicy

/// One thing that another system was asked, and what it did.
///
/// It has no id: what Mezzo answers follows from the question alone.
public struct GoldenCase: Sendable {
  /// What kind of question it is: `policy.parse`.
  public let group: String
  /// Which system answered: `tf24`, `keras3`.
  public let system: String
  /// The question.
  public let input: ConfigurationValue
  /// What the system did. A few groups have a part of the question here, such as the dtypes that a layer was called
  /// with: a group may take that from here, and nothing else.
  public let expect: ConfigurationValue

  public init(group: String, system: String, input: ConfigurationValue, expect: ConfigurationValue) {
    self.group = group
    self.system = system
    self.input = input
    self.expect = expect
  }
}

/// The systems that golden cases come from, by the names that the files give them.
enum GoldenSystem: String, CaseIterable, Sendable {
  /// TensorFlow 2.4.
  case tf24
  /// TensorFlow 2.4 after `disable_v2_behavior()`.
  case tf24v1
  /// tf-keras 2.21.
  case tfkeras
  /// Keras 3 on TensorFlow.
  case keras3
  case jmp
  case flax
  case torch

  /// The dialect that follows the system; nil where Mezzo has none, so that its own rules hold.
  var dialect: PolicyDialect? {
    switch self {
    case .tf24, .tf24v1: .tensorFlow24
    case .tfkeras: .tfKeras
    case .keras3: .keras3
    case .jmp: .jmp
    case .flax, .torch: nil
    }
  }

  /// The state that each of its cases begins with.
  var environment: PolicyEnvironment {
    let environment = PolicyEnvironment(dialect: dialect ?? .mezzo)
    environment.usesV2DTypeBehavior = self != .tf24v1
    return environment
  }
}

extension GoldenCase {
  /// The dialect that follows the system of this case; nil for a system that policies have no dialect of.
  var dialect: PolicyDialect? { GoldenSystem(rawValue: system)?.dialect }
}
