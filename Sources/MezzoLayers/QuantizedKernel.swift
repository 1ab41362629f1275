import MezzoBackend
package import MezzoGraph
import MezzoPolicy
package import MezzoRuntime

/// A kernel in int8: its values are its elements, from −127 to 127, divided by a scale for each place along the axes that a
/// product does not sum. So Keras 3 keeps it.
struct QuantizedKernel {
  var values: Tensor
  var scale: Tensor

  /// Where the scale of the kernel at `path` is.
  static func scalePath(_ path: String) -> String { "\(path)_scale" }

  static let limitName = "input_limit"

  /// Where a layer keeps what becomes 127 of its inputs.
  static func limitPath(layer: String) -> String { layer.isEmpty ? limitName : "\(layer).\(limitName)" }

  /// Of a kernel of this shape: its extents, with 1 where it is summed and nothing at all in front.
  static func scaleShape(_ kernel: [Int], summed: [Int]) -> [Int] {
    let kept = kernel.indices.map { summed.contains($0) ? 1 : kernel[$0] }
    return Array(kept.dropFirst(kept.indices.prefix { summed.contains($0) }.count))
  }

  /// What it stands for.
  func dequantized(_ dtype: DType, _ runtime: Runtime) throws -> Tensor {
    let trace = Trace()
    let (elements, scale) = (trace.input(values.type, name: "kernel"), trace.input(self.scale.type, name: "scale"))
    let plan = try runtime.makePlan(
      trace.finish([try (elements.cast(to: self.scale.dtype) / scale).cast(to: dtype)]))
    return try plan.run([values, self.scale])[0]
  }
}

/// Quantizes kernels, those of one type on one plan.
package struct KernelQuantizer {
  private let runtime: Runtime
  private var plans: [[TensorType]: Plan] = [:]

  package init(_ runtime: Runtime) { self.runtime = runtime }

  /// Of a row of zeros, which has no largest magnitude to be divided by: Keras's epsilon instead.
  private static let largestScale = 127 / 1e-7

  /// Quantizes `kernel`, symmetrically and with the largest magnitude as 127.
  ///
  /// - Parameter scale: the type of the scale, whose extents are 1, or left out in front, where the kernel is summed.
  mutating func quantize(_ kernel: Tensor, scale: TensorType) throws -> QuantizedKernel {
    let types = [kernel.type, scale]
    let plan = try plans[types] ?? plan(kernel.type, scale)
    plans[types] = plan
    let results = try plan.run([kernel])
    let factors = results[1].scalars().map { $0 == 0 ? Self.largestScale : 1 / $0 }
    return QuantizedKernel(
      values: results[0], scale: try Tensor(factors, shape: scale.shape, dtype: scale.dtype))
  }

  private func plan(_ kernel: TensorType, _ scale: TensorType) throws -> Plan {
    let (kept, summed) = Self.axes(kernel.shape, scale.shape)
    let trace = Trace()
    let input = trace.input(kernel, name: "kernel")
    let turned = try input.cast(to: scale.dtype).transposed(kept + summed)
    func extent(_ axes: [Int]) -> Int { axes.map { kernel.shape[$0] }.reduce(1, *) }
    let quantized = try turned.reshaped([extent(kept), extent(summed)]).quantized(isSymmetric: true)
    let back = (kept + summed).enumerated().sorted { $0.element < $1.element }.map(\.offset)
    return try runtime.makePlan(
      trace.finish([try quantized.values.reshaped(turned.shape).transposed(back), quantized.scale]))
  }

  /// The axes of a kernel that a product keeps, and those that it sums.
  private static func axes(_ kernel: [Int], _ scale: [Int]) -> (kept: [Int], summed: [Int]) {
    let leading = kernel.count - scale.count
    let kept = kernel.indices.filter { $0 >= leading && scale[$0 - leading] == kernel[$0] }
    return (kept, kernel.indices.filter { !kept.contains($0) })
  }
}

extension VariableSpec {
  /// What its initializer makes.
  var initialized: TensorType { TensorType(quantizedFrom ?? type.dtype, type.shape) }
}

extension Variables {
  /// Whether the variable at `path` is a kernel in int8 that has a scale.
  package func isQuantized(_ path: String) -> Bool {
    self[path]?.dtype == .int8 && self[QuantizedKernel.scalePath(path)] != nil
  }

  /// Where the scales of kernels in int8 are.
  package var quantizedScales: Set<String> { Set(paths.filter(isQuantized).map(QuantizedKernel.scalePath)) }

  /// Replaces the kernel in int8 at `path`, and its scale, by what a floating kernel of its shape gives.
  package mutating func setQuantized(_ path: String, _ kernel: Tensor, _ quantizer: inout KernelQuantizer) throws {
    let scalePath = QuantizedKernel.scalePath(path)
    guard let scale = self[scalePath]?.type else {
      throw LayerError.unknownVariables(expected: [scalePath], found: paths)
    }
    let quantized = try quantizer.quantize(kernel, scale: scale)
    set(path, quantized.values, isTrainable: isTrainable(path))
    set(scalePath, quantized.scale, isTrainable: isTrainable(scalePath))
  }

  /// Quantizes kernels that are to be in int8 and are floating as yet. Their scales are there, whatever they hold.
  mutating func quantize(_ specs: [VariableSpec], _ runtime: Runtime) throws {
    var quantizer = KernelQuantizer(runtime)
    for spec in specs where spec.quantizedFrom != nil {
      guard let kernel = self[spec.path], kernel.dtype.isFloatingPoint else { continue }
      try setQuantized(spec.path, kernel, &quantizer)
    }
  }

  /// Quantizes kernels that are to be in int8 from now on, and gives back what they stand for to those that are not any more.
  ///
  /// - Returns: what it cost.
  mutating func requantize(_ specs: [VariableSpec], _ runtime: Runtime) throws -> [Repolicy.VariableChange] {
    var changes: [Repolicy.VariableChange] = []
    var quantizer = KernelQuantizer(runtime)
    for spec in specs {
      let scalePath = QuantizedKernel.scalePath(spec.path)
      if isQuantized(spec.path), spec.quantizedFrom == nil, let values = self[spec.path], let scale = self[scalePath] {
        let kernel = QuantizedKernel(values: values, scale: scale)
        set(spec.path, try kernel.dequantized(spec.type.dtype, runtime), isTrainable: spec.isTrainable || spec.isFrozen)
        remove(scalePath)
        remove(QuantizedKernel.limitPath(layer: spec.layer))
      } else if spec.quantizedFrom != nil, let old = self[spec.path], old.dtype.isFloatingPoint,
        let scale = specs.first(where: { $0.path == scalePath })?.type
      {
        let kernel = try quantizer.quantize(old, scale: scale)
        set(spec.path, kernel.values, isTrainable: false)
        set(scalePath, kernel.scale, isTrainable: false)
        let change = Repolicy.VariableChange(path: spec.path, old, try kernel.dequantized(old.dtype, runtime))
        changes.append(change.storing(.int8))
      }
    }
    return changes
  }
}
