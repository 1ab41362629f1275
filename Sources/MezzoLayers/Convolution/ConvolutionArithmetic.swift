import MezzoGraph
import MezzoPolicy

/// Convolution as a product: windows laid out side by side, times the kernel.
struct ConvolutionArithmetic {
  var geometry: WindowGeometry
  var groups: Int

  /// `[batch, …, channels]` and `[size…, channels ∕ groups, filters] -> [batch · out…, filters]`, summed in at least
  /// float32.
  ///
  /// - Returns: the rows, and the shape that they are to be given: what follows may still join the product.
  func rows(
    _ x: SymbolicTensor, _ kernel: SymbolicTensor, _ context: LayerContext
  ) throws -> (rows: SymbolicTensor, shape: [Int]) {
    let axes = geometry.size.count
    let (channels, filters) = (x.shape[x.rank - 1], kernel.shape[kernel.rank - 1])
    // A window of several groups has two axes more; backends take eight.
    if groups > 1, 2 * axes + 3 > 8 { return try byGroup(x, kernel, context) }
    let grouped = try groups == 1 ? x : x.reshaped(x.shape.dropLast() + [groups, channels / groups])
    let windows = try geometry.windows(grouped, value: 0, context)
    let out = Array(windows.shape[...axes])
    let (places, taps) = (out.reduce(1, *), geometry.size.reduce(1, *) * (channels / groups))
    if groups == 1 {
      return (try windows.reshaped([places, taps]).matmul(kernel.reshaped([taps, filters])), out + [filters])
    }
    // The groups are a batch of products.
    let group = windows.rank - 2
    let matrices = try windows.transposed([group] + Array(0..<group) + [group + 1]).reshaped([groups, places, taps])
    let kernels = try kernel.reshaped([taps, groups, filters / groups]).transposed([1, 0, 2])
    let product = try matrices.matmul(kernels).transposed([1, 0, 2])
    return (try product.reshaped([places, filters]), out + [filters])
  }

  private func byGroup(
    _ x: SymbolicTensor, _ kernel: SymbolicTensor, _ context: LayerContext
  ) throws -> (rows: SymbolicTensor, shape: [Int]) {
    let single = ConvolutionArithmetic(geometry: geometry, groups: 1)
    let parts = try zip(try x.split(axis: -1, into: groups), try kernel.split(axis: -1, into: groups)).map {
      try single.rows($0, $1, context)
    }
    let rows = try SymbolicTensor.concatenate(parts.map(\.rows), axis: -1)
    return (rows, parts[0].shape.dropLast() + [rows.shape[1]])
  }

  /// The transpose: `[batch, …, channels]` and `[size…, filters, channels] -> [batch, out…, filters]`, where every
  /// element adds a window to the output; summed in at least float32.
  func transposed(_ x: SymbolicTensor, _ kernel: SymbolicTensor, out: [Int]) throws -> SymbolicTensor {
    let axes = geometry.size.count
    let (channels, filters) = (x.shape[x.rank - 1], kernel.shape[kernel.rank - 2])
    let extents = Array(x.shape[1...axes])
    let places = x.shape.dropLast().reduce(1, *)
    let taps = geometry.size.reduce(1, *) * filters
    let windows = try x.reshaped([places, channels]).matmul(kernel.reshaped([taps, channels]).transposed())
      .atLeastFloat32().reshaped(x.shape[...axes] + geometry.size + [filters])
    // Where the windows of a convolution from `out` to these extents would begin.
    let low = extents.indices.map { axis in
      geometry.padding == .same
        ? max((extents[axis] - 1) * geometry.strides[axis] + geometry.span[axis] - out[axis], 0) / 2 : 0
    }
    let full = extents.indices.map { axis in
      max((extents[axis] - 1) * geometry.strides[axis] + geometry.span[axis], low[axis] + out[axis])
    }
    return try windows.windowSum(shape: full, strides: geometry.strides, dilations: geometry.dilations)
      .sliced(start: [0] + low + [0], count: x.shape[..<1] + out + [filters]).cast(to: x.dtype)
  }
}
