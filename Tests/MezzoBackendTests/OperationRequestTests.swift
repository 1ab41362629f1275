import MezzoBackend
import MezzoPolicy
import Testing

@Suite struct OperationRequestTests {
  private let dense = OperationRequest(
    .matmul,
    inputs: [
      Operand(dtype: .bfloat16, shape: [128, 784]), Operand(dtype: .bfloat16, shape: [784, 512]),
      Operand(dtype: .float32, shape: [512]),
    ], results: [Operand(dtype: .bfloat16, shape: [128, 512])], epilogue: [.bias(operand: 2), .gelu(approximate: true)])

  @Test func describesItself() {
    #expect(
      dense.description == "matmul+bias+gelu_tanh bfloat16[128, 784] bfloat16[784, 512] -> bfloat16[128, 512]")
    #expect(dense.dtypes == "bfloat16, bfloat16 -> bfloat16")
  }

  @Test func theEpiloguesOperandsAreNotItsOwn() {
    #expect(dense.ownInputCount == 2)
    #expect(dense.ownInputs.map(\.shape) == [[128, 784], [784, 512]])
  }

  @Test func sumsAreKeptInFloat32OrInFloat64ForFloat64Data() {
    func accumulator(_ input: DType, _ result: DType, _ scalar: DType) -> DType {
      OperationRequest(
        .add, inputs: [Operand(dtype: input, shape: []), Operand(dtype: scalar, shape: [])],
        results: [Operand(dtype: result, shape: [])]
      ).accumulator
    }
    #expect(accumulator(.float16, .float16, .float16) == .float32)
    #expect(accumulator(.int8, .int8, .int8) == .float32)
    #expect(accumulator(.float64, .float64, .float64) == .float64)
    #expect(accumulator(.float64, .float32, .float32) == .float64)
    #expect(accumulator(.float32, .float64, .float32) == .float64)
    // A learning rate is float64 whatever the weights are.
    #expect(accumulator(.float32, .float32, .float64) == .float32)
  }

  @Test func theAccumulatorCanBeAskedFor() {
    let request = OperationRequest(.relu, inputs: [], results: [], accumulator: .float64)
    #expect(request.accumulator == .float64)
  }

  @Test(arguments: [
    ([2, 3], [3, 1], true), ([2, 3], [1, 2], false), ([2, 3], [0, 1], false), ([1, 3], [99, 1], true),
    ([2, 1], [1, 77], true), ([0, 3], [5, 5], true), ([], [], true), ([2, 1, 3], [3, 0, 1], true),
    ([2, 3], [1], false),
  ])
  func densityDisregardsAxesOfExtent1(shape: [Int], strides: [Int], isDense: Bool) {
    #expect(Operand(dtype: .float32, shape: shape, strides: strides).isDense == isDense)
  }

  @Test func aHugeShapeIsNoTrap() {
    #expect(Operand(dtype: .float32, shape: [.max, .max, .max], strides: [0, 0, 0]).isDense == false)
  }

  @Test func denseCopiesKeepEverythingButTheStrides() {
    let view = Operand(dtype: .int64, shape: [2, 3], strides: [1, 2], isConstant: true)
    #expect(view.dense() == Operand(dtype: .int64, shape: [2, 3], strides: [3, 1], isConstant: true))
  }
}
