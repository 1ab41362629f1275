import MezzoBackend
import MezzoPolicy
import MezzoRuntime
import Testing

@testable import MezzoGraph

/// The built-in backend takes every operation in every dtype that a graph can be made of, also where nothing may be substituted.
@Suite struct BuiltinTotalTests {
  private static let dtypes: [DType] = [
    .bool, .int8, .int16, .int32, .int64, .uint8, .uint16, .uint32, .uint64, .float8E4M3FN, .float8E5M2, .float16,
    .bfloat16, .float32, .float64,
  ]

  private struct Form: Sendable {
    var operation: any Operation
    /// Shapes of operands, and for those of one certain dtype, the dtype.
    var operands: [([Int], DType?)]
  }

  private static let windows = ConvolutionWindows(strides: [1], low: [0], high: [0], dilations: [1])
  private static let convolution = Convolution(windows: windows)
  private static let maxPool = MaxPool(size: [2], windows: windows)
  private static let averagePool = AveragePool(size: [2], windows: windows)

  private static let forms: [Form] = {
    let matrix = [3, 4]
    let unary: [any Operation] = [
      Negate(), Abs(), Exp(), Log(), Sqrt(), Erf(), Tanh(), Sigmoid(), ReLU(), GELU(), GELU(approximate: true),
      ReduceSum(axes: [0]), ReduceMean(axes: [1]), ReduceMax(axes: [0, 1]), ArgMax(axis: 1), AllFinite(),
      Softmax(axis: 1), LogSoftmax(axis: 0),
    ]
    let binary: [any Operation] = [
      Add(), Subtract(), Multiply(), Divide(), Maximum(), Minimum(), Equal(), Less(), LessEqual(), LogicalAnd(),
      ReLUGradient(), GELUGradient(), SoftmaxGradient(axis: 1),
    ]
    return unary.map { Form(operation: $0, operands: [(matrix, nil)]) }
      + binary.map { Form(operation: $0, operands: [(matrix, nil), (matrix, nil)]) }
      + dtypes.map { Form(operation: Cast(to: $0), operands: [(matrix, nil)]) }
      + [
        Form(operation: MatMul(), operands: [([2, 3], nil), ([3, 4], nil)]),
        Form(operation: convolution, operands: [([2, 5, 3], nil), ([2, 3, 4], nil)]),
        Form(
          operation: ConvolutionInputGradient(convolution, extents: [5]),
          operands: [([2, 4, 4], nil), ([2, 3, 4], nil)]),
        Form(
          operation: ConvolutionKernelGradient(convolution, size: [2]),
          operands: [([2, 5, 3], nil), ([2, 4, 4], nil)]),
        Form(operation: maxPool, operands: [([2, 5, 3], nil)]),
        Form(operation: MaxPoolGradient(maxPool), operands: [([2, 4, 3], nil), ([2, 5, 3], nil), ([2, 4, 3], nil)]),
        Form(operation: averagePool, operands: [([2, 5, 3], nil)]),
        Form(operation: AveragePoolGradient(averagePool, extents: [5]), operands: [([2, 4, 3], nil)]),
        Form(operation: Select(), operands: [(matrix, .bool), (matrix, nil), (matrix, nil)]),
        Form(operation: SparseCrossEntropy(), operands: [(matrix, nil), ([3], .int32)]),
        Form(operation: SparseCrossEntropy(), operands: [(matrix, nil), ([3], .int64)]),
        Form(operation: LayerNorm(epsilon: 1e-3), operands: [(matrix, nil), (matrix, nil), ([4], nil), ([4], nil)]),
        Form(operation: LayerNormGradient(epsilon: 1e-3), operands: [(matrix, nil), (matrix, nil), ([4], nil)]),
        Form(
          operation: ScaledAttention(scale: 1),
          operands: [(matrix, nil), (matrix, nil), (matrix, nil), ([3, 3], .float32)]),
        Form(operation: Quantize(), operands: [(matrix, nil), ([], .float32)]),
        Form(operation: Quantize(), operands: [(matrix, nil), ([], .float64)]),
        Form(
          operation: QuantizedMatMul(to: .bfloat16),
          operands: [(matrix, .int8), (matrix, .int8), ([3], .float32), ([3], nil), ([3], .int8)]),
        Form(operation: Gather(), operands: [(matrix, nil), ([2], .int32)]),
      ]
  }()

  private func plan(_ operation: any Operation, _ operands: [TensorType], _ options: RoutingOptions) throws {
    let trace = Trace()
    let symbols = operands.map { trace.input($0, name: "x") }
    let results = try trace.apply(operation, symbols)
    let runtime = Runtime(.builtin(), options: options)
    _ = try runtime.makePlan(trace.finish(results))
  }

  @Test(arguments: Sample.every(3, of: ["", "exact", "any"])) func everyOperationInEveryDType(_ words: String) throws {
    let options = try RoutingOptions(parsing: words)
    var codes: Set<String> = []
    for form in Self.forms {
      for dtype in Self.dtypes {
        let operands = form.operands.map { TensorType($0.1 ?? dtype, $0.0) }
        guard (try? form.operation.resultTypes(operands)) != nil else { continue }
        codes.insert(type(of: form.operation).name)
        #expect(throws: Never.self, "\(type(of: form.operation).name) of \(dtype)") {
          try plan(form.operation, operands, options)
        }
      }
    }
    #expect(codes.count >= 40)
  }

  @Test func updatesInEveryDType() throws {
    for dtype in Self.dtypes.filter(\.isFloatingPoint) {
      let (weight, rate, apply) = (TensorType(dtype, [3]), TensorType(.float64, []), TensorType(.bool, []))
      #expect(throws: Never.self, "\(dtype)") {
        try plan(SGDUpdate(momentum: 0.5, nesterov: false), [weight, weight, weight, rate, apply], RoutingOptions())
        try plan(
          AdamUpdate(beta1: 0.9, beta2: 0.99, epsilon: 1e-7, weightDecay: 0),
          [weight, weight, weight, weight, rate, TensorType(.int64, []), apply], RoutingOptions())
      }
    }
  }

  /// Dtypes that int64 does not hold are refused when the graph is made, with words, and not when it is planned.
  @Test func comparisonsOfWhatInt64DoesNotHoldAreRefused() {
    for dtype in [DType.uint64, .complex64, .string] {
      let type = TensorType(dtype, [2])
      #expect(throws: GraphError.self) { try Less().resultTypes([type, type]) }
    }
  }
}
