/// Which dtype a layer computes in and which dtype it stores its variables in.
///
/// The names and their meaning are those of `tf.keras.mixed_precision.Policy` in TensorFlow 2.4. Unlike there, a
/// policy is a value: two of the same name and dtypes are equal.
///
/// ```swift
/// let policy = try DTypePolicy("mixed_bfloat16")
/// policy.computeDType   // bfloat16
/// policy.variableDType  // float32
/// ```
///
/// A policy can say more than Keras's: see ``init(parameters:compute:output:accumulator:reduction:gradient:operations:layers:)``.
public struct DTypePolicy: Sendable, CustomStringConvertible {
  /// One reference for all that is counted, so that reading the policy in effect stays quick.
  final class Storage: Sendable {
    let name: String
    let compute: DType?
    let variable: DType?
    let origin: PolicyOrigin
    /// Nil for almost every policy.
    let refinements: PolicyRefinements?

    init(name: String, compute: DType?, variable: DType?, origin: PolicyOrigin, refinements: PolicyRefinements?) {
      self.name = name
      self.compute = compute
      self.variable = variable
      self.origin = origin
      self.refinements = refinements
    }
  }

  let storage: Storage

  /// The name as it was given, so that `DTypePolicy("half")` is named `half` and not `float16`.
  public var name: String { storage.name }

  /// What a layer casts its floating inputs to and computes in; nil until ``resolved(for:)`` if the policy is
  /// ``infer``.
  public let computeDType: DType?

  /// What a layer stores its variables in; nil until ``resolved(for:)`` if the policy is ``infer``.
  public let variableDType: DType?

  /// Where the policy came from. No part of its value: equality and configurations leave it out.
  public var origin: PolicyOrigin { storage.origin }

  init(_ storage: Storage) {
    self.storage = storage
    computeDType = storage.compute
    variableDType = storage.variable
  }

  init(name: String, compute: DType?, variable: DType?, refinements: PolicyRefinements? = nil) {
    self.init(
      Storage(
        name: name, compute: compute, variable: variable, origin: .own,
        refinements: refinements.flatMap { $0.isEmpty ? nil : $0 }))
  }

  /// The policy that computes and stores in one dtype and has its name.
  public init(_ dtype: DType) {
    self.init(name: dtype.name, compute: dtype, variable: dtype)
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

  /// As Keras prints it: `<Policy "mixed_float16">`.
  public var description: String { "<Policy \"\(name)\">" }

  var refinements: PolicyRefinements? { storage.refinements }

  /// The same policy, said to come from elsewhere.
  public func from(_ origin: PolicyOrigin) -> DTypePolicy {
    guard origin != storage.origin else { return self }
    return DTypePolicy(
      Storage(
        name: name, compute: computeDType, variable: variableDType, origin: origin, refinements: refinements))
  }

  /// The policy of a layer whose first input has dtype `input`: for ``infer`` the policy of that dtype, whatever its
  /// kind, and for every other policy itself.
  public func resolved(for input: DType) -> DTypePolicy {
    computeDType == nil ? DTypePolicy(input).from(origin) : self
  }
}

extension DTypePolicy: Hashable {
  public static func == (left: DTypePolicy, right: DTypePolicy) -> Bool {
    left.storage === right.storage
      || left.name == right.name && left.computeDType == right.computeDType
        && left.variableDType == right.variableDType && left.refinements == right.refinements
  }

  public func hash(into hasher: inout Hasher) {
    hasher.combine(name)
    hasher.combine(computeDType)
    hasher.combine(variableDType)
  }
}

// MARK: - What Keras's policies do not say

extension DTypePolicy {
  /// What a layer's floating outputs are cast to when it is done; as long as nothing else was said, the compute dtype.
  public var outputDType: DType? { refinements?.output ?? computeDType }

  /// What products are summed in, where that is more than the float32 that every backend sums in at least.
  public var accumulatorDType: DType? { refinements?.accumulator }

  /// What sums, means, softmax and normalisations work in, where that is more than float32.
  public var reductionDType: DType? { refinements?.reduction }

  /// What the gradients of variables are rounded to; by default they have the dtype of the variable.
  public var gradientDType: DType? { refinements?.gradient }

  /// Operations that work in a dtype of their own, by their name: `["softmax": .float32]`. Their floating operands are
  /// cast to it, and their results back.
  public var operationDTypes: [String: DType] { refinements?.operations ?? [:] }

  /// Kinds of layers that follow another policy, by Keras's class name: `["LayerNormalization": .float32]`.
  public var layerPolicies: [String: DTypePolicy] { refinements?.layers ?? [:] }

  /// How weights are quantised, if they are.
  public var quantization: Quantization? { refinements?.quantization }

  /// What layers of this kind follow: the rule that this policy has for them, else this policy.
  public func policy(forLayerClass className: String) -> DTypePolicy {
    refinements?.layers[className]?.from(origin) ?? self
  }
}
