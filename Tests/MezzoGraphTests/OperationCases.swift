import MezzoBackend
import MezzoPolicy

@testable import MezzoGraph

/// Operands that an operation takes, with its results, and operands that it refuses.
struct OperationCase: Sendable {
  var operation: any Operation
  var accepted: [(operands: [TensorType], results: [TensorType])]
  var refused: [(operands: [TensorType], why: Refusal)]

  enum Refusal: Sendable { case shape, dtype, attribute }

  var name: String { type(of: operation).name }
}

private func f32(_ shape: Int...) -> TensorType { TensorType(.float32, shape) }
private func bf16(_ shape: Int...) -> TensorType { TensorType(.bfloat16, shape) }
private func f64(_ shape: Int...) -> TensorType { TensorType(.float64, shape) }
private func i8(_ shape: Int...) -> TensorType { TensorType(.int8, shape) }
private func i32(_ shape: Int...) -> TensorType { TensorType(.int32, shape) }
private func i64(_ shape: Int...) -> TensorType { TensorType(.int64, shape) }
private func bool(_ shape: Int...) -> TensorType { TensorType(.bool, shape) }
private let floats: [DType] = [.float16, .bfloat16, .float32, .float64]

extension OperationCase {
  static let all: [OperationCase] =
    unary + binary + comparisons + folds + rows + views + others + moves + windows + updates

  private static let unary: [OperationCase] = [
    Negate(), Abs(), Exp(), Log(), Sqrt(), Erf(), Log1p(), Expm1(), Softplus(), Tanh(), Sigmoid(), ReLU(), GELU(),
    GELU(approximate: true),
  ].map { (operation: any Operation) in
    OperationCase(
      operation: operation,
      accepted: floats.flatMap { dtype in
        [[], [3], [2, 0], [2, 3, 4]].map { ([TensorType(dtype, $0)], [TensorType(dtype, $0)]) }
      },
      refused: [([], .shape), ([f32(2), f32(2)], .shape), ([i32(2)], .dtype), ([bool()], .dtype)])
  }

  private static let binary: [OperationCase] =
    [Add(), Subtract(), Multiply(), Maximum(), Minimum()].map { (operation: any Operation) in
      binary(operation, dtypes: floats + [.int32, .int64], refusing: [bool(2)])
    }
    + [Divide(), ReLUGradient(), GELUGradient()].map { (operation: any Operation) in
      binary(operation, dtypes: floats, refusing: [bool(2), i32(2), i64(2)])
    }

  private static func binary(
    _ operation: any Operation, dtypes: [DType], refusing refused: [TensorType]
  ) -> OperationCase {
    OperationCase(
      operation: operation,
      accepted: dtypes.map { dtype in
        ([TensorType](repeating: TensorType(dtype, [2, 3]), count: 2), [TensorType(dtype, [2, 3])])
      } + [([f32(), f32()], [f32()]), ([f32(0), f32(0)], [f32(0)])],
      refused: refused.map { ([$0, $0], .dtype) } + [
        ([f32(2)], .shape), ([f32(2), f32(3)], .shape), ([f32(2), f32(2, 1)], .shape), ([f32(2), bf16(2)], .dtype),
        ([f32(2), i32(2)], .dtype),
      ])
  }

  private static let comparisons: [OperationCase] = [Equal(), Less(), LessEqual()].map { (operation: any Operation) in
    OperationCase(
      operation: operation,
      accepted: [([f32(2), f32(2)], [bool(2)]), ([i64(), i64()], [bool()]), ([bf16(0), bf16(0)], [bool(0)])],
      refused: [([f32(2)], .shape), ([f32(2), f32(3)], .shape), ([f32(2), f64(2)], .dtype)])
  }

