import CMezzoABI
import MezzoBackend
import MezzoPolicy

@testable import MezzoPlugins

/// `relu` of a float32 vector, as the runtime would ask for it.
func reluRequest(_ count: Int, isConstant: Bool = false) -> OperationRequest {
  OperationRequest(
    .relu, inputs: [Operand(dtype: .float32, shape: [count], isConstant: isConstant)],
    results: [Operand(dtype: .float32, shape: [count])])
}

/// Runs an operation with one operand and one result of the operand's shape.
func execute(_ operation: any PreparedOperation, on values: [Float]) throws -> [Float] {
  var (values, results) = (values, [Float](repeating: -1, count: values.count))
  var shape = [Int64(values.count)]
  var strides: [Int64] = [1]
  let buffer = ErrorBuffer()
  defer { buffer.deallocate() }
  let status = values.withUnsafeMutableBytes { values in
    results.withUnsafeMutableBytes { results in
      shape.withUnsafeMutableBufferPointer { shape in
        strides.withUnsafeMutableBufferPointer { strides in
          func tensor(_ data: UnsafeMutableRawBufferPointer) -> mezzo_tensor {
            var tensor = mezzo_tensor()
            tensor.data = data.baseAddress
            tensor.device = mezzo_device(type: 1, id: 0)
            tensor.ndim = 1
            tensor.dtype = mezzo_dtype(code: UInt8(MEZZO_FLOAT), bits: 32, lanes: 1)
            tensor.shape = shape.baseAddress
            tensor.strides = strides.baseAddress
            tensor.nbytes = UInt64(data.count)
            return tensor
          }
          var (input, output) = (tensor(values), tensor(results))
          let stride = UInt32(MemoryLayout<mezzo_tensor>.stride)
          return withUnsafeMutablePointer(to: &input) { input in
            withUnsafeMutablePointer(to: &output) { output in
              var frame = mezzo_exec_args()
              frame.h.struct_size = UInt32(MemoryLayout<mezzo_exec_args>.size)
              frame.h.err = buffer.pointer
              frame.in = mezzo_tensors(at: input, count: 1, stride: stride)
              frame.out = mezzo_tensors(at: output, count: 1, stride: stride)
              return operation.execute(&frame)
            }
          }
        }
      }
    }
  }
  if status != mezzo_status(MEZZO_OK) { throw buffer.error(status, backend: "test") }
  return results
}
