extension DTypePolicy {
  /// The policy of that name: `mixed_float16`, `mixed_bfloat16`, `_infer`, or the name of any dtype, floating or not,
  /// among them TensorFlow's aliases `half`, `float` and `double`. Case and spaces count.
  ///
  /// - Throws: ``PolicyError/removedPolicy(name:suggestion:)`` for a name that ends in `_float32_vars`, else
  ///   ``PolicyError/unknownPolicy(name:)``.
  public init(_ name: String, dialect: PolicyDialect = .mezzo) throws(PolicyError) {
    if name.hasSuffix(Self.removedSuffix) {
      throw .removedPolicy(name: name, suggestion: Self.successor(ofRemoved: name))
    }
    switch name {
    case Self.mixedFloat16.name: self = .mixedFloat16
    case Self.mixedBFloat16.name: self = .mixedBFloat16
    case Self.infer.name: self = .infer
    default:
      guard let dtype = try? DType(name: name) else { throw .unknownPolicy(name: name) }
      self.init(name: name, compute: dtype, variable: dtype)
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

/// A policy is written as `{"name": "mixed_float16"}`, the form of its Keras configuration. Other keys are ignored
/// when it is read: files of TensorFlow 2.3 and before have a `loss_scale` there.
extension DTypePolicy: Codable {
  private enum CodingKeys: String, CodingKey {
    case name
  }

  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    let name = try container.decode(String.self, forKey: .name)
    do {
      try self.init(name)
    } catch {
      let path = container.codingPath + [CodingKeys.name]
      throw DecodingError.dataCorrupted(.init(codingPath: path, debugDescription: "\(error)", underlyingError: error))
    }
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(name, forKey: .name)
  }
}
