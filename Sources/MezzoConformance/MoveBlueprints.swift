import MezzoBackend

/// Cases of operations that move elements, and of sums over windows.
enum MoveBlueprints {
  static func pad(_ effort: Effort) -> [Blueprint] {
    func make(
      _ shape: [Int], _ low: [Int], _ high: [Int], _ interior: [Int], _ value: Double = 0,
      _ recipe: ValueRecipe = .ordinary
    ) -> Blueprint {
      let padded = shape.indices.map { low[$0] + shape[$0] + max(shape[$0] - 1, 0) * interior[$0] + high[$0] }
      return Blueprint(
        inputs: [shape], results: [padded], recipes: [recipe],
        attributes: [
          Attribute("low", .ints(low)), Attribute("high", .ints(high)), Attribute("interior", .ints(interior)),
          Attribute("value", .float(value)),
        ])
    }
    let long = effort == .quick ? 1031 : 50_021
    return Blueprint.shapes.flatMap { shape in
      [
        make(shape, shape.map { _ in 0 }, shape.map { _ in 0 }, shape.map { _ in 0 }),
        make(shape, shape.indices.map { $0 + 1 }, shape.map { _ in 2 }, shape.indices.map { $0 % 3 }, 1),
      ]
    } + [
      make([5, 3], [-1, 2], [-2, -1], [0, 0], 3), make([7], [-9], [3], [0], 2), make([7], [3], [-9], [0], 1),
      make([7], [-4], [-5], [2], 1), make([4, 5], [-2, 1], [1, -3], [1, 2], 5),
      make([0, 2], [3, 1], [0, 0], [2, 2], 7),
      make([3, long], [1, -5], [0, 7], [0, 1], 1, .special(period: 1)),
    ]
  }

  static func slice(_ effort: Effort) -> [Blueprint] {
    func make(_ shape: [Int], _ start: [Int], _ count: [Int], _ step: [Int], _ recipe: ValueRecipe = .ordinary)
      -> Blueprint
    {
      Blueprint(
        inputs: [shape], results: [count], recipes: [recipe],
        attributes: [Attribute("start", .ints(start)), Attribute("step", .ints(step))])
    }
    let long = effort == .quick ? 1031 : 50_021
    return Blueprint.shapes.flatMap { shape in
      [
        make(shape, shape.map { _ in 0 }, shape, shape.map { _ in 1 }),
        make(shape, shape.map { max($0 - 1, 0) }, shape, shape.map { _ in -1 }),
        make(shape, shape.map { _ in 0 }, shape.map { ($0 + 1) / 2 }, shape.map { _ in 2 }),
      ]
    } + [
      make([5, 3], [1, 2], [3, 2], [1, -2]), make([5, 3], [0, 1], [0, 2], [1, 1]), make([7], [6], [3], [-3]),
      make([4, long], [1, 3], [2, long / 3], [2, 2], .special(period: 1)),
    ]
  }

  static func concatenate(_ effort: Effort) -> [Blueprint] {
    let long = effort == .quick ? 1031 : 50_021
    let shapes = Blueprint.shapes.filter { !$0.isEmpty } + [[3, long]]
    return shapes.flatMap { shape in
      shape.indices.flatMap { axis in
        [0, 1, 4].map { extent in
          var (other, result) = (shape, shape)
          other[axis] = extent
          result[axis] += extent
          return Blueprint(
            inputs: [shape, other], results: [result], recipes: [.special(period: 1), .ordinary],
            attributes: [Attribute("axis", .int(axis))])
        }
      }
    }
  }

  static func windowSum(_ effort: Effort) -> [Blueprint] {
    func make(
      _ batch: Int, _ out: [Int], _ taps: [Int], _ rest: [Int], strides: [Int], dilations: [Int], more: Int = 0,
      _ recipe: ValueRecipe = .ordinary
    ) -> Blueprint {
      let extents = out.indices.map { axis in
        out[axis] == 0 || taps[axis] == 0
          ? 3 : (out[axis] - 1) * strides[axis] + (taps[axis] - 1) * dilations[axis] + 1 + more
      }
      return Blueprint(
        inputs: [[batch] + out + taps + rest], results: [[batch] + extents + rest], recipes: [recipe],
        attributes: [Attribute("strides", .ints(strides)), Attribute("dilations", .ints(dilations))])
    }
    let channels = effort == .quick ? 67 : 1031
    return [
      make(2, [5], [3], [2], strides: [1], dilations: [1]), make(1, [4], [2], [], strides: [3], dilations: [1]),
      make(2, [3], [3], [1], strides: [2], dilations: [2], more: 2),
      make(0, [3], [2], [2], strides: [1], dilations: [1]),
      make(1, [0], [2], [2], strides: [1], dilations: [1]), make(1, [2], [2], [0], strides: [1], dilations: [1]),
      make(2, [3, 4], [3, 2], [3], strides: [1, 2], dilations: [1, 1], more: 1),
      make(1, [2, 3, 2], [2, 2, 3], [2], strides: [1, 2, 1], dilations: [2, 1, 1]),
      make(2, [5], [3], [channels], strides: [1], dilations: [1]),
      make(2, [4, 4], [3, 3], [2], strides: [1, 1], dilations: [1, 1], .scattered),
    ]
  }
}
