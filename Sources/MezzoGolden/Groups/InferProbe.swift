import MezzoBackend
import MezzoGraph
import MezzoLayers
import MezzoPolicy

/// A layer that gives what it is given, and may have a variable.
struct InferProbe: Layer {
  enum Weight: Codable {
    /// One of that dtype, or of the default, which exists before the input is known.
    case beforeInput(DType?)
    /// One in the dtype that the input decided.
    case afterInput
  }

  var policy: DTypePolicy
  var weight: Weight?
  /// The policy once there was a weight before the input.
  let policyAfterWeight = Locked<DTypePolicy?>(nil)

  private enum CodingKeys: CodingKey {
    case policy, weight
  }

  func build(_ context: LayerContext) throws {
    guard case .beforeInput(let dtype) = weight else { return }
    _ = try context.variable("v", shape: [], initializer: .zeros, dtype: dtype)
    policyAfterWeight.withLock { $0 = context.policy }
  }

  func call(_ inputs: LayerInputs, _ context: LayerContext) throws -> TensorTree {
    if case .afterInput = weight { _ = try context.parameter("v", shape: [], initializer: .zeros) }
    return inputs.positional[0]
  }
}

/// What groups about `_infer` have in common.
enum InferMode: String {
  /// TensorFlow 1's dtype behaviour, which infers by itself.
  case v1
  /// TensorFlow 2's, with `_infer` given to the layer.
  case explicit = "v2_explicit_infer"

  /// Sets the state that the case begins with.
  init(entering testCase: GoldenCase) throws(GoldenFormError) {
    let name = try testCase.input.string("mode")
    guard let mode = Self(rawValue: name) else { throw GoldenFormError(expected: "a mode", found: name) }
    self = mode
    PolicyEnvironment.current.usesV2DTypeBehavior = mode == .explicit
  }

  /// What a layer is given for its policy; nil for nothing.
  var policy: DTypePolicy? { self == .explicit ? .infer : nil }
}

extension Model {
  /// A call with zeros.
  func dtype(ofCallWith dtype: DType, shape: [Int] = [2, 3]) throws -> DType {
    try self(try Tensor(zeros: TensorType(dtype, shape))).dtype
  }

  /// The policy of its only layer, as it is by now.
  var policyNow: DTypePolicy { (try? layers.first?.policy) ?? layer.policy }
}

extension DTypePolicy {
  /// Name, compute dtype and variable dtype, as golden files have them.
  var triple: ConfigurationValue { .array([.string(name), .name(computeDType?.name), .name(variableDType?.name)]) }
}