  private static let folds: [OperationCase] =
    [
      ReduceSum(axes: [0, 2]), ReduceMean(axes: [0, 2]), ReduceMax(axes: [0, 2]),
    ].map { (operation: any Operation) in
      OperationCase(
        operation: operation,
        accepted: [([f32(2, 3, 4)], [f32(1, 3, 1)]), ([bf16(0, 3, 4, 5)], [bf16(1, 3, 1, 5)])],
        refused: [
          ([], .shape), ([f32(2, 3)], .shape), ([f32(2, 3, 4), f32(2, 3, 4)], .shape), ([i32(2, 3, 4)], .dtype),
        ])
    } + [
      OperationCase(operation: ReduceSum(axes: [1, 1]), accepted: [], refused: [([f32(2, 2)], .shape)]),
      OperationCase(operation: ReduceMax(axes: [1, 0]), accepted: [], refused: [([f32(2, 2)], .shape)]),
      OperationCase(operation: ReduceMean(axes: [-1]), accepted: [], refused: [([f32(2, 2)], .shape)]),
      OperationCase(
        operation: AllFinite(), accepted: [([f32(2, 3)], [bool()]), ([bf16()], [bool()])],
        refused: [([], .shape), ([i32(2)], .dtype)]),
    ]

  private static let rows: [OperationCase] = [
    OperationCase(
      operation: ArgMax(axis: 1), accepted: [([f32(2, 3)], [i32(2, 1)]), ([bf16(0, 3, 2)], [i32(0, 1, 2)])],
      refused: [([f32(2)], .shape), ([f32(2, 0)], .shape), ([i32(2, 3)], .dtype), ([], .shape)]),
    OperationCase(
      operation: Softmax(axis: 1), accepted: [([bf16(2, 3)], [bf16(2, 3)])],
      refused: [([f32(2)], .shape), ([i32(2, 3)], .dtype), ([], .shape)]),
    OperationCase(
      operation: SoftmaxGradient(axis: 1), accepted: [([bf16(2, 3), bf16(2, 3)], [bf16(2, 3)])],
      refused: [
        ([f32(2), f32(2)], .shape), ([f32(2, 3), f32(2, 4)], .shape), ([f32(2, 3), bf16(2, 3)], .dtype),
        ([f32(2, 3)], .shape), ([i32(2, 3), i32(2, 3)], .dtype),
      ]),
    OperationCase(
      operation: LayerNorm(epsilon: 1e-3),
      accepted: [
        ([bf16(2, 3), bf16(2, 3), f32(3), f32(3)], [bf16(2, 3)]), ([f64(3), f64(3), f64(3), f64(3)], [f64(3)]),
      ],
      refused: [
        ([f32(2, 3), f32(2, 3), f32(3)], .shape), ([f32(2, 3), f32(3), f32(3), f32(3)], .shape),
        ([f32(2, 3), f32(2, 3), f32(2), f32(2)], .shape), ([f32(), f32(), f32(), f32()], .shape),
        ([f32(2, 3), bf16(2, 3), f32(3), f32(3)], .dtype), ([f32(2, 3), f32(2, 3), f32(3), bf16(3)], .dtype),
        ([f32(2, 3), f32(2, 3), f64(3), f64(3)], .dtype), ([i32(2, 3), i32(2, 3), f32(3), f32(3)], .dtype),
      ]),
    OperationCase(
      operation: LayerNormGradient(epsilon: 1e-3),
      accepted: [([bf16(2, 3), bf16(2, 3), f32(3)], [bf16(2, 3), f32(3), f32(3)])],
      refused: [
        ([f32(2, 3), f32(2, 3)], .shape), ([f32(2, 3), f32(2, 3), f32(2)], .shape),
        ([f32(2, 3), bf16(2, 3), f32(3)], .dtype), ([f64(2, 3), f64(2, 3), f32(3)], .dtype),
      ]),
    OperationCase(
      operation: ScaledAttention(scale: 0.5),
      accepted: [
        (
          [bf16(2, 3, 4), bf16(2, 5, 4), bf16(2, 5, 6), f32(2, 3, 5)], [bf16(2, 3, 6), f32(2, 3)]
        ),
        ([f64(1, 1), f64(1, 1), f64(1, 1), f64(1, 1)], [f64(1, 1), f64(1)]),
      ],
      refused: [
        ([f32(3, 4), f32(5, 4), f32(5, 6)], .shape), ([f32(4), f32(4), f32(4), f32(4)], .shape),
        ([f32(3, 4), f32(5, 3), f32(5, 6), f32(3, 5)], .shape), ([f32(3, 4), f32(5, 4), f32(4, 6), f32(3, 5)], .shape),
        ([f32(3, 4), f32(5, 4), f32(5, 6), f32(5, 3)], .shape), ([f32(3, 4), f32(5, 4), f32(5, 6), f64(3, 5)], .dtype),
        ([f32(3, 4), bf16(5, 4), f32(5, 6), f32(3, 5)], .dtype),
        ([i32(3, 4), i32(5, 4), i32(5, 6), f32(3, 5)], .dtype),
      ]),
    OperationCase(
      operation: AttentionGradient(scale: 0.5),
      accepted: [
        (
          [bf16(3, 6), bf16(3, 4), bf16(5, 4), bf16(5, 6), f32(3, 5), bf16(3, 6), f32(3)],
          [bf16(3, 4), bf16(5, 4), bf16(5, 6)]
        )
      ],
      refused: [
        ([f32(3, 6), f32(3, 4), f32(5, 4), f32(5, 6), f32(3, 5), f32(3, 6)], .shape),
        ([f32(3, 5), f32(3, 4), f32(5, 4), f32(5, 6), f32(3, 5), f32(3, 6), f32(3)], .shape),
        ([f32(3, 6), f32(3, 4), f32(5, 4), f32(5, 6), f32(3, 5), f32(3, 6), f32(4)], .shape),
        ([bf16(3, 6), f32(3, 4), f32(5, 4), f32(5, 6), f32(3, 5), f32(3, 6), f32(3)], .dtype),
      ]),
    OperationCase(
      operation: Quantize(),
      accepted: [
        ([bf16(2, 3), f32()], [i8(2, 3), f32(2), i8(2)]), ([f64(3), f64()], [i8(3), f64(), i8()]),
        ([f32(0, 3), f32()], [i8(0, 3), f32(0), i8(0)]),
      ],
      refused: [
        ([f32(2, 3)], .shape), ([f32(), f32()], .shape), ([f32(3), f32(1)], .shape), ([f64(3), f32()], .dtype),
        ([i8(3), f32()], .dtype),
      ]),
    OperationCase(
      operation: QuantizedMatMul(to: .bfloat16),
      accepted: [([i8(2, 3), i8(3, 4), f32(2), f32(4), i8(2)], [bf16(2, 4)])],
      refused: [
        ([i8(2, 3), i8(3, 4)], .shape), ([i8(2, 3), i8(4, 4), f32(2), f32(4), i8(2)], .shape),
        ([i8(2, 3), i8(3, 4), f32(2), f32(4), i8(4)], .shape), ([i8(2, 3), i8(3, 4), f32(2), f32(4), f32(2)], .dtype),
        ([i8(2, 3), i8(3, 4), f32(4), f32(2), i8(2)], .shape),
        ([i8(1, 2, 3), i8(1, 3, 4), f32(2), f32(4), i8(2)], .shape),
        ([f32(2, 3), i8(3, 4), f32(2), f32(4), i8(2)], .dtype),
        ([i8(2, 3), i8(3, 4), f64(2), f64(4), i8(2)], .dtype),
        ([i8(1, 70_000), i8(70_000, 1), f32(1), f32(1), i8(1)], .shape),
      ]),
    OperationCase(
      operation: LogSoftmax(axis: 0), accepted: [([f64(2)], [f64(2)])],
      refused: [([f32()], .shape), ([bool(2, 3)], .dtype), ([], .shape)]),
    OperationCase(
      operation: SparseCrossEntropy(),
      accepted: [
        ([f32(4, 10), i32(4)], [f32(4)]), ([bf16(4, 10), i64(4)], [f32(4)]), ([f64(0, 1), i32(0)], [f64(0)]),
      ],
      refused: [
        ([f32(4, 10)], .shape), ([f32(4, 10), i32(3)], .shape), ([f32(4), i32(4)], .shape),
        ([f32(4, 0), i32(4)], .shape),
        ([f32(4, 10), i32(4, 1)], .shape), ([i32(4, 10), i32(4)], .dtype), ([f32(4, 10), f32(4)], .dtype),
      ]),
  ]

