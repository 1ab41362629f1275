extension DTypePolicy {
  /// The policy of that name. Case and spaces count.
  ///
  /// - `mixed_float16`, `mixed_bfloat16`, `_infer`, or the name of any dtype, floating or not, among them TensorFlow's
  ///   aliases `half`, `float` and `double`;
  /// - a policy that says more: `params=float32,compute=bfloat16,output=float32`, see
  ///   ``init(parameters:compute:output:accumulator:reduction:gradient:operations:layers:)``;
  /// - a quantised policy: `int8_from_mixed_bfloat16`, see ``Quantization``.
  ///
  /// Other dialects have fewer names: TensorFlow's have the first group alone, Keras 3's the first without aliases and
  /// `_infer`, `jmp`'s the second and single floats.
  ///
  /// - Throws: ``PolicyError/removedPolicy(name:suggestion:)`` for a name that ends in `_float32_vars`, what the two
  ///   grammars throw for a name of their kind, else ``PolicyError/unknownPolicy(name:)``.
  public init(_ name: String, dialect: PolicyDialect = .mezzo) throws(PolicyError) {
    if dialect == .jmp {
      self = try PolicyGrammar.jmpPolicy(name)
      return
    }
    if dialect != .keras3 {
      if name.hasSuffix(Self.removedSuffix) {
        throw .removedPolicy(name: name, suggestion: Self.successor(ofRemoved: name))
      }
      if name == Self.infer.name {
        self = .infer
        return
      }
    }
    switch name {
    case Self.mixedFloat16.name: self = .mixedFloat16
    case Self.mixedBFloat16.name: self = .mixedBFloat16
    default:
      if let dtype = dialect.dtype(named: name) {
        self.init(name: name, compute: dtype, variable: dtype)
      } else if dialect == .mezzo, name.contains("=") {
        self = try PolicyGrammar.policy(name)
      } else if dialect == .mezzo, name.contains(Quantization.separator) {
        try self.init(quantizedName: name, dialect: dialect)
      } else {
        throw .unknownPolicy(name: name)
      }
    }
  }

  private static let removedSuffix = "_float32_vars"

  private static func successor(ofRemoved name: String) -> String? {
    switch name {
    case "infer_float32_vars", "infer_with_float32_vars": "\"mixed_float16\" or \"mixed_bfloat16\""
    case "float16_with_float32_vars": "\"mixed_float16\""
    case "bfloat16_with_float32_vars": "\"mixed_bfloat16\""
    default: nil
    }
  }
}

/// A policy is written as `{"name": "mixed_float16"}`, the form of its Keras configuration; the name says all but the
/// history of a float8 scale, for which ``configuration`` is written where it is not the usual one. A `loss_scale`, which
/// files of TensorFlow 2.3 and before have there, is passed over; other keys are an error.
extension DTypePolicy: Codable {
  private enum Key: String, CodingKey { case name }

  public init(from decoder: any Decoder) throws {
    let value = try ConfigurationValue(from: decoder)
    do throws(PolicyError) {
      try self.init(configuration: value)
    } catch {
      var path = decoder.codingPath
      if case .configuration = error {} else { path.append(Key.name) }
      throw DecodingError.dataCorrupted(
        .init(codingPath: path, debugDescription: "\(error)", underlyingError: error))
    }
  }

  public func encode(to encoder: any Encoder) throws {
    let isInName =
      quantization?.amaxHistoryLength ?? Quantization.defaultAmaxHistoryLength
      == Quantization.defaultAmaxHistoryLength
    try (isInName ? ["name": .string(name)] : configuration).encode(to: encoder)
  }
}
