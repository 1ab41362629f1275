import MezzoPolicy

extension DTypePolicy {
  /// All that `policy.*` groups ask about a policy.
  func described(in dialect: PolicyDialect) -> ConfigurationValue {
    [
      "name": .string(name), "compute_dtype": .name(computeDType?.name), "variable_dtype": .name(variableDType?.name),
      "repr": .string(description(in: dialect)), "config": configuration,
    ]
  }
}
