import MezzoBackend
import MezzoPolicy

@testable import MezzoGraph

/// A function of float64 operands that goes through one operation, at points where it is smooth.
struct GradientCase: Sendable {
  var name: String
  /// Shapes of the operands, for several sets of them.
  var shapes: [[[Int]]]
  var range: ClosedRange<Double> = -2...2
  /// Operands whose elements lie 0.05 or more from 0 and from each other's places, for functions with kinks.
  var isSpread = false
  var isSmooth = true
  var step = 0x1p-17
  var body: @Sendable ([SymbolicTensor]) throws -> SymbolicTensor

  private static let elementwise: [[[Int]]] = [[[]], [[5]], [[2, 3]], [[2, 1, 3]]]
  private static let pairs: [[[Int]]] = [
    [[], []], [[4], [4]], [[2, 3], [3]], [[2, 1], [1, 3]], [[1, 2], [3, 1, 1]],
  ]

  static let all: [GradientCase] = [
    GradientCase(name: "negate", shapes: elementwise) { try $0[0].negated() },
    GradientCase(name: "abs", shapes: elementwise, isSpread: true, isSmooth: false) { try $0[0].abs() },
    GradientCase(name: "exp", shapes: elementwise) { try $0[0].exp() },
    GradientCase(name: "log", shapes: elementwise, range: 0.5...3) { try $0[0].log() },
    GradientCase(name: "sqrt", shapes: elementwise, range: 0.5...3) { try $0[0].sqrt() },
    GradientCase(name: "erf", shapes: elementwise) { try $0[0].erf() },
    GradientCase(name: "log1p", shapes: elementwise, range: -0.5...3) { try $0[0].log1p() },
    GradientCase(name: "expm1", shapes: elementwise) { try $0[0].expm1() },
    GradientCase(name: "softplus", shapes: elementwise) { try $0[0].softplus() },
    GradientCase(name: "tanh", shapes: elementwise) { try $0[0].tanh() },
    GradientCase(name: "sigmoid", shapes: elementwise) { try $0[0].sigmoid() },
    GradientCase(name: "relu", shapes: elementwise, isSpread: true, isSmooth: false) { try $0[0].relu() },
    // The gradient of a ReLU, whose own gradient is asked for in second derivatives.
    GradientCase(name: "relu_gradient", shapes: [[[4], [4]], [[2, 3], [2, 3]]], isSpread: true, isSmooth: false) {
      let trace = $0[0].trace
      return try trace.apply(ReLUGradient(), $0)[0]
    },
    GradientCase(name: "gelu", shapes: elementwise) { try $0[0].gelu() },
    GradientCase(name: "gelu (tanh)", shapes: elementwise) { try $0[0].gelu(approximate: true) },
    // What is a gradient itself, and is differentiated for second derivatives.
    GradientCase(name: "gelu_gradient", shapes: [[[4], [4]], [[2, 3], [2, 3]]]) {
      try $0[0].trace.apply(GELUGradient(), $0)[0]
    },
    GradientCase(name: "gelu_gradient (tanh)", shapes: [[[4], [4]]]) {
      try $0[0].trace.apply(GELUGradient(approximate: true), $0)[0]
    },
    GradientCase(name: "softmax_gradient", shapes: [[[4], [4]], [[2, 3], [2, 3]]]) {
      try $0[0].trace.apply(SoftmaxGradient(axis: 0), $0)[0]
    },
    GradientCase(name: "layer_norm", shapes: [[[4], [4], [4], [4]], [[2, 3], [2, 3], [3], [3]]]) {
      try $0[0].trace.apply(LayerNorm(epsilon: 0.125), $0)[0]
    },
    GradientCase(name: "layer_norm (not centered)", shapes: [[[2, 3], [3]]]) {
      try $0[0].layerNormalized(gamma: $0[1], epsilon: 0.125, isCentered: false)
    },
    GradientCase(name: "layer_norm_gradient", shapes: [[[4], [4], [4]], [[2, 3], [2, 3], [3]]]) {
      let results = try $0[0].trace.apply(LayerNormGradient(epsilon: 0.125), $0)
      return try results[0] * results[1] + results[2]
    },
    GradientCase(name: "layer_norm_gradient (not centered)", shapes: [[[2, 3], [2, 3], [3]]]) {
      try $0[0].trace.apply(LayerNormGradient(epsilon: 0.125, isCentered: false), $0)[0]
    },
    GradientCase(name: "attention", shapes: [[[3, 2], [4, 2], [4, 3]], [[2, 2, 1], [2, 2, 1], [2, 2, 2]]]) {
      try $0[0].attention(keys: $0[1], values: $0[2], scale: 0.75)
    },
    GradientCase(
      name: "attention (causal)", shapes: [[[3, 2], [4, 2], [4, 3]], [[2, 3, 1], [2, 2, 1], [2, 2, 1]]]
    ) {
      try $0[0].attention(keys: $0[1], values: $0[2], scale: 0.75, isCausal: true)
    },
    GradientCase(name: "attention (lse)", shapes: [[[2, 3, 2], [2, 3, 2], [2, 3, 1]]]) {
      let bias = try $0[0].trace.constant(0.5, dtype: $0[0].dtype == .float64 ? .float64 : .float32).broadcast(to: [
        2, 3, 3,
      ])
      return try $0[0].trace.apply(ScaledAttention(scale: 0.5), $0 + [bias])[1]
    },
    GradientCase(name: "attention_gradient", shapes: [[[3, 2], [3, 1], [2, 1], [2, 2], [3, 2], [3]]]) {
      let bias = try $0[0].trace.constant(0.25, dtype: $0[0].dtype == .float64 ? .float64 : .float32).broadcast(to: [
        3, 2,
      ])
      let operands = Array($0[..<4]) + [bias] + $0[4...]
      let results = try $0[0].trace.apply(AttentionGradient(scale: 0.5), operands)
      return try results[0].sum() + (results[1] * results[2]).sum()
    },
    GradientCase(name: "add", shapes: pairs) { try $0[0] + $0[1] },
    GradientCase(name: "subtract", shapes: pairs) { try $0[0] - $0[1] },
    GradientCase(name: "multiply", shapes: pairs) { try $0[0] * $0[1] },
    GradientCase(name: "divide", shapes: pairs, range: 0.5...3) { try $0[0] / $0[1] },
    GradientCase(name: "scalars", shapes: elementwise, range: 0.5...3) {
      let x = $0[0]
      return try (2 * x + 1) / (3 - x / 8) - 1 / (x + 0.5)
    },
    GradientCase(name: "maximum", shapes: pairs, isSpread: true, isSmooth: false) { try $0[0].maximum($0[1]) },
    GradientCase(name: "minimum", shapes: pairs, isSpread: true, isSmooth: false) { try $0[0].minimum($0[1]) },
    GradientCase(name: "select", shapes: pairs, isSpread: true, isSmooth: false) {
      try $0[0].isLess($0[1]).select($0[0] * $0[1], $0[0] - $0[1])
    },
    GradientCase(name: "matmul", shapes: [[[2, 3], [3, 4]], [[1, 5], [5, 1]], [[2, 2, 3], [2, 3, 2]]]) {
      try $0[0].matmul($0[1])
    },
    GradientCase(name: "matmul with itself", shapes: [[[3, 3]]]) { try $0[0].matmul($0[0].transposed()) },
    // Linear, and at points and with a step that float32 holds exactly.
    GradientCase(name: "cast", shapes: elementwise, isSmooth: false, step: 0x1p-10) {
      try $0[0].cast(to: .float32).cast(to: .float64)
    },
    GradientCase(name: "reduce_sum", shapes: [[[3]], [[2, 3]], [[2, 1, 3]]]) {
      try $0[0].sum(axes: [-1]) + $0[0].sum(axes: [0]).sum()
    },
    GradientCase(name: "reduce_mean", shapes: [[[3]], [[2, 3]], [[2, 1, 3]]]) {
      try $0[0].mean(axes: [0], keepDims: true) * $0[0].mean()
    },
    GradientCase(name: "reduce_max", shapes: [[[3]], [[2, 3]], [[2, 1, 3]]], isSpread: true, isSmooth: false) {
      try $0[0].max(axes: [-1]) + $0[0].max()
    },
    GradientCase(name: "softmax", shapes: [[[4]], [[2, 3]], [[2, 3, 2]]]) { try $0[0].softmax(axis: 0) },
    GradientCase(name: "softmax (last)", shapes: [[[2, 3]]]) { try $0[0].softmax() },
    GradientCase(name: "log_softmax", shapes: [[[4]], [[2, 3]], [[2, 3, 2]]]) { try $0[0].logSoftmax(axis: -1) },
    GradientCase(name: "sparse_cross_entropy", shapes: [[[1, 4]], [[3, 2]]]) {
      let labels = try $0[0].trace.constant(1, dtype: .int32).broadcast(to: [$0[0].shape[0]])
      return try $0[0].sparseCrossEntropy(labels: labels)
    },
    // Row 2 is named twice, row 0 once, row 1 never.
    GradientCase(name: "gather", shapes: [[[3]], [[3, 2]], [[4, 2, 3]]]) {
      try $0[0].gather(repeated(2, [2], $0[0].trace)).exp() * $0[0].gather(repeated(0, [1], $0[0].trace))
    },
    // Once to a row that is there, and once to one that is not and takes no part.
    GradientCase(name: "scatter_add", shapes: [[[2, 2]], [[2, 2, 3]]]) {
      let (inside, outside) = (try repeated(1, [2, 2], $0[0].trace), try repeated(3, [2, 2], $0[0].trace))
      return try $0[0].scatterAdd(inside, rows: 3).exp() + $0[0].scatterAdd(outside, rows: 3)
    },
    GradientCase(name: "transpose", shapes: [[[2, 3, 4]]]) { try $0[0].transposed([2, 0, 1]).exp() },
    GradientCase(name: "reshape", shapes: [[[2, 6]]]) { try $0[0].transposed().reshaped([3, 4]).exp() },
    GradientCase(name: "broadcast", shapes: [[[]], [[1]], [[3, 1]], [[2]]]) {
      try $0[0].broadcast(to: [4, 3, 2]).exp()
    },
    GradientCase(name: "pad", shapes: [[[3]], [[2, 3]]]) { operands in
      let shape = operands[0].shape
      return try operands[0].padded(
        low: shape.map { _ in -1 }, high: shape.map { _ in 2 }, interior: shape.map { _ in 1 }, value: 3
      ).exp()
    },
    GradientCase(name: "slice", shapes: [[[6]], [[5, 4]]]) { operands in
      let x = operands[0]
      let ones = x.shape.map { _ in 1 }
      return try x.sliced(start: ones, count: ones.map { _ in 2 }, step: ones.map { _ in 2 }).exp()
        + x.sliced(start: x.shape.map { $0 - 1 }, count: ones.map { _ in 2 }, step: ones.map { _ in -2 })
    },
    GradientCase(name: "concatenate", shapes: [[[2], [3]], [[2, 3], [1, 3]]]) {
      try SymbolicTensor.concatenate([$0[0], $0[1], $0[0]], axis: 0).exp()
    },
    GradientCase(name: "windows", shapes: [[[2, 7]], [[1, 7, 2]]]) {
      try $0[0].windows(size: [3], strides: [2], dilations: [2]).exp()
    },
    GradientCase(name: "windows (two axes)", shapes: [[[1, 4, 5, 2]]]) { try $0[0].windows(size: [2, 3]).exp() },
    GradientCase(name: "window_sum", shapes: [[[2, 3, 2]], [[1, 3, 2, 2]]]) {
      try $0[0].windowSum(shape: [8], strides: [2], dilations: [2]).exp()
    },
    GradientCase(
      name: "convolution", shapes: [[[2, 5, 4, 2], [3, 2, 2, 3]], [[1, 6, 3, 1], [2, 2, 1, 2]]]
    ) { try $0[0].convolution($0[1], windows).exp() },
    GradientCase(name: "convolution (groups)", shapes: [[[1, 7, 4], [3, 2, 2]]]) {
      let dilated = ConvolutionWindows(strides: [1], low: [2], high: [1], dilations: [2])
      return try $0[0].convolution($0[1], dilated, groups: 2).tanh()
    },
    // The gradients of a convolution, whose own gradients are asked for in second derivatives.
    GradientCase(name: "convolution_input_gradient", shapes: [[[2, 3, 4, 3], [3, 2, 2, 3]]]) {
      try $0[0].transposedConvolution($0[1], windows, extents: [5, 4]).tanh()
    },
    GradientCase(name: "convolution_kernel_gradient", shapes: [[[2, 5, 4, 2], [2, 3, 4, 3]]]) {
      try $0[0].apply(ConvolutionKernelGradient(Convolution(windows: windows), size: [3, 2]), $0[1]).tanh()
    },
    GradientCase(name: "max_pool", shapes: [[[1, 5, 4, 2]]], isSpread: true, isSmooth: false) {
      try $0[0].maxPool(size: [3, 2], windows).tanh()
    },
    GradientCase(
      name: "max_pool_gradient", shapes: [[[1, 3, 4, 2], [1, 5, 4, 2]]], isSpread: true, isSmooth: false
    ) {
      let y = try $0[1].maxPool(size: [3, 2], windows)
      return try $0[0].trace.apply(MaxPoolGradient(MaxPool(size: [3, 2], windows: windows)), [$0[0], $0[1], y])[0]
        .tanh()
    },
    GradientCase(name: "average_pool", shapes: [[[2, 5, 4, 1]]]) {
      try $0[0].averagePool(size: [3, 2], windows).exp()
    },
    GradientCase(name: "average_pool_gradient", shapes: [[[1, 3, 4, 2]]]) {
      let pool = AveragePool(size: [3, 2], windows: windows)
      return try $0[0].apply(AveragePoolGradient(pool, extents: [5, 4])).exp()
    },
    sgd("sgd_update", nesterov: false), sgd("sgd_update (Nesterov)", nesterov: true),
    sgd("sgd_update (not applied)", nesterov: true, applies: false),
    adam("adam_update"), adam("adam_update (not applied)", applies: false),
  ]

