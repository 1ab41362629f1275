import MezzoBackend

/// Cases of normalisations along the last axis.
enum NormBlueprints {
  static func forward(_ effort: Effort) -> [Blueprint] {
    // The residual is also one 0 for all.
    let cases = cases(effort)
    return cases.map { make($0, vectors: 2, results: 0) }
      + cases.prefix(5).map { given in
        var blueprint = make(given, vectors: 2, results: 0)
        blueprint.recipes[1] = .constant(0)
        return blueprint
      }
  }

  static func gradient(_ effort: Effort) -> [Blueprint] {
    cases(effort).map { make($0, vectors: 1, results: 2) }
  }

  private struct Given {
    var shape: [Int]
    var isCentered = true
    var epsilon = 1e-3
    var recipe = ValueRecipe.ordinary
    var isDenseOnly = false
  }

  private static func cases(_ effort: Effort) -> [Given] {
    let long = effort == .quick ? 2053 : 50_021
    let shapes = Blueprint.shapes.filter { !$0.isEmpty } + [[4, 33], [33, 4], [70, 3]]
    return shapes.flatMap { shape in [true, false].map { Given(shape: shape, isCentered: $0) } } + [
      Given(shape: [6, 32], epsilon: 1e-12, recipe: .scattered, isDenseOnly: true),
      Given(shape: [2, 3, 16], epsilon: 1e-5, recipe: .positive),
      Given(shape: [3, long], isDenseOnly: true), Given(shape: [2, 5], recipe: .constant(3)),
    ]
  }

  /// Two tensors of rows, then vectors; a result of rows, then others of vectors.
  private static func make(_ given: Given, vectors: Int, results: Int) -> Blueprint {
    let vector = [given.shape[given.shape.count - 1]]
    return Blueprint(
      inputs: [given.shape, given.shape] + Array(repeating: vector, count: vectors),
      results: [given.shape] + Array(repeating: vector, count: results),
      recipes: [given.recipe, given.recipe] + Array(repeating: .ordinary, count: vectors),
      attributes: [
        Attribute("epsilon", .float(given.epsilon)), Attribute("centered", .int(given.isCentered ? 1 : 0)),
      ], isDenseOnly: given.isDenseOnly)
  }
}
