import CMezzoABI
import MezzoBackend
import MezzoPolicy
import Testing

@testable import MezzoPlugins

@Suite struct RequestMarshallerTests {
  private let request = OperationRequest(
    .matmul,
    attributes: [Attribute("axis", .int(-1)), Attribute("rate", .float(0.5)), Attribute("axes", .ints([0, 2]))],
    inputs: [
      Operand(dtype: .bfloat16, shape: [2, 3], strides: [1, 2]),
      Operand(dtype: .bfloat16, shape: [3, 4], isConstant: true), Operand(dtype: .float32, shape: [4]),
    ], results: [Operand(dtype: .float32, shape: [2, 4])], epilogue: [.relu, .bias(operand: 2)])

  @Test func everythingArrivesInTheHeadersForm() throws {
    try RequestMarshaller.withOperation(request, backend: "b") { operation in
      let operation = operation.pointee
      #expect(Int(operation.struct_size) == MemoryLayout<mezzo_op>.size)
      #expect(Int(operation.op) == MEZZO_OP_MATMUL)
      #expect(operation.name.map { String(cString: $0) } == "matmul")
      #expect([operation.n_in, operation.n_out, operation.n_attrs, operation.n_epilogue] == [3, 1, 3, 2])
      #expect(Int(operation.operand_stride) == MemoryLayout<mezzo_operand>.stride)
      #expect(Int(operation.attr_stride) == MemoryLayout<mezzo_attr>.stride)
      #expect(DType(abi: operation.want.accum) == .float32)
      #expect(operation.want.deterministic == 1)

      let operands = UnsafeBufferPointer(start: operation.operands, count: 4)
      #expect(operands.map { DType(abi: $0.dtype) } == [.bfloat16, .bfloat16, .float32, .float32])
      let shapes = operands.map { Array(UnsafeBufferPointer(start: $0.shape, count: Int($0.ndim))) }
      #expect(shapes == [[2, 3], [3, 4], [4], [2, 4]])
      let strides = operands.map { Array(UnsafeBufferPointer(start: $0.strides, count: Int($0.ndim))) }
      #expect(strides == [[1, 2], [4, 1], [1], [4, 1]])
      #expect(operands.map { Int($0.flags) } == [0, MEZZO_T_CONST, 0, 0])
      #expect(operands.allSatisfy { $0.quant == nil && $0.layout == 0 })

      let attributes = UnsafeBufferPointer(start: operation.attrs, count: 3)
      #expect(attributes.map { String(cString: $0.name) } == ["axis", "rate", "axes"])
      #expect(attributes.map { Int($0.kind) } == [MEZZO_ATTR_INT, MEZZO_ATTR_FLOAT, MEZZO_ATTR_INTS])
      #expect(attributes[0].v.i == -1)
      #expect(attributes[1].v.f == 0.5)
      #expect(Array(UnsafeBufferPointer(start: attributes[2].v.iv, count: Int(attributes[2].count))) == [0, 2])

      let epilogue = UnsafeBufferPointer(start: operation.epilogue, count: 2)
      #expect(epilogue.map { Int($0.kind) } == [MEZZO_EPI_RELU, MEZZO_EPI_BIAS])
      #expect(epilogue.map(\.operand) == [.max, 2])
    }
  }

  @Test func aDTypeThatDoesNotCrossIsDeclined() {
    var request = request
    request.inputs[0].dtype = .variant
    #expect(
      throws: BackendError(
        backend: "b", kind: .declined(.dtype), message: "variant does not cross the plugin boundary")
    ) {
      try RequestMarshaller.withOperation(request, backend: "b") { _ in Issue.record("the backend was asked") }
    }
  }

  @Test func stridesThatDoNotFitTheShapeAreInvalid() {
    var request = request
    request.inputs[0].strides = [1]
    let error = #expect(throws: BackendError.self) {
      try RequestMarshaller.withOperation(request, backend: "b") { _ in Issue.record("the backend was asked") }
    }
    #expect(error?.kind == .invalid)
  }

  @Test func anImpossibleBiasOperandDoesNotTrap() throws {
    var request = request
    request.epilogue = [.bias(operand: -1)]
    try RequestMarshaller.withOperation(request, backend: "b") { #expect($0.pointee.epilogue[0].operand == .max) }
  }
}
