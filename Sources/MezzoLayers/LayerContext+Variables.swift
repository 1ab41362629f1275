public import MezzoGraph
public import MezzoPolicy
import MezzoBackend

extension LayerContext {
  /// A variable of this layer, read here: ``parameter(_:shape:initializer:dtype:isTrainable:autocast:regularizer:constraint:)``
  /// and ``LayerVariable/value(in:)`` in one.
  public func variable(
    _ name: String, shape: [Int], initializer: Initializer? = nil, dtype: DType? = nil,
    isTrainable: Bool = true,
    autocast: Bool = true, regularizer: Regularizer? = nil, constraint: Constraint? = nil
  ) throws -> SymbolicTensor {
    try parameter(
      name, shape: shape, initializer: initializer, dtype: dtype, isTrainable: isTrainable,
      autocast: autocast,
      regularizer: regularizer, constraint: constraint
    ).value(in: self)
  }

  /// A variable of this layer, made at the first call and found by its name at every other. The rules are those of
  /// TensorFlow 2.4's `add_weight`.
  ///
  /// - Parameters:
  ///   - shape: the stored shape, such as `[inputs, units]`.
  ///   - initializer: by default `glorotUniform` for floating variables and `zeros` for integers and booleans.
  ///   - dtype: what it is stored in; by default the policy's variable dtype. While the policy is still
  ///     `DTypePolicy.infer` it is `floatx()`, and decides the policy.
  ///   - isTrainable: whether training changes it by its gradient. Variables that are not floating have none.
  ///   - autocast: whether a layer whose compute and variable dtypes differ reads it in its compute dtype.
  ///   - regularizer: what it adds to the loss.
  ///   - constraint: what training brings it back to after every update.
  /// - Throws: `LayerError`, naming the variable.
  public func parameter(
    _ name: String, shape: [Int], initializer: Initializer? = nil, dtype: DType? = nil,
    isTrainable: Bool = true,
    autocast: Bool = true, regularizer: Regularizer? = nil, constraint: Constraint? = nil
  ) throws -> LayerVariable {
    try parameter(
      name, shape: shape, initializer: initializer, dtype: dtype, isTrainable: isTrainable,
      autocast: autocast,
      regularizer: regularizer, constraint: constraint, isState: false, quantizedFrom: nil)
  }

  /// What a layer keeps from one call to the next, in inference too, where ``assign(_:_:)`` changes it as well: the state of
  /// a stateful layer. Begins as 0, and becomes 0 again by ``Model/resetStates()``.
  ///
  /// - Parameter dtype: what it is stored and read in.
  public func state(_ name: String, shape: [Int], dtype: DType) throws -> LayerVariable {
    try parameter(
      name, shape: shape, initializer: .zeros, dtype: dtype, isTrainable: false, autocast: false,
      regularizer: nil,
      constraint: nil, isState: true, quantizedFrom: nil)
  }

  /// A kernel that is kept in int8, whose initializer says what it is quantized from.
  func quantizedParameter(
    _ name: String, shape: [Int], initializer: Initializer?, from dtype: DType
  ) throws -> LayerVariable {
    try parameter(
      name, shape: shape, initializer: initializer, dtype: .int8, isTrainable: false, autocast: false, regularizer: nil,
      constraint: nil, isState: false, quantizedFrom: dtype)
  }

  private func parameter(
    _ name: String, shape: [Int], initializer: Initializer?, dtype: DType?, isTrainable: Bool,
    autocast: Bool,
    regularizer: Regularizer?, constraint: Constraint?, isState: Bool, quantizedFrom: DType?
  ) throws -> LayerVariable {
    let dtype = dtype ?? policy.variableDType ?? floatx()
    decide(by: dtype)
    let path = path.isEmpty ? name : "\(path).\(name)"
    let isFloating = dtype.isFloatingPoint
    guard !isFloating || policy.quantization == nil || quantizesKernels else {
      throw LayerError.quantizedPolicy(layer: self.path, policy: policy.name)
    }
    let isTrained = isTrainable && isFloating
    let isFrozen = isTrained && freezing.isFrozen(path)
    let spec = VariableSpec(
      path: path, type: TensorType(dtype, shape),
      initializer: try Initializer.usable(initializer, path: path, dtype: quantizedFrom ?? dtype),
      isTrainable: isTrained && !isFrozen, isFrozen: isFrozen, isState: isState,
      regularizer: try regularizer?.usable(path: path, rank: shape.count),
      constraint: try constraint?.usable(path: path, rank: shape.count),
      gradientDType: policy.gradientDType, quantizedFrom: quantizedFrom)
    if let known = try variables.known(spec) { return known }
    if let type = built?.variables[path]?.type { try spec.require(type) }
    let variable = LayerVariable(
      path: path, stored: trace.input(spec.type, name: path, role: role(spec)),
      isAutocast: autocast && isFloating && policy.computeDType != policy.variableDType)
    variables.add(variable, spec)
    return variable
  }

  /// Replaces what is stored, in full precision: `value` is rounded once, to the stored dtype. Reads that follow in
  /// this call see it. The model's variable changes when a training step whose gradients are finite runs; every other
  /// call leaves it as it was.
  ///
  /// In TensorFlow a step that is skipped for its gradients assigns all the same, which lets the infinities of one step
  /// into moving statistics for good.
  ///
  /// - Parameter value: of the variable's shape.
  /// - Throws: ``LayerError/assignment(path:expected:found:)`` for another shape, and for a trainable variable, which only
  ///   the optimizer changes.
  public func assign(_ variable: LayerVariable, _ value: SymbolicTensor) throws {
    guard !variables.isTrained(variable.path) else {
      throw LayerError.assignment(
        path: variable.path, expected: "a variable with isTrainable: false", found: "a trainable one")
    }
    guard value.shape == variable.stored.shape else {
      throw LayerError.assignment(
        path: variable.path, expected: "a value of the shape \(variable.stored.shape)", found: "\(value.type)")
    }
    variables.assign(variable.path, try value.cast(to: variable.dtype))
  }
}
