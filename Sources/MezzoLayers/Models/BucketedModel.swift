import MezzoBackend
public import MezzoGraph
import MezzoPolicy

/// A model for a stream of inputs of ever other sizes, such as a server's: each is filled up with zeros to one of a few
/// sizes, computed on that size's plan, and the outputs are cut to what the input alone would have given. Below, 3 rows of
/// 20 ids are computed as 8 of 32.
///
/// What is filled in must not count. Examples of a batch do not see each other in inference. Steps have to be masked: by
/// `Embedding(…, maskZero: true)`, by `Masking`, or by a mask among the inputs, which is filled up with 0 too. Layers that
/// look at neighbours whatever the mask, such as convolutions, may see what is filled in. ``difference(on:)`` tells.
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

  /// Which axes of each output are as long as an axis of the inputs. Asked for each size of an input, since the sizes of an
  /// output may be the same for some and not for others.
  private let followers = Locked(RecentlyUsed<Question, [[Int]]>(limit: 4096))

  private struct Question: Hashable {
    /// Of the inputs when they are filled up.
    var types: Arguments<TensorType>
    var filling: Filling
  }

  /// How an axis of all inputs is filled up.
  private struct Filling: Hashable {
    var axis, count, size: Int
  }

  public init(_ model: Model, _ buckets: ShapeBuckets, batchOnly: Set<String> = []) {
    self.model = model
    self.buckets = buckets
    self.batchOnly = batchOnly
    model.keepPlans(buckets.combinations)
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
  /// - Throws: `LayerError.inputs` where inputs differ along an axis that is filled up, or ``batchOnly`` names one that is
  ///   not there; `LayerError.outputs` where an output's size along an axis depends on the input's in another way than to
  ///   be the same.
  public func callAsFunction(_ inputs: Arguments<Tensor>) throws -> Tree<Tensor> {
    let fillings = try fillings(inputs.map(\.type)).filter { $0.size > $0.count }
    if fillings.isEmpty { return try model(inputs) }
    let larger = try inputs.map { name, tensor in
      try tensor.resized(filled(tensor.type, fillings, name: name).shape)
    }
    let types = larger.map(\.type)
    let followers = try fillings.map { try axes(following: $0, types) }
    var place = -1
    return try model(larger).map { output in
      place += 1
      var shape = output.shape
      for (filling, axes) in zip(fillings, followers) { for axis in axes[place] { shape[axis] = filling.count } }
      return try output.resized(shape)
    }
  }

  /// How much outputs change because inputs are filled up: the largest difference of an element, by the largest
  /// magnitude of its output. No more than rounding where what is filled in does not count. For tests: it makes a plan for
  /// the inputs as they are.
  public func difference(on inputs: Arguments<Tensor>) throws -> Double {
    var largest = 0.0
    for (bucketed, direct) in zip(try self(inputs).leaves, try model(inputs).leaves) {
      guard let bucketed, let direct else { continue }
      let expected = direct.scalars()
      let magnitude = expected.reduce(0) { max($0, abs($1)) }
      for (a, b) in zip(bucketed.scalars(), expected) where a != b {
        let difference = abs(a - b) / max(magnitude, .leastNormalMagnitude)
        largest = max(largest, difference.isNaN ? .infinity : difference)
      }
    }
    return largest
  }

  private func isFilled(_ axis: Int, of type: TensorType, name: String) -> Bool {
    axis < type.rank && (axis == 0 || !batchOnly.contains(name))
  }

  private func fillings(_ types: Arguments<TensorType>) throws -> [Filling] {
    var names: [String] = []
    _ = types.map { name, _ in names.append(name) }
    if let unknown = batchOnly.subtracting(names).min() {
      throw LayerError.inputs(
        layer: model.layer.name ?? "", expected: "batchOnly to name some of its inputs \(names)", found: unknown)
    }
    return try buckets.sizes.keys.sorted().compactMap { axis in
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
    let (long, short) = (try outputTypes(types), try outputTypes(cut))
    let axes = try zip(long, short).map { long, short in
      let axes = zip(long.shape, short.shape).enumerated().filter { $1.0 != $1.1 }.map(\.offset)
      guard long.rank == short.rank,
        axes.allSatisfy({ long.shape[$0] == filling.size && short.shape[$0] == filling.count })
      else {
        throw LayerError.outputs(
          layer: model.layer.name ?? "",
          found:
            "\(long) for \(filling.size) and \(short) for \(filling.count) along axis \(filling.axis) of the inputs; "
            + "an axis that is filled up has to keep its size in the outputs, or be gone from them")
      }
      return axes
    }
    followers.withLock { $0[question] = axes }
    return axes
  }

  private func outputTypes(_ types: Arguments<TensorType>) throws -> [TensorType] {
    let call = try TracedCall(model, inputs: types, isTraining: false) { _ in .constant }
    return call.outputs.leaves.compactMap { $0?.type }
  }
}
