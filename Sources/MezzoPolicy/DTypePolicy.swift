/// Which dtype a layer computes in and which dtype it stores its variables in.
///
/// The names and their meaning are those of `tf.keras.mixed_precision.Policy` in TensorFlow 2.4. Unlike there, a
/// policy is a value: two of the same name and dtypes are equal.
public struct DTypePolicy: Sendable, Hashable, CustomStringConvertible {
  /// The name as it was given, so that `DTypePolicy("half")` is named `half` and not `float16`.
  public let name: String

  /// What a layer casts its floating inputs to and computes in; nil until ``resolved(for:)`` if the policy is
  /// ``infer``.
  public let computeDType: DType?

  /// What a layer stores its variables in; nil until ``resolved(for:)`` if the policy is ``infer``.
  public let variableDType: DType?

  private init(name: String, compute: DType?, variable: DType?) {
    self.name = name
    computeDType = compute
    variableDType = variable
  }

  /// The policy that computes and stores in one dtype and has its name.
  public init(_ dtype: DType) {
    self.init(name: dtype.name, compute: dtype, variable: dtype)
  }

  /// The policy of that name: `mixed_float16`, `mixed_bfloat16`, `_infer`, or the name of any dtype, floating or not,
  /// among them TensorFlow's aliases `half`, `float` and `double`. Case and spaces count.
  ///
  /// - Throws: ``PolicyError/removedPolicy(name:suggestion:)`` for a name that ends in `_float32_vars`, else
  ///   ``PolicyError/unknownPolicy(name:)``.
  public init(_ name: String) throws(PolicyError) {
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

  /// Computes and stores in float32.
  public static let float32 = DTypePolicy(DType.float32)

  /// Computes and stores in float64.
  public static let float64 = DTypePolicy(DType.float64)

  /// Computes and stores in float16, which leaves updates below a part in 2048 of a variable without effect.
  public static let float16 = DTypePolicy(DType.float16)

  /// Computes and stores in bfloat16, which leaves updates below a part in 256 of a variable without effect.
  public static let bfloat16 = DTypePolicy(DType.bfloat16)

  /// Computes in float16, stores in float32. Training under it wants a ``LossScale``.
  public static let mixedFloat16 = DTypePolicy(name: "mixed_float16", compute: .float16, variable: .float32)

  /// Computes in bfloat16, stores in float32. Its range is that of float32, so it needs no loss scale.
  public static let mixedBFloat16 = DTypePolicy(name: "mixed_bfloat16", compute: .bfloat16, variable: .float32)

  /// Takes both dtypes from the first input that the layer sees.
  public static let infer = DTypePolicy(name: "_infer", compute: nil, variable: nil)

  /// The policy of a layer whose first input has dtype `input`: for ``infer`` the policy of that dtype, whatever its
  /// kind, and for every other policy itself.
  public func resolved(for input: DType) -> DTypePolicy {
    computeDType == nil ? DTypePolicy(input) : self
  }

  /// As Keras prints it: `<Policy "mixed_float16">`.
  public var description: String { "<Policy \"\(name)\">" }

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
