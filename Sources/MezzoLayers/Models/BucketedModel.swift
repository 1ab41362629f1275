import Logging
import MezzoBackend
public import MezzoGraph
import MezzoPolicy
import MezzoRuntime

/// A model for a stream of inputs of ever other sizes, such as a server's: each is filled up to one of a few sizes, computed
/// on that size's plan, and the outputs are cut to what the input alone would have given. Below, 3 rows of 20 ids are
/// computed as 8 of 32.
///
/// What is filled in must not count. Examples of a batch do not see each other in inference, unless a layer works along axis 0.
/// Steps have to be masked: by `Embedding(…, maskZero: true)`, by `Masking`, or by a mask among the inputs; and the layers
/// that they go through have to leave masked steps out. Convolutions, layers over the axis of the steps (`Softmax(axis: 1)`),
/// those that lose the mask (`Reshape`, `Permute`, `GlobalMaxPooling1D`), and attention that writes to a cache do not.
/// ``difference(on:)`` tells; where a mask is lost, the log says so once.
///
/// ```swift
/// let model = Model {
///   Embedding(inputDim: 1000, outputDim: 16, maskZero: true)
///   LSTM(8)
///   Dense(2)
/// }
/// let server = BucketedModel(model, try ShapeBuckets(batch: [1, 8], steps: [16, 32, 64]))
/// let ids = try Tensor(zeros: TensorType(.int32, [3, 20]))  // int32[3, 20]
/// let scores = try server(ids)  // float32[3, 2]
/// ```
public final class BucketedModel: Sendable {
  public let model: Model
  public let buckets: ShapeBuckets
  /// Inputs of which only the batch is filled up, as errors name them: `input 1`, `mask`.
  public let batchOnly: Set<String>
  /// What inputs are filled up with, by name; 0 where there is nothing.
  public let padding: [String: Double]

  /// Which axes of each output are as long as an axis of the inputs. Asked for each size of an input, since the sizes of an
  /// output may be the same for some and not for others.
  private let followers = Locked(RecentlyUsed<Question, [[Int]]>(limit: 4096))
  private let notices: Notices

  private struct Question: Hashable {
    /// Of the inputs when they are filled up.
    var types: Arguments<TensorType>
    var filling: Filling
  }

  /// How an axis of all inputs is filled up.
  private struct Filling: Hashable {
    var axis, count, size: Int
  }

  /// - Parameters:
  ///   - batchOnly: inputs of which only the batch is filled up, such as features without steps.
  ///   - padding: what inputs are filled up with that need anything but 0: `["input": -1]` for `Masking(maskValue: -1)`.
  public convenience init(
    _ model: Model, _ buckets: ShapeBuckets, batchOnly: Set<String> = [], padding: [String: Double] = [:]
  ) {
    self.init(model, buckets, batchOnly: batchOnly, padding: padding, notices: Notices(label: "mezzo.layers"))
  }

  init(
    _ model: Model, _ buckets: ShapeBuckets, batchOnly: Set<String>, padding: [String: Double], notices: Notices
  ) {
    self.model = model
    self.buckets = buckets
    self.batchOnly = batchOnly
    self.padding = padding
    self.notices = notices
    model.keepPlans(forShapes: buckets.combinations)
  }

  /// The output for a batch `[batch, …]` of any size.
  ///
  /// - Throws: `LayerError.outputs` for a model that returns anything but one tensor, and what the other call throws.
  public func callAsFunction(_ input: Tensor) throws -> Tensor {
    let outputs = try self(Arguments(.tensor(input)))
    guard let output = outputs.tensor else {
      throw LayerError.outputs(layer: model.layer.name ?? "", found: "\(outputs.leaves.count) in a structure")
    }
    return output
  }

  /// The outputs of a model of several inputs or outputs.
  ///
  /// - Throws: `LayerError.inputs` where inputs differ along an axis that is filled up, where ``batchOnly`` or ``padding``
  ///   name one that is not there, or a padding is no value of its input's dtype; `LayerError.buckets` where the axis
  ///   decides the shape of a variable or how many outputs there are, where an output's size along an axis depends on the
  ///   input's in another way than to be the same, or where steps come out from the back; and what the model throws.
  public func callAsFunction(_ inputs: Arguments<Tensor>) throws -> Tree<Tensor> {
    let types = inputs.map(\.type)
    try requireInputs(types)
    let fillings = try fillings(types).filter { $0.size > $0.count }
    if fillings.isEmpty { return try model(inputs) }
    let larger = try inputs.map { name, tensor in
      try tensor.resized(filled(tensor.type, fillings, name: name).shape, padding: padding[name] ?? 0)
    }
    let largerTypes = larger.map(\.type)
    let followers = try fillings.map { try axes(following: $0, largerTypes) }
    var place = -1
    return try model(larger).map { output in
      place += 1
      var shape = output.shape
      for (filling, axes) in zip(fillings, followers) { for axis in axes[place] { shape[axis] = filling.count } }
      return try output.resized(shape)
    }
  }

