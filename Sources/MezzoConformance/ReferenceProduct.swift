import MezzoBackend
import MezzoGraph
import MezzoPolicy

/// Products that are too large for plain loops: computed in float64 by another backend.
///
/// The same backend also multiplies the magnitudes, which is the measure of what a sum may be off.
struct ReferenceProduct {
  var backend: any Backend
  var threads: Int

  /// Multiplications from which plain loops take too long.
  static let limit = 200_000

  /// `nil` where plain loops do, or where the backend has no product in float64.
  func expectation(_ request: OperationRequest, _ inputs: [[Double]], old: [[Double]]) -> Expectation? {
    guard request.code == .matmul, request.epilogue.isEmpty, let depth = request.inputs[0].shape.last,
      let count = request.results[0].type.checkedCount, count * depth > Self.limit,
      let values = multiply(request, inputs), let magnitudes = multiply(request, inputs.map { $0.map(\.magnitude) })
    else { return nil }
    return ProductBlend(request, old: old.first).expectation(values, magnitudes, depth: depth)
  }

  private func multiply(_ request: OperationRequest, _ values: [[Double]]) -> [Double]? {
    func widen(_ operand: Operand) -> Operand { Operand(dtype: .float64, shape: operand.shape) }
    let wide = OperationRequest(.matmul, inputs: request.inputs.map(widen), results: request.results.map(widen))
    let inputs = zip(wide.inputs, values).compactMap { try? Tensor($1, shape: $0.shape, dtype: .float64) }
    return try? backend.compute(wide, inputs, threads: threads).first?.scalars()
  }
}