  private static let views: [OperationCase] = [
    OperationCase(
      operation: Transpose([2, 0, 1]),
      accepted: [([f32(2, 3, 4)], [f32(4, 2, 3)]), ([bool(0, 1, 2)], [bool(2, 0, 1)])],
      refused: [([f32(2, 3)], .shape), ([], .shape)]),
    OperationCase(operation: Transpose([0, 0]), accepted: [], refused: [([f32(2, 2)], .shape)]),
    OperationCase(
      operation: Reshape(to: [3, 2]), accepted: [([f32(6)], [f32(3, 2)]), ([bool(1, 2, 3)], [bool(3, 2)])],
      refused: [([f32(5)], .shape), ([], .shape)]),
    OperationCase(operation: Reshape(to: [-1, -6]), accepted: [], refused: [([f32(6)], .shape)]),
    OperationCase(operation: Reshape(to: [.max, .max]), accepted: [], refused: [([f32(6)], .shape)]),
    OperationCase(
      operation: Broadcast(to: [2, 3]),
      accepted: [([f32()], [f32(2, 3)]), ([i32(3)], [i32(2, 3)]), ([f32(2, 1)], [f32(2, 3)])],
      refused: [([f32(2)], .shape), ([f32(1, 2, 3)], .shape), ([], .shape)]),
  ]

