import MezzoGraph
import MezzoPolicy

/// Where the layers of Mezzo differ on purpose, in what `layer.dtypes` and `numeric.layer` show of it.
enum LayerDifferences {
  static func storedParameters(_ restate: @escaping @Sendable (GoldenCase) -> ConfigurationValue?) -> DesignDifference {
    DesignDifference(
      "Batch normalisation stores nothing in 16 bits", systems: ["keras3"],
      cases:
        "batch normalisation under float16 and bfloat16, whose parameters and averages Keras 3 stores in that dtype",
      behaviour: "They are float32, as in TensorFlow 2.4.",
      reason: "A moving average in 16 bits stands still as soon as its steps are below half a unit in the last place.",
      restate: restate)
  }

  static func heads(_ restate: @escaping @Sendable (GoldenCase) -> ConfigurationValue?) -> DesignDifference {
    DesignDifference(
      "The projections of attention heads follow their layer", systems: ["tf24"],
      cases:
        "multi-head attention with a policy of its own, whose projections follow the global policy in TensorFlow 2.4",
      behaviour: "Weights are stored in the layer's variable dtype and the output is in its compute dtype.",
      reason: "A policy that is given to a layer is meant for all of it; later releases do the same.", restate: restate)
  }

  static func isBatchNormalization(_ testCase: GoldenCase) -> Bool {
    testCase.input["layer"]?.asString?.hasPrefix("BatchNormalization") ?? false
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
}
