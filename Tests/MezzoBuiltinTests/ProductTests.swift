import CMezzoABI
import MezzoBackend
import MezzoConformance
import MezzoGraph
import MezzoPlugins
import MezzoPolicy
import MezzoRuntime
import Testing

/// What the header says about products beyond A·B, on the backend that the others are tested against.
@Suite struct ProductTests {
  private let builtin = BackendRegistry.builtin().backends[0]

  private func request(_ attributes: [Attribute], epilogue: [EpilogueStep] = [], dtype: DType = .float32)
    -> OperationRequest
  {
    let shape = [2, 2]
    let operands = epilogue.compactMap(\.operand).map { _ in Operand(dtype: dtype, shape: shape) }
    return OperationRequest(
      .matmul, attributes: attributes,
      inputs: [Operand(dtype: dtype, shape: shape), Operand(dtype: dtype, shape: shape)] + operands,
      results: [Operand(dtype: dtype, shape: shape)], epilogue: epilogue)
  }

  @Test func attributesThatAreNotKnownAreDeclined() throws {
    let rule = try #require(builtin.rules.first { $0.name == "matmul.f32" })
    let error = #expect(throws: BackendError.self) {
      try builtin.prepare(request([Attribute("gamma", .float(2))]), rule: rule, threads: 1)
    }
    #expect(error?.kind == .declined(.attribute))
    #expect(throws: Never.self) {
      try builtin.prepare(
        request([Attribute("alpha", .float(2)), Attribute("beta", .float(1))]), rule: rule, threads: 1)
    }
  }

  /// C = alpha·A·B + beta·C, with and without the old content of C.
  @Test(arguments: [(1.0, 0.0), (2, 0), (2, 3), (-0.5, 1), (0, 2)], [DType.float32, .float64, .bfloat16])
  func alphaAndBetaScaleTheProductAndTheOldContent(factors: (alpha: Double, beta: Double), dtype: DType) throws {
    let (alpha, beta) = factors
    let request = request([Attribute("alpha", .float(alpha)), Attribute("beta", .float(beta))], dtype: dtype)
    let rule = try #require(builtin.rules.first { $0.match(request, threads: 1) == .matches })
    let prepared = try builtin.prepare(request, rule: rule, threads: 1)
    let values: [[Double]] = [[1, 2, 3, 4], [2, 0, 1, -1], beta == 0 ? [.nan, .nan, .nan, .nan] : [8, 4, 2, 1]]
    let tensors = try values.map { try Tensor($0, shape: [2, 2], dtype: dtype) }
    let workspace = UnsafeMutableRawPointer.allocate(byteCount: max(prepared.workspaceBytes, 1), alignment: 64)
    let error = ErrorBuffer()
    defer {
      workspace.deallocate()
      error.deallocate()
    }
    var result = tensors[2].withUnsafeBytes { Array($0) }
    let templates = (request.inputs + request.results).map { OperandTensor($0, byteCount: result.count) }
    try tensors[0].withUnsafeBytes { a in
      try tensors[1].withUnsafeBytes { b in
        try result.withUnsafeMutableBytes { c in
          let addresses = [
            UnsafeMutableRawPointer(mutating: a.baseAddress), UnsafeMutableRawPointer(mutating: b.baseAddress),
            c.baseAddress,
          ]
          var frames = zip(templates, addresses).map { template, address in
            var tensor = template.tensor
            tensor.data = address
            return tensor
          }
          try frames.withUnsafeMutableBufferPointer { frames in
            let first = try #require(frames.baseAddress)
            let stride = UInt32(MemoryLayout<mezzo_tensor>.stride)
            var arguments = mezzo_exec_args()
            arguments.h = mezzo_call(
              struct_size: UInt32(MemoryLayout<mezzo_exec_args>.size), flags: 0, err: error.pointer, next: nil)
            arguments.in = mezzo_tensors(at: first, count: 2, stride: stride)
            arguments.out = mezzo_tensors(at: first + 2, count: 1, stride: stride)
            arguments.workspace = workspace
            #expect(prepared.execute(&arguments) == mezzo_status(MEZZO_OK))
          }
        }
      }
    }
    withExtendedLifetime(templates) {}
    let product: [Double] = [4, -2, 10, -4]
    let expected = zip(product, [8, 4, 2, 1]).map { alpha * $0 + (beta == 0 ? 0 : beta * $1) }
    #expect(try Tensor(bytes: result, shape: [2, 2], dtype: dtype).scalars() == expected)
  }

  @Test(arguments: [EpilogueStep.silu, .scale(0.5), .add(operand: 2), .multiply(operand: 2), .cast(.bfloat16)])
  func everyStepIsTaken(step: EpilogueStep) throws {
    let rule = try #require(builtin.rules.first { $0.name == "matmul.f32" })
    let prepared = try builtin.prepare(request([], epilogue: [step]), rule: rule, threads: 1)
    #expect(prepared.consumedEpilogue == 1)
  }
}