  private static let others: [OperationCase] = [
    OperationCase(
      operation: MatMul(),
      accepted: [
        ([f32(2, 3), f32(3, 4)], [f32(2, 4)]), ([bf16(5, 2, 3), bf16(5, 3, 4)], [bf16(5, 2, 4)]),
        ([f64(0, 3), f64(3, 0)], [f64(0, 0)]), ([f32(2, 0), f32(0, 4)], [f32(2, 4)]),
      ],
      refused: [
        ([f32(2, 3)], .shape), ([f32(2, 3), f32(4, 3)], .shape), ([f32(3), f32(3, 4)], .shape),
        ([f32(3), f32(3)], .shape),
        ([f32(5, 2, 3), f32(6, 3, 4)], .shape), ([f32(5, 2, 3), f32(3, 4)], .shape), ([f32(2, 3), bf16(3, 4)], .dtype),
        ([i32(2, 3), i32(3, 4)], .dtype),
      ]),
    OperationCase(
      operation: Cast(to: .bfloat16), accepted: [([i32(2)], [bf16(2)]), ([bool()], [bf16()])],
      refused: [([], .shape), ([f32(2), f32(2)], .shape)]),
    OperationCase(
      operation: LogicalAnd(), accepted: [([bool(2), bool(2)], [bool(2)])],
      refused: [
        ([bool(2)], .shape), ([bool(2), bool(3)], .shape), ([f32(2), f32(2)], .dtype), ([bool(2), i32(2)], .dtype),
      ]),
    OperationCase(
      operation: Select(),
      accepted: [([bool(2), f32(2), f32(2)], [f32(2)]), ([bool(), i32(), i32()], [i32()])],
      refused: [
        ([bool(2), f32(2)], .shape), ([f32(2), f32(2), f32(2)], .dtype), ([bool(2), f32(2), bf16(2)], .dtype),
        ([bool(2), f32(3), f32(3)], .shape), ([bool(2), f32(2), f32(3)], .shape),
      ]),
    OperationCase(
      operation: OneHot(depth: 10, dtype: .float32), accepted: [([i32(2, 3)], [f32(2, 3, 10)]), ([i64()], [f32(10)])],
      refused: [([f32(2)], .dtype), ([], .shape)]),
    OperationCase(operation: OneHot(depth: 0, dtype: .float32), accepted: [], refused: [([i32(2)], .attribute)]),
    OperationCase(operation: OneHot(depth: 3, dtype: .int32), accepted: [], refused: [([i32(2)], .attribute)]),
    OperationCase(
      operation: Gather(),
      accepted: [
        ([f32(6, 3), i32(2, 4)], [f32(2, 4, 3)]), ([bf16(6), i64(2)], [bf16(2)]), ([f64(6, 0, 2), i32()], [f64(0, 2)]),
        ([f32(1, 3), i64(0)], [f32(0, 3)]),
      ],
      refused: [
        ([f32(6, 3)], .shape), ([f32(), i32(2)], .shape), ([f32(0, 3), i32(2)], .shape), ([f32(6, 3), f32(2)], .dtype),
        ([i32(6, 3), i32(2)], .dtype), ([f32(6, 3), bool(2)], .dtype),
      ]),
    OperationCase(
      operation: ScatterAdd(rows: 6),
      accepted: [
        ([f32(2, 4, 3), i32(2, 4)], [f32(6, 3)]), ([bf16(2), i64(2)], [bf16(6)]), ([f64(0, 2), i32()], [f64(6, 0, 2)]),
      ],
      refused: [
        ([f32(2, 3)], .shape), ([f32(2, 3), i32(3)], .shape), ([f32(2), i32(2, 1)], .shape),
        ([f32(2, 3), f32(2)], .dtype), ([i32(2, 3), i32(2)], .dtype),
      ]),
    OperationCase(operation: ScatterAdd(rows: 0), accepted: [], refused: [([f32(2), i32(2)], .attribute)]),
    OperationCase(
      operation: RandomUniform(shape: [2, 3], stream: 1), accepted: [([i64(2)], [f32(2, 3)])],
      refused: [([], .shape), ([i64(3)], .shape), ([i32(2)], .shape)]),
    OperationCase(
      operation: Constant(value: 1, dtype: .bfloat16), accepted: [([], [bf16()])], refused: [([f32()], .shape)]),
  ]

