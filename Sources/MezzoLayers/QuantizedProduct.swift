import MezzoBackend
import MezzoGraph
import MezzoPolicy

/// Rows of an input in int8, and for each what it is multiplied with and what stands for 0.
struct QuantizedRows {
  var values: SymbolicTensor
  var scale: SymbolicTensor
  var zero: SymbolicTensor
  /// In floating point.
  var rows: SymbolicTensor

  /// The input, and the order of its axes in its rows.
  struct Key: Hashable {
    var input: Graph.ValueID
    var order: [Int]
    var dtype: DType
    /// What becomes 127, if that is known before.
    var limit: Graph.ValueID?
  }
}

extension LayerContext {
  /// Whether products with kernels of the layer that is being called are in int8, and so the kernels.
  var quantizesKernels: Bool { policy.quantization?.method == .int8 }

  /// A kernel in int8, and what its elements are divided by.
  struct Kernel {
    var values: SymbolicTensor
    var scale: SymbolicTensor
  }

  /// The variables `kernel` in int8 and `kernel_scale`, as Keras 3 has them.
  ///
  /// - Parameter summed: the axes of the kernel that the product sums, along which a scale is shared.
  func quantizedKernel(shape: [Int], summed: [Int], initializer: Initializer) throws -> Kernel {
    guard !isTraining || isFrozen else { throw LayerError.quantizedTraining(layer: path, policy: policy.name) }
    let wide: DType = policy.computeDType == .float64 ? .float64 : .float32
    let kernel = try quantizedParameter("kernel", shape: shape, initializer: initializer, from: wide)
    note(LayerCast(kind: .quantized, name: "kernel", from: wide, to: .int8))
    let scale = try parameter(
      QuantizedKernel.scalePath("kernel"), shape: QuantizedKernel.scaleShape(shape, summed: summed), initializer: .ones,
      dtype: wide, isTrainable: false, autocast: false)
    return try Kernel(values: kernel.value(in: self), scale: scale.value(in: self))
  }

  /// The product of rows, each brought to int8 by its own range, and a kernel `[summed, columns]`.
  ///
  /// - Parameters:
  ///   - rows: `[rows, summed]`, in the dtype of the result.
  ///   - input: what `rows` was made of, with its axes in `order`.
  func product(_ rows: SymbolicTensor, of input: SymbolicTensor, order: [Int], _ kernel: Kernel) throws
    -> SymbolicTensor
  {
    let limit = try inputLimit()
    let key = QuantizedRows.Key(
      input: input.id, order: order + [rows.shape[0]], dtype: rows.dtype, limit: limit?.id)
    let known: QuantizedRows
    if let shared = quantizedRows[key] {
      known = shared
    } else {
      let made = try rows.quantized(limit: limit)
      known = QuantizedRows(values: made.values, scale: made.scale, zero: made.zero, rows: rows)
      quantizedRows[key] = known
    }
    quantizedInputs[path] = known.rows
    note(LayerCast(kind: .quantized, name: "input", from: rows.dtype, to: .int8))
    let columns = try 1 / kernel.scale.reshaped([kernel.values.shape[1]])
    return try known.values.quantizedMatmul(
      kernel.values, rows: known.scale, columns: columns, zero: known.zero, to: rows.dtype)
  }

  /// The largest magnitude of the layer's inputs, where ``Model/calibrate(_:)`` found one.
  private func inputLimit() throws -> SymbolicTensor? {
    let path = QuantizedKernel.limitPath(layer: path)
    guard let type = built?.variables[path]?.type else { return nil }
    return try parameter(
      QuantizedKernel.limitName, shape: [], initializer: .zeros, dtype: type.dtype, isTrainable: false, autocast: false
    ).value(in: self)
  }
}
