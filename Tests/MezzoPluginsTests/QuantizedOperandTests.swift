import CMezzoABI
import MezzoBackend
import MezzoPolicy
import Testing

@testable import MezzoPlugins

/// int4 weights with scales and zero points by groups, as a backend in C sees them.
@Suite(.enabled(if: TestPlugin.compiler != nil)) struct QuantizedOperandTests {
  /// y[i] = relu of the value that element i of the quantized x stands for.
  private static let plugin = TestPlugin(
    plan: """
      const mezzo_operand *x = args->op->operands;
      if (x->quant != NULL && (x->quant->scale != NULL || x->quant->zero != NULL || x->quant->axis != 1))
        return say(args->h.err, MEZZO_INTERNAL, "not as planned");
      if (x->layout == MEZZO_LAYOUT_PACKED && (x->pack_key[0] != 5 || x->pack_key[1] != 6))
        return say(args->h.err, MEZZO_UNSUPPORTED, "another form");
      """,
    execute: """
      const mezzo_tensor *source = args->in.at;
      if (source->quant != NULL) {
        const mezzo_quant *q = source->quant;
        if (q->scale_dtype.bits != 32 || q->zero_dtype.bits != 8 || source->dtype.bits != 4 || q->group != 2) return MEZZO_INVALID;
        int64_t groups = (source->shape[1] + q->group - 1) / q->group;
        for (int64_t i = 0; i < source->shape[0]; i++)
          for (int64_t j = 0; j < source->shape[1]; j++) {
            int64_t at = i * source->strides[0] + j, scale = i * groups + j / q->group;
            int bits = ((const uint8_t *)source->data)[at / 2] >> (at % 2 * 4) & 15;
            float value = (float)((bits ^ 8) - 8 - ((const int8_t *)q->zero)[scale]) * ((const float *)q->scale)[scale];
            ((float *)args->out.at[0].data)[i * source->shape[1] + j] = value > 0 ? value : 0;
          }
        return MEZZO_OK;
      }
      """,
    rule:
      ".op = MEZZO_OP_RELU, .name = \"int4\", .sig = \"x:i4[m,n] -> y:f32[m,n]\", .numerics = {.accum = {2, 32, 1}}, "
      + ".flags = MEZZO_R_DETERMINISTIC | MEZZO_R_QUANTIZED | MEZZO_R_PREPACKS | MEZZO_R_REENTRANT",
    flags: "MEZZO_R_DETERMINISTIC | MEZZO_R_REENTRANT")

  private func request(_ operand: Operand) -> OperationRequest {
    OperationRequest(.relu, inputs: [operand], results: [Operand(dtype: .float32, shape: operand.shape)])
  }

  private let quantization = OperandQuantization(scale: .float32, zero: .int8, axis: 1, group: 2)

  @Test func groupsOfInt4ArriveWithTheirScales() throws {
    let folder = try TemporaryFolder()
    let backend = try NativeBackend(library: Self.plugin.build(in: folder))
    let operand = Operand(dtype: .int4, shape: [2, 3], quantization: quantization)
    // Rows begin with a byte.
    #expect(operand.strides == [4, 1] && operand.isDense)
    let rule = backend.rules[1]
    #expect(rule.match(request(operand), threads: 1) == .matches)
    let prepared = try backend.prepare(request(operand), rule: rule, threads: 1)
    let elements: [[Int]] = [[7, -8, 3], [-1, 2, 5]]
    var bytes: [UInt8] = elements.flatMap { row in
      let nibbles = row.map { UInt8(truncatingIfNeeded: $0) & 15 } + [0]
      return [nibbles[0] | nibbles[1] << 4, nibbles[2] | nibbles[3] << 4]
    }
    let scales: [Float] = [0.5, 2, 10, 1]
    let zeros: [Int8] = [0, 1, -2, 4]
    var results = [Float](repeating: -1, count: 6)
    let status = try bytes.withUnsafeMutableBytes { bytes in
      try results.withUnsafeMutableBytes { results in
        try scales.withUnsafeBytes { scales in
          try zeros.withUnsafeBytes { zeros in
            let input = OperandTensor(
              operand, byteCount: bytes.count, scale: scales.baseAddress, zero: zeros.baseAddress)
            let output = OperandTensor(Operand(dtype: .float32, shape: [2, 3]), byteCount: results.count)
            var frames = [input.tensor, output.tensor]
            frames[0].data = bytes.baseAddress
            frames[1].data = results.baseAddress
            defer { withExtendedLifetime((input, output)) {} }
            return try frames.withUnsafeMutableBufferPointer { frames in
              let first = try #require(frames.baseAddress)
              var arguments = mezzo_exec_args()
              arguments.h.struct_size = UInt32(MemoryLayout<mezzo_exec_args>.size)
              arguments.in = mezzo_tensors(at: first, count: 1, stride: UInt32(MemoryLayout<mezzo_tensor>.stride))
              arguments.out = mezzo_tensors(at: first + 1, count: 1, stride: UInt32(MemoryLayout<mezzo_tensor>.stride))
              return prepared.execute(&arguments)
            }
          }
        }
      }
    }
    #expect(status == mezzo_status(MEZZO_OK))
    #expect(results == [3.5, 0, 4, 10, 40, 1])
  }

  @Test func whatARuleDoesNotTakeDoesNotReachIt() throws {
    let folder = try TemporaryFolder()
    let backend = try NativeBackend(library: Self.plugin.build(in: folder))
    var operand = Operand(dtype: .float32, shape: [4])
    #expect(backend.rules[0].match(request(operand), threads: 1) == .matches)
    operand.quantization = quantization
    guard case .differs(.layout, _) = backend.rules[0].match(request(operand), threads: 1) else {
      Issue.record("a plain rule takes a quantized operand")
      return
    }
    operand.quantization = nil
    operand.packKey = [5, 6]
    guard case .differs(.layout, _) = backend.rules[0].match(request(operand), threads: 1) else {
      Issue.record("a plain rule takes a packed operand")
      return
    }
    let crooked = Operand(dtype: .int4, shape: [2, 3], strides: [3, 1], quantization: quantization)
    guard case .differs(.layout, _) = backend.rules[1].match(request(crooked), threads: 1) else {
      Issue.record("rows of int4 begin within a byte")
      return
    }
  }

  @Test func packedFormsArriveByTheirKey() throws {
    let folder = try TemporaryFolder()
    let backend = try NativeBackend(library: Self.plugin.build(in: folder))
    let known = Operand(dtype: .int4, shape: [2, 4], isConstant: true, packKey: [5, 6])
    #expect(throws: Never.self) { try backend.prepare(request(known), rule: backend.rules[1], threads: 1) }
    let other = Operand(dtype: .int4, shape: [2, 4], isConstant: true, packKey: [5, 7])
    let error = #expect(throws: BackendError.self) {
      try backend.prepare(request(other), rule: backend.rules[1], threads: 1)
    }
    #expect(error?.message == "another form")
  }

  @Test(arguments: [
    OperandQuantization(scale: .float32, axis: 2), OperandQuantization(scale: .float32, axis: 0, group: 0),
    OperandQuantization(scale: .float32, group: 4),
  ])
  func quantizationThatDoesNotFitIsRefused(quantization: OperandQuantization) throws {
    let folder = try TemporaryFolder()
    let backend = try NativeBackend(library: Self.plugin.build(in: folder))
    let operand = Operand(dtype: .int4, shape: [2, 4], quantization: quantization)
    let error = #expect(throws: BackendError.self) {
      try backend.prepare(request(operand), rule: backend.rules[1], threads: 1)
    }
    #expect(error?.kind == .invalid)
  }
}
