import MezzoBackend
import MezzoConformance
import MezzoGraph
import MezzoPlugins
import MezzoPolicy
import MezzoRuntime
import Testing

/// One operation of the built-in backend on dense tensors.
func compute(
  _ code: OperationCode, _ inputs: [Tensor], to results: TensorType..., attributes: [Attribute] = [], threads: Int = 1
) throws -> [Tensor] {
  let backend = try #require(BackendRegistry.builtin().backends.first)
  let request = OperationRequest(
    code, attributes: attributes, inputs: inputs.map { Operand(dtype: $0.dtype, shape: $0.shape) },
    results: results.map { Operand(dtype: $0.dtype, shape: $0.shape) })
  return try backend.compute(request, inputs, threads: threads)
}

/// The elements of a tensor as they are stored.
func elements<T>(_ tensor: Tensor, as: T.Type) -> [T] {
  tensor.withUnsafeBytes { Array($0.bindMemory(to: T.self)) }
}

/// A tensor of elements as they are stored.
func tensor<T>(_ elements: [T], _ dtype: DType) throws -> Tensor {
  try elements.withUnsafeBytes { try Tensor(bytes: Array($0), shape: [elements.count], dtype: dtype) }
}
