import MezzoBackend
import MezzoPolicy

/// Cases of matrix products: extents around vector and tile widths, batches, constant operands, epilogues.
enum MatmulBlueprints {
  private typealias Extents = (m: Int, k: Int, n: Int)

  private static let small: [Extents] = [
    (0, 3, 2), (3, 0, 2), (3, 2, 0), (1, 1, 1), (1, 7, 1), (5, 3, 7), (1, 32, 16), (16, 16, 16), (17, 31, 13),
    (8, 64, 33),
  ]

  static func all(_ effort: Effort) -> [Blueprint] {
    let plain = small.flatMap { extents in
      [[], [1], [3], [2, 2]].filter { $0.isEmpty || extents.m * extents.n < 100 }.map { make($0, extents) }
    }
    let constants = small.map { make([], $0, constant: 1) } + [make([2], (4, 8, 16), constant: 1)]
    let valued = [(m: 24, k: 5, n: 20), (m: 3, k: 64, n: 3)].map { make([], $0, recipe: .scattered) }
    return plain + constants + valued + epilogues + blends + vectors + large(effort)
  }

  /// A single row or column is also one whose stride along the other axis is less than its length.
  private static var vectors: [Blueprint] {
    [(m: 1, k: 5, n: 9), (m: 9, k: 5, n: 1), (m: 7, k: 1, n: 6)].map { extents in
      var blueprint = make([], extents)
      blueprint.layouts = [([.dense], [.transposed]), ([.transposed], [.transposed]), ([.transposed], [.dense])]
      return blueprint
    }
  }

  /// Exact in every float dtype, so that nothing is said of how a backend rounds them.
  private typealias Scales = (alpha: Double, beta: Double)
  private static let scales: [Scales] = [(-0.75, 0), (1, 1), (1.5, -0.5), (1, -2), (0, 2), (0, 0)]

  /// alpha · A · B + beta · C with old content in C, which beta = 0 must not let through.
  private static var blends: [Blueprint] {
    let both: Scales = (1.5, -0.5)
    let empty: [Extents] = [(0, 3, 2), (3, 2, 0), (3, 0, 2)]
    return scales.map { make([], (5, 9, 7), scales: $0) }
      + empty.flatMap { extents in [both, (-0.75, 0), (0, 2)].map { make([], extents, scales: $0) } }
      + [
        make([], (1, 1, 1), scales: both), make([3], (17, 31, 13), scales: both),
        make([2], (3, 16, 16), constant: 1, scales: both), make([2, 2], (3, 0, 2), scales: both),
        make([], (5, 9, 7), epilogue: [.bias(operand: 2), .relu], scales: both),
        make([], (5, 9, 7), scales: both, old: .scattered), make([], (4, 6, 5), recipe: .scattered, scales: both),
      ]
  }

  private static var epilogues: [Blueprint] {
    let activations: [EpilogueStep] = [
      .relu, .gelu(approximate: false), .gelu(approximate: true), .sigmoid, .tanh, .silu, .scale(-0.75),
    ]
    let bias = EpilogueStep.bias(operand: 2)
    let wholes: [[EpilogueStep]] = [
      [.add(operand: 2)], [.multiply(operand: 2)], [bias, .silu, .multiply(operand: 3), .add(operand: 4)],
      [.cast(.bfloat16)], [bias, .cast(.float16), .relu],
    ]
    let chains = [[bias]] + activations.flatMap { [[$0], [bias, $0]] } + [[bias, .tanh, .relu]] + wholes
    return chains.flatMap { chain in
      [make([], (5, 9, 7), epilogue: chain), make([2], (3, 16, 16), constant: 1, epilogue: chain)]
    } + [[bias], [.relu], [bias, .relu]].map { make([], (5, 9, 7), constant: 1, epilogue: $0) }
  }

  private static func large(_ effort: Effort) -> [Blueprint] {
    let extents: [Extents] =
      effort == .quick ? [(3, 1031, 2), (65, 40, 37)] : [(3, 20_011, 2), (65, 40, 37), (29, 129, 31)]
    return extents.map { make([], $0, isDenseOnly: true) }
      + [make([], (65, 40, 37), isDenseOnly: true, scales: (1.5, -0.5))]
  }

  /// Large enough for threads and blocks of every size; only with a reference that is quicker than plain loops.
  static func huge(_ effort: Effort) -> [Blueprint] {
    let extents: [Extents] =
      effort == .quick
      ? [(130, 257, 129)] : [(130, 257, 129), (1, 1031, 2053), (2053, 1031, 1), (517, 300, 1031), (64, 4099, 64)]
    return [make([], (130, 257, 129), isDenseOnly: true, scales: (1.5, -0.5))]
      + extents.flatMap { [make([], $0, isDenseOnly: true), make([], $0, constant: 1, isDenseOnly: true)] }
  }

  /// Each extent is 1, `scale`, ten less or three times that, since a condition may ask for one of them alone.
  static func scaled(by scale: Int) -> [Blueprint] {
    let extents = Set([1, scale, 3 * scale, max(scale - 10, 2)]).sorted()
    func work(_ extents: Extents) -> Int { extents.m * extents.k * extents.n }
    var all: [Extents] = []
    for m in extents { for k in extents { for n in extents { all.append((m, k, n)) } } }
    return all.filter { work($0) <= 1 << 26 && max($0.m * $0.k, $0.k * $0.n, $0.m * $0.n) <= 1 << 22 }
      .sorted { work($0) < work($1) }
      .flatMap { extents -> [Blueprint] in
        let ends: [EpilogueStep] = [.bias(operand: 2), .relu]
        return [
          make([], extents), make([2], extents), make([], extents, constant: 1), make([], extents, epilogue: ends),
        ]
      }
  }

  private static func make(
    _ batch: [Int], _ extents: Extents, recipe: ValueRecipe = .ordinary, constant: Int? = nil,
    epilogue: [EpilogueStep] = [], isDenseOnly: Bool = false, scales: Scales = (1, 0), old: ValueRecipe = .ordinary
  ) -> Blueprint {
    let operands = epilogue.filter { $0.operand != nil }.map { step in
      if case .bias = step { [extents.n] } else { batch + [extents.m, extents.n] }
    }
    return Blueprint(
      inputs: [batch + [extents.m, extents.k], batch + [extents.k, extents.n]] + operands,
      results: [batch + [extents.m, extents.n]],
      recipes: [recipe, recipe] + operands.map { _ in .ordinary },
      // Said only where it is not the default, as a caller would.
      attributes: (scales.alpha == 1 ? [] : [Attribute("alpha", .float(scales.alpha))])
        + (scales.beta == 0 ? [] : [Attribute("beta", .float(scales.beta))]),
      epilogue: epilogue, old: old, constant: constant, isDenseOnly: isDenseOnly)
  }
}