  private static let windows = ConvolutionWindows(strides: [2, 1], low: [1, 0], high: [1, 1], dilations: [1, 1])

  private static func repeated(_ index: Double, _ shape: [Int], _ trace: Trace) throws -> SymbolicTensor {
    try trace.constant(index, dtype: .int32).broadcast(to: shape)
  }

  private static func sgd(_ name: String, nesterov: Bool, applies: Bool = true) -> GradientCase {
    GradientCase(name: name, shapes: [[[4], [4], [4], []], [[2, 2], [2, 2], [2, 2], []]], isSmooth: false) { operands in
      let trace = operands[0].trace
      let apply = try trace.constant(applies ? 1 : 0, dtype: .bool)
      let results = try trace.apply(SGDUpdate(momentum: 0.75, nesterov: nesterov), operands + [apply])
      return try results[0] * results[1] + results[0]
    }
  }

  private static func adam(_ name: String, applies: Bool = true) -> GradientCase {
    GradientCase(name: name, shapes: [[[3], [3], [3], [3], []]], range: 0.5...1.5, isSmooth: false) { operands in
      let trace = operands[0].trace
      let (step, apply) = (try trace.constant(3, dtype: .int64), try trace.constant(applies ? 1 : 0, dtype: .bool))
      let update = AdamUpdate(beta1: 0.75, beta2: 0.875, epsilon: 0.125, weightDecay: 0.25)
      let results = try trace.apply(update, operands + [step, apply])
      return try results[0] * results[1] + results[2]
    }
  }

