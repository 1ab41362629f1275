import MezzoGraph
public import MezzoPolicy

/// `eˣ ∕ Σ eˣ` along an axis; the shape stays. A mask may be given as the second argument or by its name: bool or 0 and
/// 1, of a shape that broadcasts to the input's.
///
/// Computed in at least float32 whatever the policy, shifted by the maximum so that nothing overflows, and rounded once
/// to the compute dtype.
///
/// As in TensorFlow 2.4, −10⁹ is added to what is masked, which leaves it a probability of 0 beside anything unmasked.
/// Where all is masked, what counts is what the addition leaves of the logits: nothing of those below 32 in float32, so
/// that all are as probable as each other, and all of them in float64. TensorFlow adds −65504 under float16, in 16
/// bits, where sums overflow; here that is not so. In Keras 3's dialect what is masked has a probability of 0 whatever
/// the others.
///
/// ```swift
/// let probabilities = Softmax(axis: 1)
/// let output = try Model(probabilities)(Tensor(zeros: TensorType(.float32, [2, 5, 3])))  // float32[2, 5, 3]
/// ```
public struct Softmax: MaskPassing, Hashable {
  /// Counts from the end if negative.
  public var axis: Int
  public var name: String?
  public let policy: DTypePolicy

  /// - Parameter policy: by default the one in effect here.
  public init(axis: Int = -1, name: String? = nil, policy: DTypePolicy? = nil) {
    self.axis = axis
    self.name = name
    self.policy = policy ?? globalPolicy()
  }

  /// - Throws: `LayerError` for anything but a floating-point tensor and perhaps a mask, and where there is no such axis.
  public func call(_ inputs: LayerInputs, _ context: LayerContext) throws -> TensorTree {
    let masks = inputs.positional.dropFirst() + inputs.named.values
    guard let input = inputs.positional.first?.tensor, masks.count <= 1, inputs.named.keys.allSatisfy({ $0 == "mask" })
    else {
      throw refusal("a tensor and at most a mask", "\(inputs.leaves.count) in a structure", context)
    }
    guard input.dtype.isFloatingPoint else { throw refusal("floating-point logits", "\(input.type)", context) }
    let axis = try context.axis(axis, of: input)
    switch masks.first ?? TensorTree.none {
    case .none: return .tensor(try input.softmax(axis: axis))
    case .tensor(let mask):
      return .tensor(try context.maskedSoftmax(input, mask, axis: axis).cast(to: input.dtype))
    case .array, .dictionary: throw refusal("a tensor as its mask", "a structure", context)
    }
  }

  private func refusal(_ expected: String, _ found: String, _ context: LayerContext) -> LayerError {
    .inputs(layer: context.path, expected: expected, found: found)
  }
}