  private static let moves: [OperationCase] = [
    OperationCase(
      operation: Pad(low: [1, -1], high: [2, 0], interior: [0, 2]),
      accepted: [([f32(2, 3)], [f32(5, 6)]), ([bool(0, 2)], [bool(3, 3)]), ([i64(1, 1)], [i64(4, 0)])],
      refused: [([], .shape), ([f32(2)], .shape), ([f32(2, 0)], .attribute)]),
    OperationCase(operation: Pad(low: [0], high: [0], interior: [-1]), accepted: [], refused: [([f32(2)], .attribute)]),
    OperationCase(operation: Pad(low: [.max], high: [1]), accepted: [], refused: [([f32(2)], .attribute)]),
    OperationCase(
      operation: Slice(start: [1, 2], count: [2, 2], step: [1, -2]),
      accepted: [([f32(3, 3)], [f32(2, 2)]), ([bool(4, 5)], [bool(2, 2)])],
      refused: [([], .shape), ([f32(3)], .shape), ([f32(2, 3)], .attribute), ([f32(3, 2)], .attribute)]),
    OperationCase(
      operation: Slice(start: [1], count: [2], step: [.max]), accepted: [], refused: [([f32(3)], .attribute)]),
    OperationCase(operation: Slice(start: [0], count: [1], step: [0]), accepted: [], refused: [([f32(3)], .attribute)]),
    OperationCase(
      operation: Concatenate(axis: 1),
      accepted: [([f32(2, 3), f32(2, 0)], [f32(2, 3)]), ([bool(0, 1), bool(0, 2)], [bool(0, 3)])],
      refused: [
        ([f32(2, 3)], .shape), ([f32(2), f32(2)], .shape), ([f32(2, 3), f32(3, 3)], .shape),
        ([f32(2, 3), bf16(2, 3)], .dtype),
      ]),
    OperationCase(
      operation: Windows(size: [2], strides: [3], dilations: [2]),
      accepted: [([f32(2, 7, 5)], [f32(2, 2, 2, 5)]), ([bool(1, 2)], [bool(1, 0, 2)])],
      refused: [([], .shape), ([f32(3)], .shape)]),
    OperationCase(
      operation: Windows(size: [0], strides: [1], dilations: [1]), accepted: [], refused: [([f32(2, 3)], .attribute)]),
    OperationCase(
      operation: WindowSum(shape: [7], strides: [3], dilations: [2]),
      accepted: [([f32(2, 2, 2, 5)], [f32(2, 7, 5)]), ([bf16(1, 0, 9)], [bf16(1, 7)])],
      refused: [([], .shape), ([f32(2, 2)], .shape), ([f32(2, 3, 2)], .shape), ([i32(2, 2, 2)], .dtype)]),
    OperationCase(
      operation: WindowSum(shape: [7], strides: [0], dilations: [1]), accepted: [],
      refused: [([f32(2, 2, 2)], .attribute)]),
  ]