  /// How much outputs change because inputs are filled up: the largest difference of an element, by the largest finite
  /// magnitude of its output. No more than rounding where what is filled in does not count; infinite where one of the two
  /// is not finite and the other is not the same. Places of an output that the input's own mask leaves out are compared like all
  /// others. For tests: it makes a plan for the inputs as they are, and calls the model twice, which a stateful one
  /// remembers.
  public func difference(on inputs: Arguments<Tensor>) throws -> Double {
    var largest = 0.0
    for case let (bucketed?, direct?) in zip(try self(inputs).leaves, try model(inputs).leaves) {
      largest = max(largest, Self.difference(of: bucketed.scalars(), from: direct.scalars()))
    }
    return largest
  }

  static func difference(of values: [Double], from expected: [Double]) -> Double {
    let magnitude = expected.reduce(0) { $1.isFinite ? max($0, abs($1)) : $0 }
    return zip(values, expected).reduce(0) { largest, pair in
      let (value, expected) = pair
      if value == expected || value.isNaN && expected.isNaN { return largest }
      guard value.isFinite, expected.isFinite else { return .infinity }
      return max(largest, abs(value - expected) / max(magnitude, .leastNormalMagnitude))
    }
  }

  private func requireInputs(_ types: Arguments<TensorType>) throws {
    if batchOnly.isEmpty, padding.isEmpty { return }
    var known: Set<String> = []
    _ = try types.map { name, type in
      known.insert(name)
      guard let value = padding[name] else { return }
      let stored = try Tensor(value, dtype: type.dtype).scalars()[0]
      let isRounded = type.dtype.isFloatingPoint && stored.isFinite && value.isFinite
      guard isRounded || stored == value || stored.isNaN && value.isNaN else {
        throw LayerError.inputs(
          layer: model.layer.name ?? "", expected: "a padding that is a value of \(name), \(type)", found: "\(value)")
      }
    }
    for (names, what) in [(batchOnly, "batchOnly"), (Set(padding.keys), "padding")] {
      guard let unknown = names.subtracting(known).min() else { continue }
      throw LayerError.inputs(
        layer: model.layer.name ?? "", expected: "\(what) to name some of its inputs \(known.sorted())", found: unknown)
    }
  }

  private func isFilled(_ axis: Int, of type: TensorType, name: String) -> Bool {
    axis < type.rank && (axis == 0 || !batchOnly.contains(name))
  }

  private func fillings(_ types: Arguments<TensorType>) throws -> [Filling] {
    try buckets.sizes.keys.sorted().compactMap { axis in
      var count: Int?
      _ = try types.map { name, type in
        guard isFilled(axis, of: type, name: name) else { return }
        guard count == nil || count == type.shape[axis] else {
          throw LayerError.inputs(
            layer: model.layer.name ?? "",
            expected: "inputs of one size along axis \(axis), which is filled up, unless they are named batchOnly",
            found: "\(type) as \(name) beside one of \(count ?? 0)")
        }
        count = type.shape[axis]
      }
      return count.map { Filling(axis: axis, count: $0, size: buckets.size(of: $0, axis: axis)) }
    }
  }

  private func filled(_ type: TensorType, _ fillings: [Filling], name: String) -> TensorType {
    var type = type
    for filling in fillings where isFilled(filling.axis, of: type, name: name) {
      type.shape[filling.axis] = filling.size
    }
    return type
  }

  /// The axes of each output that are as long as that axis of the inputs: those that change with it.
  private func axes(following filling: Filling, _ types: Arguments<TensorType>) throws -> [[Int]] {
    let question = Question(types: types, filling: filling)
    if let known = followers.withLock({ $0[question] }) { return known }
    let cut = types.map { name, type in
      self.filled(type, [Filling(axis: filling.axis, count: filling.size, size: filling.count)], name: name)
    }
    let traced = try TracedAxis(
      filling.axis, of: model, size: filling.size, count: filling.count, long: types, short: cut)
    try traced.requireFillable()
    let axes = try traced.followers()
    // Examples have no mask among each other.
    if filling.axis > 0 { warn(traced.endedMasks) }
    followers.withLock { $0[question] = axes }
    return axes
  }

  /// No error, since nobody can say whether what such a layer sees counts in the end.
  private func warn(_ layers: [String]) {
    guard !layers.isEmpty else { return }
    notices.tell(.warning, key: "masks") {
      """
      shape buckets: the mask of the steps ends in \(layers.joined(separator: ", ")); what is filled in may count there, \
      which BucketedModel.difference(on:) tells
      """
    }
  }
}
