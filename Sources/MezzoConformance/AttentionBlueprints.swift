import MezzoBackend

/// Cases of attention and its gradient.
enum AttentionBlueprints {
  static func forward(_ effort: Effort) -> [Blueprint] {
    cases(effort).map { given in
      Blueprint(
        inputs: given.inputs, results: [given.output, given.rows],
        recipes: [given.recipe, given.recipe, given.recipe, given.bias], attributes: given.attributes,
        isDenseOnly: given.isDenseOnly)
    }
  }

  static func gradient(_ effort: Effort) -> [Blueprint] {
    cases(effort).map { given in
      // An lse that is far below the scores would be that of no attention, and overflow.
      Blueprint(
        inputs: [given.output] + given.inputs + [given.output, given.rows], results: Array(given.inputs[..<3]),
        recipes: [.ordinary, given.recipe, given.recipe, given.recipe, given.bias, .ordinary, .positive],
        attributes: given.attributes, isDenseOnly: given.isDenseOnly)
    }
  }

  private struct Given {
    var batch: [Int] = []
    var queries, keys, dim, width: Int
    var isCausal = false
    var bias = ValueRecipe.constant(0)
    var recipe = ValueRecipe.ordinary
    var isDenseOnly = false

    var inputs: [[Int]] {
      [batch + [queries, dim], batch + [keys, dim], batch + [keys, width], batch + [queries, keys]]
    }
    var output: [Int] { batch + [queries, width] }
    var rows: [Int] { batch + [queries] }
    var attributes: [Attribute] {
      [Attribute("scale", .float(0.375)), Attribute("causal", .int(isCausal ? 1 : 0))]
    }
  }

  private static func cases(_ effort: Effort) -> [Given] {
    [
      Given(queries: 1, keys: 1, dim: 1, width: 1), Given(queries: 3, keys: 5, dim: 2, width: 4, bias: .ordinary),
      Given(batch: [2], queries: 5, keys: 3, dim: 4, width: 2, isCausal: true),
      Given(batch: [2, 3], queries: 4, keys: 4, dim: 3, width: 5, isCausal: true, bias: .ordinary),
      Given(batch: [0], queries: 2, keys: 2, dim: 2, width: 2), Given(queries: 0, keys: 3, dim: 2, width: 2),
      Given(queries: 3, keys: 0, dim: 2, width: 2), Given(queries: 2, keys: 3, dim: 0, width: 2),
      Given(batch: [2], queries: 17, keys: 33, dim: 8, width: 40, bias: .constants([0, -.infinity, 1])),
      Given(queries: 3, keys: 4, dim: 2, width: 3, bias: .constant(-.infinity)),
      Given(queries: 3, keys: 4, dim: 2, width: 3, bias: .constant(-1e9)),
      // More queries and more keys than may be taken at once, so that sums are corrected for larger scores.
      Given(queries: 61, keys: 20, dim: 2, width: 3, bias: .ordinary, isDenseOnly: true),
      Given(queries: 4, keys: 530, dim: 3, width: 2, bias: .ordinary, isDenseOnly: true),
      Given(queries: 270, keys: 262, dim: 1, width: 1, isCausal: true, isDenseOnly: true),
      Given(queries: 2, keys: 5, dim: 300, width: 260, isDenseOnly: true),
    ]
      + (effort == .thorough
        ? [Given(batch: [3, 4], queries: 128, keys: 128, dim: 32, width: 32, isDenseOnly: true)] : [])
  }
}
