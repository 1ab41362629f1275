import MezzoBackend
import MezzoPolicy

/// A case before it has dtypes and layouts: extents, attributes and what the inputs hold.
struct Blueprint {
  var inputs: [[Int]]
  var results: [[Int]]
  var recipes: [ValueRecipe]
  var attributes: [Attribute] = []
  var epilogue: [EpilogueStep] = []
  /// What the results hold before, where the operation reads that.
  var old = ValueRecipe.ordinary
  /// The input that does not change between executions.
  var constant: Int?
  /// Layouts of its own.
  var layouts: [Layout.Plan]?
  /// Only the first layouts; for cases that are about values or size.
  var isDenseOnly = false

  static func all(_ code: OperationCode, _ effort: Effort) -> [Blueprint] {
    switch code {
    case .matmul: MatmulBlueprints.all(effort)
    case .cast: elementwise(1, effort) + roundings
    case .negate, .abs, .exp, .erf, .tanh, .sigmoid, .relu: elementwise(1, effort)
    case .expm1, .softplus: elementwise(1, effort)
    case .log, .sqrt, .log1p: elementwise(1, effort, recipe: .positive)
    case .gelu: [0, 1].flatMap { elementwise(1, effort, attributes: [Attribute("approximate", .int($0))]) }
    case .geluGradient: [0, 1].flatMap { elementwise(2, effort, attributes: [Attribute("approximate", .int($0))]) }
    case .add, .subtract, .multiply, .divide: elementwise(2, effort, special: ValueRecipe.specialFloats)
    case .maximum, .minimum, .equal, .less, .lessEqual, .logicalAnd, .reluGradient: elementwise(2, effort)
    case .select: elementwise(3, effort)
    case .reduceSum, .reduceMean, .reduceMax: AxisBlueprints.reductions(effort)
    case .argMax, .softmax, .logSoftmax, .softmaxGradient: AxisBlueprints.alongAxis(code, effort)
    case .layerNorm: NormBlueprints.forward(effort)
    case .attention: AttentionBlueprints.forward(effort)
    case .attentionGradient: AttentionBlueprints.gradient(effort)
    case .layerNormGradient: NormBlueprints.gradient(effort)
    case .quantize: QuantizedBlueprints.rows(effort)
    case .quantizedMatmul: QuantizedBlueprints.products(effort)
    case .allFinite: allFinite(effort)
    case .oneHot: AxisBlueprints.oneHot
    case .sparseCrossEntropy: AxisBlueprints.crossEntropy(effort)
    case .gather: TableBlueprints.gather(effort)
    case .scatterAdd: TableBlueprints.scatterAdd(effort)
    case .randomUniform: UpdateBlueprints.random(effort)
    case .sgdUpdate: UpdateBlueprints.sgd
    case .adamUpdate: UpdateBlueprints.adam
    case .pad: MoveBlueprints.pad(effort)
    case .slice: MoveBlueprints.slice(effort)
    case .concatenate: MoveBlueprints.concatenate(effort)
    case .windowSum: MoveBlueprints.windowSum(effort)
    case .convolution, .convolutionInputGradient, .convolutionKernelGradient:
      WindowBlueprints.convolution(code, effort)
    case .maxPool, .averagePool, .maxPoolGradient, .averagePoolGradient: WindowBlueprints.pool(code, effort)
    }
  }

  /// Rank 0, empty, one element, primes, odd rows, rank 4.
  static let shapes: [[Int]] = [[], [0], [1], [7], [3, 0, 2], [5, 3], [1, 9], [2, 3, 5], [2, 3, 1, 4]]

  /// A value in the precision of a narrower dtype.
  private static let roundings = [DType.bfloat16, .float16].flatMap { dtype in
    [ValueRecipe.ordinary, .specialFloats(period: 1)].map { recipe in
      Blueprint(inputs: [[7, 5]], results: [[7, 5]], recipes: [recipe], epilogue: [.cast(dtype)])
    }
  }

  private static func elementwise(
    _ arity: Int, _ effort: Effort, recipe: ValueRecipe = .ordinary,
    special: (Int) -> ValueRecipe = ValueRecipe.special, attributes: [Attribute] = []
  ) -> [Blueprint] {
    func make(_ shape: [Int], _ recipes: [ValueRecipe], isDenseOnly: Bool = false) -> Blueprint {
      Blueprint(
        inputs: Array(repeating: shape, count: arity), results: [shape], recipes: recipes, attributes: attributes,
        isDenseOnly: isDenseOnly)
    }
    let ordinary = Array(repeating: recipe, count: arity)
    // Every special value with every other, in an odd number of elements so that a vector loop has a rest.
    let specials = (0..<arity).map { special($0 == 0 ? 1 : 25) }
    let large = effort == .quick ? 1031 : 100_003
    return shapes.map { make($0, ordinary) }
      + [make([arity == 1 ? 25 : 625], specials, isDenseOnly: true), make([large], ordinary, isDenseOnly: true)]
      + (effort == .thorough ? [make([67, 129], ordinary), make([7, 5, 33, 17], ordinary)] : [])
  }

  private static func allFinite(_ effort: Effort) -> [Blueprint] {
    (shapes + [[effort == .quick ? 1031 : 100_003]]).flatMap { shape in
      [ValueRecipe.ordinary, .scattered, .constant(.infinity), .constant(.nan)].map {
        Blueprint(inputs: [shape], results: [[]], recipes: [$0])
      }
    }
  }
}
