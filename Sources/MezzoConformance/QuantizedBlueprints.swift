import MezzoBackend
import MezzoPolicy

/// Cases of int8: rows that are brought to it, and products.
enum QuantizedBlueprints {
  static func rows(_ effort: Effort) -> [Blueprint] {
    let shapes = [[1], [7], [0], [3, 0], [0, 5], [5, 33], [2, 3, 65], [1, effort == .quick ? 1031 : 100_003]]
    let limits = [ValueRecipe.constant(0), .constant(0.75)]
    let ordinary = shapes.flatMap { shape in limits.map { make(shape, .ordinary, limit: $0) } }
    let symmetric = [[7], [5, 33]].map { make($0, .ordinary, limit: .constant(0), isSymmetric: true) }
    let values: [ValueRecipe] = [
      .constant(0), .scattered, .special(period: 1), .constants([0.5, -1, 0.25, .infinity, 1, 1]),
      .constants([0.5, -1, 0.25]), .constants([0.5, 1, 0.75, 2]), .constants([-3, -1, -0.75, -2]),
      .constants([-.infinity, .nan, 1, 2]), .constants([1e-40, -3e-41]),
      .constants([127, 2.5, 0.5, -1.5, -126.5, 3.5]),
    ]
    return ordinary + symmetric + values.flatMap { recipe in limits.map { make([3, 4], recipe, limit: $0) } }
  }

  private static func make(_ shape: [Int], _ recipe: ValueRecipe, limit: ValueRecipe, isSymmetric: Bool = false)
    -> Blueprint
  {
    Blueprint(
      inputs: [shape, []], results: [shape, Array(shape.dropLast()), Array(shape.dropLast())],
      recipes: [recipe, limit],
      attributes: [Attribute("symmetric", .int(isSymmetric ? 1 : 0))])
  }

  private typealias Extents = (m: Int, k: Int, n: Int)

  static func products(_ effort: Effort) -> [Blueprint] {
    let small: [Extents] = [
      (0, 3, 2), (3, 0, 2), (3, 2, 0), (1, 1, 1), (1, 7, 1), (5, 3, 7), (1, 32, 16), (16, 16, 32), (17, 31, 33),
      (2, 4, 5),
    ]
    // More than a block of rows, of columns and of what is summed at once.
    let large: [Extents] = [(3, 1031, 2), (33, 10, 40), (2, 5, 530)] + (effort == .thorough ? [(64, 1040, 530)] : [])
    let constant = [false, true]
    let bias = EpilogueStep.bias(operand: 5)
    let chains: [[EpilogueStep]] = [
      [bias], [.relu], [bias, .gelu(approximate: false)], [bias, .relu, .scale(-0.75)], [bias, .add(operand: 6)],
      [.multiply(operand: 5), .cast(.bfloat16), .tanh],
    ]
    return small.flatMap { extents in constant.map { make(extents, isConstant: $0) } }
      + large.flatMap { extents in constant.map { make(extents, isConstant: $0, isDenseOnly: true) } }
      + constant.map { make((5, 19, 7), recipe: .special(period: 1), isConstant: $0, isDenseOnly: true) }
      + chains.flatMap { chain in constant.map { make((5, 9, 7), isConstant: $0, epilogue: chain) } }
  }

  private static func make(
    _ extents: Extents, recipe: ValueRecipe = .ordinary, isConstant: Bool, epilogue: [EpilogueStep] = [],
    isDenseOnly: Bool = false
  ) -> Blueprint {
    let result = [extents.m, extents.n]
    let operands = epilogue.filter { $0.operand != nil }.map { step in
      if case .bias = step { [extents.n] } else { result }
    }
    return Blueprint(
      inputs: [[extents.m, extents.k], [extents.k, extents.n], [extents.m], [extents.n], [extents.m]] + operands,
      results: [result],
      recipes: [recipe, recipe] + Array(repeating: .ordinary, count: 3 + operands.count), epilogue: epilogue,
      constant: isConstant ? 1 : nil, isDenseOnly: isDenseOnly)
  }
}