  private static let convolution = Convolution(
    windows: ConvolutionWindows(strides: [2, 1], low: [1, 0], high: [1, 2], dilations: [1, 2]), groups: 2)
  private static let pooled = ConvolutionWindows(strides: [2], low: [1], high: [0], dilations: [1])

  private static let windows: [OperationCase] = [
    OperationCase(
      operation: convolution,
      accepted: [
        ([f32(3, 5, 6, 4), f32(3, 2, 2, 6)], [f32(3, 3, 6, 6)]),
        ([bf16(0, 1, 1, 2), bf16(1, 1, 1, 2)], [bf16(0, 2, 3, 2)]),
      ],
      refused: [
        ([f32(3, 5, 6, 4)], .shape), ([f32(3, 5, 4), f32(3, 2, 2, 6)], .shape),
        ([f32(3, 5, 6, 4), f32(3, 2, 4, 6)], .shape), ([f32(3, 5, 6, 4), f32(3, 2, 2, 5)], .shape),
        ([f32(3, 5, 6, 4), f32(8, 2, 2, 6)], .attribute), ([f32(3, 5, 6, 4), f32(0, 2, 2, 6)], .attribute),
        ([f32(3, 5, 6, 4), bf16(3, 2, 2, 6)], .dtype), ([i32(3, 5, 6, 4), i32(3, 2, 2, 6)], .dtype),
      ]),
    OperationCase(
      operation: ConvolutionInputGradient(convolution, extents: [5, 6]),
      accepted: [([f32(3, 3, 6, 6), f32(3, 2, 2, 6)], [f32(3, 5, 6, 4)])],
      refused: [
        ([f32(3, 3, 6, 6)], .shape), ([f32(3, 2, 6, 6), f32(3, 2, 2, 6)], .shape),
        ([f32(3, 6), f32(3, 2, 2, 6)], .shape),
        ([i32(3, 3, 6, 6), i32(3, 2, 2, 6)], .dtype), ([f32(3, 3, 6, 6), f32(9, 2, 2, 6)], .attribute),
      ]),
    OperationCase(
      operation: ConvolutionKernelGradient(convolution, size: [3, 2]),
      accepted: [([f32(3, 5, 6, 4), f32(3, 3, 6, 6)], [f32(3, 2, 2, 6)])],
      refused: [
        ([f32(3, 5, 6, 4)], .shape), ([f32(3, 5, 6, 4), f32(3, 3, 5, 6)], .shape), ([f32(3, 4), f32(3, 6)], .shape),
        ([i32(3, 5, 6, 4), i32(3, 3, 6, 6)], .dtype), ([f32(3, 1, 1, 4), f32(3, 3, 6, 6)], .shape),
      ]),
    OperationCase(
      operation: Convolution(windows: ConvolutionWindows(strides: [0], low: [0], high: [0], dilations: [1])),
      accepted: [],
      refused: [([f32(1, 3, 2), f32(1, 2, 2)], .attribute)]),
    OperationCase(
      operation: Convolution(windows: ConvolutionWindows(strides: [1], low: [-1], high: [0], dilations: [.max])),
      accepted: [], refused: [([f32(1, 3, 2), f32(1, 2, 2)], .attribute)]),
    OperationCase(
      operation: MaxPool(size: [3], windows: pooled), accepted: [([f32(2, 6, 5)], [f32(2, 3, 5)])],
      refused: [([], .shape), ([f32(2, 6)], .shape), ([f32(2, 1, 5)], .attribute), ([i32(2, 6, 5)], .dtype)]),
    OperationCase(
      operation: AveragePool(size: [3], windows: pooled), accepted: [([bf16(0, 6, 5)], [bf16(0, 3, 5)])],
      refused: [([], .shape), ([f32(2, 6)], .shape), ([f32(2, 1, 5)], .attribute), ([i32(2, 6, 5)], .dtype)]),
    OperationCase(
      operation: MaxPoolGradient(MaxPool(size: [3], windows: pooled)),
      accepted: [([f32(2, 3, 5), f32(2, 6, 5), f32(2, 3, 5)], [f32(2, 6, 5)])],
      refused: [
        ([f32(2, 3, 5), f32(2, 6, 5)], .shape), ([f32(2, 2, 5), f32(2, 6, 5), f32(2, 3, 5)], .shape),
        ([i32(2, 3, 5), i32(2, 6, 5), i32(2, 3, 5)], .dtype),
      ]),
    OperationCase(
      operation: AveragePoolGradient(AveragePool(size: [3], windows: pooled), extents: [6]),
      accepted: [([f32(2, 3, 5)], [f32(2, 6, 5)])],
      refused: [([], .shape), ([f32(2, 2, 5)], .shape), ([f32(2, 3)], .shape), ([i32(2, 3, 5)], .dtype)]),
  ]

