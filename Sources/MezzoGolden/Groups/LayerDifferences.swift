import MezzoGraph
import MezzoPolicy

/// Where the layers of Mezzo differ on purpose, in what `layer.dtypes` and `numeric.layer` show of it.
enum LayerDifferences {
  typealias Rule = @Sendable (GoldenCase) -> ConfigurationValue?

  static func storedParameters(theirs: @escaping Rule, _ restate: @escaping Rule) -> DesignDifference {
    DesignDifference(
      "Batch normalisation stores nothing in 16 bits", systems: ["keras3"],
      cases:
        "batch normalisation under float16 and bfloat16, whose parameters and averages Keras 3 stores in that dtype",
      behaviour: "They are float32, as in TensorFlow 2.4.",
      reason: "A moving average in 16 bits stands still as soon as its steps are below half a unit in the last place.",
      theirs: theirs, restate: restate)
  }

  static func heads(theirs: @escaping Rule, _ restate: @escaping Rule) -> DesignDifference {
    DesignDifference(
      "The projections of attention heads follow their layer", systems: ["tf24"],
      cases:
        "multi-head attention with a policy of its own, whose projections follow the global policy in TensorFlow 2.4",
      behaviour: "Weights are stored in the layer's variable dtype and the output is in its compute dtype.",
      reason: "A policy that is given to a layer is meant for all of it; later releases do the same.", theirs: theirs,
      restate: restate)
  }

  /// Batch normalisation under a policy whose variables have 16 bits.
  static func isNarrowBatchNormalization(_ testCase: GoldenCase) -> Bool {
    (testCase.input["layer"]?.asString?.hasPrefix("BatchNormalization") ?? false)
      && policy(testCase)?.variableDType?.bitWidth == 16
  }

  static func policy(_ testCase: GoldenCase) -> DTypePolicy? {
    testCase.input["policy"]?.asString.flatMap { try? DTypePolicy($0) }
  }
}

extension ConfigurationValue {
  /// The same object with a member replaced by what `transform` makes of it.
  func replacing(_ key: String, _ transform: (ConfigurationValue) -> ConfigurationValue) -> ConfigurationValue {
    guard case .object(var members) = self, let member = members[key] else { return self }
    members[key] = transform(member)
    return .object(members)
  }

  func mapElements(_ transform: (ConfigurationValue) -> ConfigurationValue) -> ConfigurationValue {
    guard case .array(let elements) = self else { return self }
    return .array(elements.map(transform))
  }

  func mapMembers(_ transform: (String, ConfigurationValue) -> ConfigurationValue) -> ConfigurationValue {
    guard case .object(let members) = self else { return self }
    return .object(Dictionary(uniqueKeysWithValues: members.map { ($0, transform($0, $1)) }))
  }

  /// The same value with the numbers of `other` where those are as close as `tolerance` says, relative to the larger of
  /// a number and 1.
  func withNumbers(of other: ConfigurationValue, within tolerance: Double) -> ConfigurationValue {
    switch (self, other) {
    case (.object(let members), .object(let others)):
      return .object(
        Dictionary(
          uniqueKeysWithValues: members.map { key, value in
            (key, others[key].map { value.withNumbers(of: $0, within: tolerance) } ?? value)
          }))
    case (.array(let elements), .array(let others)) where elements.count == others.count:
      return .array(zip(elements, others).map { $0.withNumbers(of: $1, within: tolerance) })
    default:
      guard let number = asDouble, let found = other.asDouble else { return self }
      return (number - found).magnitude <= tolerance * Swift.max(1, number.magnitude) ? other : self
    }
  }
}
