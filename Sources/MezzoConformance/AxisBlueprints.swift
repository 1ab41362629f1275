import MezzoBackend

/// Cases of operations that work along axes.
enum AxisBlueprints {
  static func reductions(_ effort: Effort) -> [Blueprint] {
    func make(_ shape: [Int], _ axes: [Int], _ recipe: ValueRecipe = .ordinary, isDenseOnly: Bool = false) -> Blueprint
    {
      let result = shape.enumerated().map { axes.contains($0.offset) ? 1 : $0.element }
      return Blueprint(
        inputs: [shape], results: [result], recipes: [recipe], attributes: [Attribute("axes", .ints(axes))],
        isDenseOnly: isDenseOnly)
    }
    let shapes = Blueprint.shapes + [[8, 33], [33, 8]]
    let small = shapes.flatMap { shape in subsets(shape.count).map { make(shape, $0) } }
    let rows = effort == .quick ? 2053 : 200_003
    return small
      + [
        make([8, 16], [1], .scattered), make([8, 16], [0], .scattered),
        make([3, rows], [1], isDenseOnly: true), make([rows, 3], [0], isDenseOnly: true),
        make([rows], [0], .positive, isDenseOnly: true),
      ]
  }

  static func alongAxis(_ code: OperationCode, _ effort: Effort) -> [Blueprint] {
    func make(_ shape: [Int], _ axis: Int, _ recipe: ValueRecipe = .ordinary, isDenseOnly: Bool = false) -> Blueprint {
      var result = shape
      if code == .argMax { result[axis] = 1 }
      return Blueprint(
        inputs: Array(repeating: shape, count: code.arity.inputs), results: [result],
        recipes: Array(repeating: recipe, count: code.arity.inputs), attributes: [Attribute("axis", .int(axis))],
        isDenseOnly: isDenseOnly)
    }
    let long = effort == .quick ? 1031 : 50_021
    let shapes = Blueprint.shapes.filter { !$0.isEmpty } + [[4, 33], [33, 4]]
    return shapes.flatMap { shape in
      // Nothing has no largest element.
      shape.indices.filter { code != .argMax || shape[$0] > 0 }.map { make(shape, $0) }
    }
      + [
        make([24, 16], 1, .scattered), make([16, 24], 0, .scattered), make([3, long], 1, isDenseOnly: true),
        make([4, 5], 1, .constant(-.infinity)), make([5], 0, .constant(1)), make([5], 0, .constants([300, -300])),
      ]
  }

  static let oneHot = Blueprint.shapes.filter { $0.count < 4 }.flatMap { shape in
    [1, 5, 37].map { depth in
      Blueprint(inputs: [shape], results: [shape + [depth]], recipes: [.labels(depth: depth)])
    }
  }

  static func crossEntropy(_ effort: Effort) -> [Blueprint] {
    let shapes = [[0, 3], [1, 1], [1, 10], [7, 10], [33, 5], [2, effort == .quick ? 1031 : 50_021]]
    return shapes.flatMap { shape in
      [ValueRecipe.ordinary, .scattered].map {
        Blueprint(inputs: [shape, [shape[0]]], results: [[shape[0]]], recipes: [$0, .labels(depth: shape[1])])
      }
    }
  }

  private static func subsets(_ rank: Int) -> [[Int]] {
    (0..<(1 << rank)).map { bits in (0..<rank).filter { bits >> $0 & 1 == 1 } }
  }
}