  private static let updates: [OperationCase] = [
    OperationCase(
      operation: SGDUpdate(momentum: 0.9, nesterov: false),
      accepted: [([f32(2), f32(2), f32(2), f64(), bool()], [f32(2), f32(2)])],
      refused: [
        ([f32(2), f32(2), f32(2), f64()], .shape), ([f32(2), f32(3), f32(2), f64(), bool()], .shape),
        ([f32(2), f32(2), bf16(2), f64(), bool()], .dtype), ([i32(2), i32(2), i32(2), f64(), bool()], .dtype),
        ([f32(2), f32(2), f32(2), f32(), bool()], .shape), ([f32(2), f32(2), f32(2), f64(), bool(1)], .shape),
      ]),
    OperationCase(
      operation: AdamUpdate(beta1: 0.9, beta2: 0.999, epsilon: 1e-7, weightDecay: 0),
      accepted: [([f32(2), f32(2), f32(2), f32(2), f64(), i64(), bool()], [f32(2), f32(2), f32(2)])],
      refused: [
        ([f32(2), f32(2), f32(2), f32(2), f64(), i64()], .shape),
        ([f32(2), f32(2), f32(2), f32(3), f64(), i64(), bool()], .shape),
        ([f32(2), f32(2), f32(2), f64(2), f64(), i64(), bool()], .dtype),
        ([f32(2), f32(2), f32(2), f32(2), f64(), i32(), bool()], .shape),
      ]),
  ]
}
