import MezzoBackend
public import MezzoGraph
public import MezzoPolicy
import MezzoRuntime

extension Model {
  /// Has every layer follow `policy` from now on, whatever it was made with. See
  /// ``repolicy(_:storage:sample:tolerance:)-(DTypePolicyMap,_,_,_)``.
  @discardableResult
  public func repolicy(
    _ policy: DTypePolicy, storage: RepolicyStorage = .recast, sample: Tensor? = nil, tolerance: Double? = nil
  ) throws -> Repolicy {
    try repolicy(DTypePolicyMap(default: policy), storage: storage, sample: sample, tolerance: tolerance)
  }

  /// Has every layer follow the policy that `map` has for its path from now on, whatever it was made with, in a model
  /// that exists or was loaded. Layers are those of the model so far: it must have been called or built.
  ///
  /// ```swift
  /// let model = Model(Sequential([Dense(8), Dense(2)]))
  /// let images = try Tensor(zeros: TensorType(.float32, [4, 16]))
  /// let before = try model(images)  // float32[4, 2]
  /// let change = try model.repolicy(
  ///   DTypePolicyMap(default: .mixedBFloat16, ["dense_1": .float32]), sample: images, tolerance: 0.05)
  /// try change.undo()
  /// ```
  ///
  /// - Parameters:
  ///   - storage: whether weights are cast to what the policies store, or stay.
  ///   - sample: a batch whose outputs before and after are compared.
  ///   - tolerance: how far they may move, relative to the largest; `nil`: any finite distance.
  /// - Returns: what changed and what it cost; its `undo()` takes it back.
  /// - Throws: ``RepolicyError``, and what tracing the model under the new policies throws. The model is then as it was.
  @discardableResult
  public func repolicy(
    _ map: DTypePolicyMap, storage: RepolicyStorage = .recast, sample: Tensor? = nil, tolerance: Double? = nil
  ) throws -> Repolicy {
    try repolicy(sample: sample, tolerance: tolerance) { layer in
      let policy = try map.policy(forPath: layer.path)
      return storage == .keep ? try policy.storing(layer.policy.variableDType) : policy
    }
  }

  /// Has layers with kernels keep them in int8 and multiply in it from now on, and leaves every other layer as it is, as Keras 3's
  /// `quantize` does. Each follows the policy `int8_from_` that it had before.
  ///
  /// - Parameters:
  ///   - sample: a batch whose outputs before and after are compared.
  ///   - tolerance: how far they may move, relative to the largest; `nil`: any finite distance.
  /// - Returns: what changed and what it cost; its `undo()` takes it back.
  /// - Throws: `PolicyError` where the policy of such a layer cannot be quantized, and what re-policing throws. The model is then
  ///   as it was.
  @discardableResult
  public func quantize(sample: Tensor? = nil, tolerance: Double? = nil) throws -> Repolicy {
    let int8 = try Quantization(mode: Quantization.Method.int8.rawValue)
    let quantized: [any Layer.Type] = [Dense.self, EinsumDense.self]
    let names = Set(quantized.map { $0.className })
    return try repolicy(sample: sample, tolerance: tolerance) { layer in
      let isQuantized = !names.contains(layer.className) || layer.policy.quantization != nil
      return try isQuantized ? layer.policy : DTypePolicy(int8, from: layer.policy)
    }
  }

  /// - Parameter policy: what a layer follows from now on.
  private func repolicy(
    sample: Tensor?, tolerance: Double?, policy: (LayerRecord) throws -> DTypePolicy
  ) throws -> Repolicy {
    if let sample { try build(input: sample.type) }
    guard let before = built else { throw LayerError.notBuilt(model: "the model") }
    guard let inputs = sample.map({ Arguments(.tensor($0.type)) }) ?? before.inputs else {
      throw RepolicyError.unknownInputs
    }
    let records = try before.layers.map { layer in layer.following(try policy(layer)) }
    let (after, changes) = try recast(before, records, inputs)
    var outputs: Repolicy.OutputChange?
    if let sample {
      outputs = Repolicy.OutputChange(try run(sample, as: before), try run(sample, as: after))
    }
    if let outputs {
      guard outputs.newNonFinite == 0 else { throw RepolicyError.nonFiniteOutputs(elements: outputs.newNonFinite) }
      if let tolerance, outputs.relative > tolerance {
        throw RepolicyError.difference(relative: outputs.relative, tolerance: tolerance)
      }
    }
    try replace(before, by: after)
    return Repolicy(self, before: before, after: after, variables: changes, outputs: outputs)
  }

  /// The model with its weights in the dtypes that the layers ask for under their new policies.
  private func recast(
    _ before: BuiltModel, _ records: [LayerRecord], _ inputs: Arguments<TensorType>
  ) throws -> (BuiltModel, [Repolicy.VariableChange]) {
    let call = try TracedCall(
      self, inputs: inputs, isTraining: false, built: BuiltModel(variables: Variables(), layers: records)
    ) { _ in .constant }
    var variables = before.variables
    var changes = try variables.requantize(call.variables, runtime)
    for spec in call.variables {
      guard let old = variables[spec.path], old.dtype != spec.type.dtype else { continue }
      let new = try old.cast(to: spec.type.dtype)
      let change = Repolicy.VariableChange(path: spec.path, old, new)
      guard change.overflows == 0 else {
        throw RepolicyError.overflow(path: spec.path, dtype: new.dtype, elements: change.overflows)
      }
      variables.set(spec.path, new)
      changes.append(change)
    }
    return (BuiltModel(variables: variables, layers: call.layers, inputs: before.inputs ?? inputs), changes)
  }

  private func run(_ sample: Tensor, as built: BuiltModel) throws -> [Tensor] {
    let call = try TracedCall(self, inputs: Arguments(.tensor(sample.type)), isTraining: false, built: built) { _ in
      .constant
    }
    return try runtime.makePlan(call.graph).run([sample] + built.variables.tensors(at: call.variables.map(\.path)))
  }
}

extension DTypePolicy {
  /// The policy that computes as this one does and stores `dtype`.
  fileprivate func storing(_ dtype: DType?) throws(PolicyError) -> DTypePolicy {
    guard let dtype, let compute = computeDType, variableDType != dtype, quantization == nil else { return self }
    for named in [DTypePolicy.mixedFloat16, .mixedBFloat16]
    where named.computeDType == compute && named.variableDType == dtype && isPlain { return named.from(origin) }
    return try DTypePolicy(
      parameters: dtype, compute: compute, output: outputDType, accumulator: accumulatorDType,
      reduction: reductionDType, gradient: gradientDType, operations: operationDTypes, layers: layerPolicies
    ).from(origin)
  }

  private var isPlain: Bool {
    outputDType == computeDType && accumulatorDType == nil && reductionDType == nil && gradientDType == nil
      && operationDTypes.isEmpty && layerPolicies.isEmpty
  }
}
