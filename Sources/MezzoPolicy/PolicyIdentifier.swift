/// What may be given for the dtype of a layer: Keras's `dtype=` argument.
public enum PolicyIdentifier: Sendable, Hashable {
  /// Nothing: the global policy.
  case none
  /// The name of a policy or a dtype.
  case name(String)
  case policy(DTypePolicy)
  case dtype(DType)
  /// What ``DTypePolicy/serialized(in:)`` writes.
  case configuration(ConfigurationValue)
}

extension DTypePolicy {
  /// The policy that an identifier stands for.
  ///
  /// Names of dtypes become canonical here, so that `half` gives the policy `float16`. TensorFlow 2.4 takes only dtypes as
  /// strings; Keras 3 takes what begins like a quantised policy for nothing else, so that `int8` is an error there.
  ///
  /// What Python takes for false is not the global policy, and numbers are no dtypes: an empty name is a mistake.
  ///
  /// - Throws: ``PolicyError/unknownIdentifier(_:)`` for a number, a boolean, an array or a dtype that the dialect does not
  ///   have, and in TensorFlow's for a name that is no dtype's; else what ``init(_:dialect:)-(String,_)`` or ``deserialize(_:dialect:)`` throws.
  public static func get(
    _ identifier: PolicyIdentifier, dialect: PolicyDialect = PolicyEnvironment.current.dialect
  ) throws(PolicyError) -> DTypePolicy {
    switch identifier {
    case .none: return globalPolicy()
    case .policy(let policy): return policy
    case .dtype(let dtype):
      guard dialect.dtype(named: dtype.name) != nil else { throw .unknownIdentifier(dtype.name) }
      return DTypePolicy(dtype)
    case .configuration(let value):
      switch value {
      case .bool, .integer, .number, .array: throw .unknownIdentifier(value.excerpt)
      case .null, .string, .object: return try deserialize(value, dialect: dialect)
      }
    case .name(let name):
      switch dialect {
      case .keras3 where Self.quantizedPrefixes.contains(where: name.hasPrefix):
        return try DTypePolicy(quantizedName: name, dialect: dialect)
      case .mezzo, .tensorFlow24, .tfKeras:
        if let dtype = dialect.dtype(named: name) { return DTypePolicy(dtype) }
        let isMixed = name == mixedFloat16.name || name == mixedBFloat16.name
        guard dialect == .mezzo || (dialect == .tfKeras && isMixed) else { throw .unknownIdentifier("\"\(name)\"") }
        return try DTypePolicy(name, dialect: dialect)
      case .keras3, .jmp: return try DTypePolicy(name, dialect: dialect)
      }
    }
  }

  static let quantizedPrefixes = Quantization.Method.allCases.map(\.rawValue)
}
