package import CMezzoABI
package import MezzoBackend
import MezzoPolicy

/// Lays an operation request out as the C structs of the ABI for the length of one call.
package enum RequestMarshaller {
  package static func withOperation(
    _ request: OperationRequest, backend: String, _ body: (UnsafePointer<mezzo_op>) throws(BackendError) -> Void
  ) throws(BackendError) {
    let arena = Arena()
    defer { arena.deallocate() }
    var operands: [mezzo_operand] = []
    for operand in request.inputs + request.results {
      guard let dtype = operand.dtype.abi else {
        throw BackendError(
          backend: backend, kind: .declined(.dtype), message: "\(operand.dtype.name) does not cross the plugin boundary"
        )
      }
      guard operand.strides.count == operand.shape.count else {
        throw BackendError(
          backend: backend, kind: .invalid,
          message: "an operand of shape \(operand.shape) has the strides \(operand.strides); each axis has one")
      }
      if let quantization = operand.quantization, quantization.scaleShape(operand.shape) == nil {
        throw BackendError(
          backend: backend, kind: .invalid,
          message: "an operand of shape \(operand.shape) is quantized along axis \(quantization.axis ?? -1) in groups "
            + "of \(quantization.group ?? 0); expected one of its axes, and a group of 1 or more")
      }
      let key = operand.packKey ?? []
      operands.append(
        mezzo_operand(
          dtype: dtype, ndim: Int32(operand.shape.count), flags: operand.abiFlags, layout: operand.abiLayout,
          shape: arena.copy(operand.shape.map(Int64.init)), strides: arena.copy(operand.strides.map(Int64.init)),
          quant: operand.quantization.map { arena.copy([$0.abi()]) },
          pack_key: (key.first ?? 0, key.dropFirst().first ?? 0)))
    }
    let attributes = request.attributes.map { attribute($0, arena) }
    let epilogue = request.epilogue.map { step in
      var raw = mezzo_epilogue()
      raw.kind = step.abiKind
      raw.operand = step.operand.flatMap(UInt32.init(exactly:)) ?? .max
      if case .scale(let factor) = step { raw.a = factor }
      if case .cast(let dtype) = step, let abi = dtype.abi { raw.to = abi }
      return raw
    }
    let results = request.results.count
    let operation = mezzo_op(
      struct_size: UInt32(MemoryLayout<mezzo_op>.size), op: request.code.rawValue, name: arena.copy(request.code.name),
      operands: arena.copy(operands), n_in: UInt32(request.inputs.count), n_out: UInt32(results),
      operand_stride: UInt32(MemoryLayout<mezzo_operand>.stride), n_attrs: UInt32(attributes.count),
      attrs: arena.copy(attributes), epilogue: arena.copy(epilogue), n_epilogue: UInt32(epilogue.count),
      attr_stride: UInt32(MemoryLayout<mezzo_attr>.stride),
      epilogue_stride: UInt32(MemoryLayout<mezzo_epilogue>.stride), reserved: 0,
      want: mezzo_numerics(
        accum: request.accumulator.abi ?? mezzo_dtype(), rounding: 0,
        denormals: request.numerics.keepsDenormals ? 0 : 1,
        deterministic: request.numerics.isDeterministic ? 1 : 0, math_mode: request.numerics.isStrictMath ? 0 : 1,
        rel_tol: 0, reserved: 0))
    try body(arena.copy([operation]))
  }

  private static func attribute(_ attribute: Attribute, _ arena: Arena) -> mezzo_attr {
    var raw = mezzo_attr()
    raw.name = arena.copy(attribute.name)
    switch attribute.value {
    case .int(let value):
      raw.kind = UInt32(MEZZO_ATTR_INT)
      raw.v.i = Int64(value)
    case .float(let value):
      raw.kind = UInt32(MEZZO_ATTR_FLOAT)
      raw.v.f = value
    case .ints(let values):
      raw.kind = UInt32(MEZZO_ATTR_INTS)
      raw.count = UInt32(values.count)
      raw.v.iv = arena.copy(values.map(Int64.init))
    }
    return raw
  }

  /// Owns the copies that the C structs point to.
  private final class Arena {
    private var blocks: [UnsafeMutableRawPointer] = []

    func copy<T>(_ values: [T]) -> UnsafePointer<T> {
      let block = UnsafeMutablePointer<T>.allocate(capacity: max(values.count, 1))
      block.initialize(from: values, count: values.count)
      blocks.append(UnsafeMutableRawPointer(block))
      return UnsafePointer(block)
    }

    func copy(_ text: String) -> UnsafePointer<CChar> { copy(Array(text.utf8CString)) }

    func deallocate() { blocks.forEach { $0.deallocate() } }
  }
}
