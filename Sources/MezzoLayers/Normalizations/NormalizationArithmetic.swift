import MezzoGraph
import MezzoPolicy

/// What the normalising layers share: arithmetic in at least float32, and parameters that lie along some of the axes.
struct NormalizationArithmetic {
  /// In the dtype that everything here is computed in: float32, or float64 where the policy computes or reduces in it.
  let input: SymbolicTensor
  /// The axes along which there are parameters, ascending.
  let axes: [Int]
  private let epsilon: Double
  let compute: DType

  /// - Throws: `LayerError` for a policy that is not floating and for an epsilon that is no small number.
  init(_ input: SymbolicTensor, axes: [Int], epsilon: Double, _ context: LayerContext) throws {
    guard let compute = context.policy.computeDType, compute.isFloatingPoint else {
      throw LayerError.nonFloatingPolicy(layer: context.path, policy: context.policy.name)
    }
    guard epsilon >= 0, epsilon.isFinite else {
      throw LayerError.invalidConfiguration(
        layer: "layer \(context.path)", expected: "an epsilon of at least 0", found: "\(epsilon)")
    }
    self.input = try input.cast(to: Self.dtype(under: context.policy))
    self.axes = axes
    self.epsilon = epsilon
    self.compute = compute
  }

  /// What everything is computed in under `policy`.
  static func dtype(under policy: DTypePolicy) -> DType {
    policy.computeDType == .float64 || policy.reductionDType == .float64 ? .float64 : .float32
  }

  /// The shape of a parameter.
  var shape: [Int] { axes.map { input.shape[$0] } }

  /// A parameter, ready to be broadcast against the input.
  func aligned(_ parameter: SymbolicTensor) throws -> SymbolicTensor {
    try parameter.cast(to: input.dtype)
      .reshaped(input.shape.indices.map { axes.contains($0) ? input.shape[$0] : 1 })
  }

  /// All of it as one operation, which takes `input` as it is: nil for other axes than the last, and where single
  /// operations are to work in dtypes of their own.
  func rows(
    _ input: SymbolicTensor, gamma: SymbolicTensor?, beta: SymbolicTensor? = nil, isCentered: Bool = true
  ) throws -> SymbolicTensor? {
    guard axes == [input.rank - 1], input.trace.precision == .ofOperands else { return nil }
    let isNarrow = self.input.dtype == .float32 && [.float16, .bfloat16].contains(input.dtype)
    func vector(_ parameter: SymbolicTensor?) throws -> SymbolicTensor? {
      try (parameter?.dtype == .float64) == (self.input.dtype == .float64)
        ? parameter : parameter?.cast(to: self.input.dtype)
    }
    return try (isNarrow ? input : self.input).layerNormalized(
      gamma: vector(gamma), beta: vector(beta), epsilon: epsilon, isCentered: isCentered)
  }

  /// The mean and the variance over `axes`, which stay with extent 1. The mean is subtracted before the squares are
  /// taken, so that a variance that is small beside the mean keeps its digits.
  func moments(over axes: [Int]) throws -> (mean: SymbolicTensor, variance: SymbolicTensor) {
    let mean = try input.mean(axes: axes, keepDims: true)
    let centered = try input - mean
    return (mean, try (centered * centered).mean(axes: axes, keepDims: true))
  }

  /// `(input − mean) ∕ √(variance + epsilon) · gamma + beta`, in the compute dtype.
  func normalized(
    _ mean: SymbolicTensor, _ variance: SymbolicTensor, gamma: SymbolicTensor?, beta: SymbolicTensor?
  ) throws -> SymbolicTensor {
    var output = try (input - mean) / (variance + epsilon).sqrt()
    if let gamma { output = try output * aligned(gamma) }
    if let beta { output = try output + aligned(beta) }
    return try output.cast(to: compute)
  }
}

extension LayerContext {
  /// `axis` counted from the front.
  ///
  /// - Throws: `LayerError` where the input has no such axis.
  func axis(_ axis: Int, of input: SymbolicTensor) throws(LayerError) -> Int {
    let counted = axis < 0 ? axis + input.rank : axis
    guard input.shape.indices.contains(counted) else {
      throw .inputShape(layer: path, expected: "with an axis \(axis)", found: input.shape)
    }
    return counted
  }
}
