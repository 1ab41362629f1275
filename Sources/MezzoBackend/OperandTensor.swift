public import CMezzoABI
import MezzoPolicy

/// An operand as the ABI's `mezzo_tensor`, with the arrays that it points to.
///
/// `tensor` is a template: whoever calls copies it, sets `data`, and keeps this object for as long as the copy is used.
public final class OperandTensor: @unchecked Sendable {
  // Sound to share: what is pointed to is written in init and only read afterwards.
  public let tensor: mezzo_tensor
  private let extents: UnsafeMutablePointer<Int64>
  private let quantization: UnsafeMutablePointer<mezzo_quant>?

  /// - Parameters:
  ///   - scale: the scales of a quantized operand, and `zero` its zero points; the caller keeps them.
  public init(
    _ operand: Operand, byteCount: Int, scale: UnsafeRawPointer? = nil, zero: UnsafeRawPointer? = nil
  ) {
    let rank = min(operand.shape.count, operand.strides.count)
    extents = .allocate(capacity: max(2 * rank, 1))
    for axis in 0..<rank {
      extents[axis] = Int64(operand.shape[axis])
      extents[rank + axis] = Int64(operand.strides[axis])
    }
    var tensor = mezzo_tensor()
    tensor.device = mezzo_device(type: Int32(MEZZO_DEVICE_CPU), id: 0)
    tensor.ndim = Int32(rank)
    tensor.dtype = operand.dtype.abi ?? mezzo_dtype()
    tensor.shape = extents
    tensor.strides = extents + rank
    tensor.layout = operand.abiLayout
    tensor.flags = operand.abiFlags
    tensor.nbytes = UInt64(byteCount)
    quantization = operand.quantization.map { quantization in
      let block = UnsafeMutablePointer<mezzo_quant>.allocate(capacity: 1)
      block.initialize(to: quantization.abi(scale: scale, zero: zero))
      return block
    }
    tensor.quant = UnsafePointer(quantization)
    self.tensor = tensor
  }

  deinit {
    extents.deallocate()
    quantization?.deallocate()
  }
}

extension Operand {
  /// The ABI's `MEZZO_T_*`.
  public var abiFlags: UInt32 { isConstant ? UInt32(MEZZO_T_CONST) : 0 }

  /// The ABI's `MEZZO_LAYOUT_*`.
  public var abiLayout: UInt32 { UInt32(packKey == nil ? MEZZO_LAYOUT_STRIDED : MEZZO_LAYOUT_PACKED) }
}

extension OperandQuantization {
  /// - Parameters: the scales and zero points, `nil` while planning.
  public func abi(scale: UnsafeRawPointer? = nil, zero: UnsafeRawPointer? = nil) -> mezzo_quant {
    mezzo_quant(
      struct_size: UInt32(MemoryLayout<mezzo_quant>.size), axis: Int32(clamping: axis ?? -1), group: Int64(group ?? 0),
      scale: scale, zero: zero, scale_dtype: self.scale.abi ?? mezzo_dtype(),
      zero_dtype: self.zero?.abi ?? mezzo_dtype())
  }
}
