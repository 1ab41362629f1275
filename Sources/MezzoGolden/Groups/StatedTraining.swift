import MezzoGraph
import MezzoPolicy

/// What Mezzo is stated to do in a training run under mixed_float16, in plain loops: two dense layers without bias, the
/// first with relu, and the mean squared error.
///
/// Every activation and every gradient of one is rounded to float16. Every sum is in float32; a weight gradient is for a
/// float32 variable and never rounded to less.
struct StatedTraining {
  private typealias Matrix = [[Float]]

  private let x: Matrix
  private let targets: [Float]
  private var kernels: [Matrix]
  private let rate: Float
  private let growth: Int
  /// As in the systems: what a weight gradient is rounded to before it is float32.
  private let roundsWeightGradients: Bool
  private var scale: Float
  private var goodSteps = 0

  /// - Parameter given: the data and the first weights.
  init(_ given: ConfigurationValue, rate: Double, growth: Int, scale: Double, roundsWeightGradients: Bool = false)
    throws
  {
    self.roundsWeightGradients = roundsWeightGradients
    func matrix(_ key: String) throws -> Matrix {
      let tensor = try GoldenTensor.read(try given.member(key))
      guard tensor.shape.count == 2 else { throw GoldenFormError(expected: "a matrix", found: "\(tensor.type)") }
      let (values, width) = (tensor.scalars().map { Float($0) }, tensor.shape[1])
      return (0..<tensor.shape[0]).map { Array(values[$0 * width..<($0 + 1) * width]) }
    }
    x = try matrix("X").map { $0.map(Self.rounded) }
    targets = try matrix("Y").map { $0[0] }
    kernels = [try matrix("W0"), try matrix("W1")]
    self.rate = Float(rate)
    self.growth = growth
    self.scale = Float(scale)
  }

  /// - Returns: losses before each step, scales after it.
  mutating func run(_ steps: Int) -> (losses: [Double], scales: [Double]) {
    var (losses, scales): ([Double], [Double]) = ([], [])
    for _ in 0..<steps {
      losses.append(Double(step()))
      scales.append(Double(scale))
    }
    return (losses, scales)
  }

  /// The weights of a layer, row by row.
  func weights(_ layer: Int) -> [Double] { kernels[layer].joined().map { Double($0) } }

  private mutating func step() -> Float {
    let weights = kernels.map { $0.map { $0.map(Self.rounded) } }
    let hidden = Self.product(x, weights[0]).map { $0.map { Self.rounded(max($0, 0)) } }
    let outputs = Self.product(hidden, weights[1]).map { $0.map(Self.rounded) }
    let errors = zip(outputs, targets).map { $0[0] - $1 }
    let count = Float(errors.count)
    let byOutput = errors.map { [Self.rounded(2 * $0 * (scale / count))] }
    let byHidden = zip(Self.product(byOutput, Self.transposed(weights[1])), hidden).map { gradients, values in
      zip(gradients, values).map { $1 > 0 ? Self.rounded($0) : 0 }
    }
    let gradients = [
      Self.product(Self.transposed(x), byHidden), Self.product(Self.transposed(hidden), byOutput),
    ]
    apply(gradients.map { $0.map { $0.map { (roundsWeightGradients ? Self.rounded($0) : $0) * (1 / scale) } } })
    return errors.reduce(0) { $0 + $1 * $1 } / count
  }

  private mutating func apply(_ gradients: [Matrix]) {
    guard gradients.joined().joined().allSatisfy(\.isFinite) else {
      goodSteps = 0
      scale = max(scale / 2, 1)
      return
    }
    goodSteps += 1
    if goodSteps == growth { (goodSteps, scale) = (0, scale * 2) }
    kernels = zip(kernels, gradients).map { kernel, gradient in
      zip(kernel, gradient).map { zip($0, $1).map { $0 - rate * $1 } }
    }
  }

  private static func rounded(_ value: Float) -> Float { Float(Half(value)) }

  private static func transposed(_ matrix: Matrix) -> Matrix {
    (matrix.first ?? []).indices.map { column in matrix.map { $0[column] } }
  }

  private static func product(_ left: Matrix, _ right: Matrix) -> Matrix {
    left.map { row in
      transposed(right).map { column in zip(row, column).reduce(0) { $0 + $1.0 * $1.1 } }
    }
  }
}