  /// Operations that have no gradient, or whose operands are no floating-point numbers.
  static let withoutGradient: [(operation: any Operation, code: OperationCode)] = [
    (Equal(), .equal), (Less(), .less), (LessEqual(), .lessEqual), (LogicalAnd(), .logicalAnd),
    (ArgMax(axis: 0), .argMax), (AllFinite(), .allFinite), (OneHot(depth: 2, dtype: .float32), .oneHot),
    (RandomUniform(shape: [2], stream: 0), .randomUniform), (Quantize(), .quantize),
    (QuantizedMatMul(to: .float32), .quantizedMatmul),
  ]

  func points(_ shapes: [[Int]], seed: UInt64) throws -> [Tensor] {
    var generator = Xorshift(state: seed)
    guard isSpread else { return try shapes.map { try Tensor.random($0, in: range, &generator) } }
    // A shuffled grid without 0: no two elements of all operands are closer than its mesh.
    let total = shapes.reduce(0) { $0 + $1.reduce(1, *) }
    var grid = (0..<total).map { (Double($0) - Double(total) / 2 + 0.25) * 0.125 }
    for last in stride(from: grid.count - 1, to: 0, by: -1) { grid.swapAt(last, generator.next(last + 1)) }
    return try shapes.map { shape in
      let count = shape.reduce(1, *)
      defer { grid.removeFirst(count) }
      return try Tensor(Array(grid.prefix(count)), shape: shape, dtype: .float64)
    }
  }
}
