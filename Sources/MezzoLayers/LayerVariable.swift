public import MezzoGraph
public import MezzoPolicy

/// A variable as a layer holds it: stored in one dtype, read in the dtype that the place of reading asks for.
///
/// ```swift
/// struct Centered: Layer {
///   var policy = globalPolicy()
///   func call(_ input: SymbolicTensor, _ context: LayerContext) throws -> SymbolicTensor {
///     let mean = try context.parameter("moving_mean", shape: [8], initializer: .zeros, isTrainable: false)
///     let old = try mean.value(in: context)  // in the compute dtype of a mixed layer
///     try context.assign(mean, old * 0.9 + input.mean(axes: [0]) * 0.1)  // stored in full precision
///     return try input - old
///   }
/// }
/// let output = try Model(Centered())(Tensor(zeros: TensorType(.float32, [2, 8])))  // float32[2, 8]
/// ```
public struct LayerVariable {
  /// The path in the model: `encoder.dense_1.kernel`.
  public let path: String

  /// What is stored, in the stored dtype, as it was when the call began.
  public let stored: SymbolicTensor

  /// Whether reads follow the layer that is being called: TensorFlow 2.4's `AutoCastVariable`. That is so for floating
  /// variables of layers whose compute and variable dtypes differ, unless they opted out.
  public let isAutocast: Bool

  /// The dtype in which it is stored, wherever it is read.
  public var dtype: DType { stored.dtype }

  /// What is stored, or what was assigned since, in ``LayerContext/readDType`` if the variable follows it, else as it
  /// is stored.
  ///
  /// - Parameter context: of the layer that reads, which may be another than the one that owns the variable.
  public func value(in context: LayerContext) throws -> SymbolicTensor {
    let value = context.variables.current(self)
    guard isAutocast else { return value }
    let name = path.split(separator: ".").last.map(String.init) ?? path
    return try context.cast(.variable, name, value, to: context.readDType)
  }

  /// The same variable, following the layer that is being called although its own layer is not mixed.
  ///
  /// - Throws: ``LayerError/nonFloatingVariable(path:dtype:)``, since nothing but floating point is ever cast.
  public func autocasting() throws(LayerError) -> LayerVariable {
    guard dtype.isFloatingPoint else { throw .nonFloatingVariable(path: path, dtype: dtype.name) }
    return LayerVariable(path: path, stored: stored, isAutocast: true)
  }
  /// What it is and what it is read as: `<LayerVariable 'dense.kernel' shape=[3, 2] dtype=float32 read as float16>`.
  ///
  /// - Parameter context: of the layer that reads.
  public func description(in context: LayerContext) -> String {
    let read = isAutocast ? context.readDType ?? dtype : dtype
    return "<LayerVariable '\(path)' shape=\(stored.shape) dtype=\(dtype.name) read as \(read.name)>"
  }
}
