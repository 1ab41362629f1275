import MezzoBackend
import MezzoPolicy

/// Cases of convolutions, of pooling, and of their gradients.
enum WindowBlueprints {
  /// One number an axis.
  private struct Windows {
    var extents, size, strides, low, high, dilations: [Int]

    init(
      _ extents: [Int], _ size: [Int], strides: [Int]? = nil, low: [Int]? = nil, high: [Int]? = nil,
      dilations: [Int]? = nil
    ) {
      let (ones, zeros) = (extents.map { _ in 1 }, extents.map { _ in 0 })
      (self.extents, self.size) = (extents, size)
      (self.strides, self.dilations) = (strides ?? ones, dilations ?? ones)
      (self.low, self.high) = (low ?? zeros, high ?? zeros)
    }

    var counts: [Int] {
      extents.indices.map {
        (extents[$0] + low[$0] + high[$0] - (size[$0] - 1) * dilations[$0] - 1) / strides[$0] + 1
      }
    }

    var attributes: [Attribute] {
      [Attribute("strides", .ints(strides)), Attribute("low", .ints(low)), Attribute("high", .ints(high))]
    }
  }

  static func convolution(_ code: OperationCode, _ effort: Effort) -> [Blueprint] {
    func make(
      _ batch: Int, _ windows: Windows, channels: Int, filters: Int, groups: Int = 1, recipes: [ValueRecipe]? = nil,
      epilogue: [EpilogueStep] = [], constant: Int? = nil
    ) -> Blueprint {
      let x = [batch] + windows.extents + [channels]
      let kernel = windows.size + [channels / groups, filters]
      let y = [batch] + windows.counts + [filters]
      let (inputs, result) =
        switch code {
        case .convolutionInputGradient: ([y, kernel], x)
        case .convolutionKernelGradient: ([x, y], kernel)
        default: ([x, kernel], y)
        }
      let more = epilogue.filter { $0.operand != nil }.map { _ in [filters] }
      return Blueprint(
        inputs: inputs + more, results: [result],
        recipes: (recipes ?? [.ordinary, .ordinary]) + more.map { _ in .ordinary },
        attributes: windows.attributes + [
          Attribute("dilations", .ints(windows.dilations)), Attribute("groups", .int(groups)),
        ], epilogue: epilogue, constant: constant, isDenseOnly: true)
    }
    let image = Windows([4, 5], [3, 2])
    let same = Windows([5, 6], [3, 2], strides: [2, 1], low: [1, 0], high: [1, 1])
    let plain = [
      make(2, Windows([7], [3]), channels: 3, filters: 4), make(2, image, channels: 1, filters: 5),
      make(1, Windows([3, 3], [2, 1]), channels: 17, filters: 19), make(2, same, channels: 4, filters: 3),
      make(
        1, Windows([9, 8], [2, 3], strides: [2, 3], low: [0, 2], high: [1, 0], dilations: [2, 2]), channels: 3,
        filters: 2),
      make(
        1, Windows([4, 3, 5], [2, 2, 3], strides: [1, 1, 2], low: [0, 1, 1], high: [0, 0, 1]), channels: 2, filters: 3),
      make(1, Windows([3, 3], [1, 1]), channels: 5, filters: 33),
      make(1, Windows([2, 2], [4, 5], low: [1, 2], high: [1, 2]), channels: 2, filters: 2),
      make(0, image, channels: 2, filters: 3),
      make(2, same, channels: 6, filters: 4, groups: 2), make(1, image, channels: 5, filters: 5, groups: 5),
      make(2, same, channels: 3, filters: 6, groups: 3),
      make(1, Windows([8], [3], low: [2]), channels: 4, filters: 4, groups: 4),
      make(2, Windows([3, 3], [2, 2], low: [1, 0], high: [1, 1]), channels: 35, filters: 33),
      make(1, image, channels: 3, filters: 4, recipes: [.scattered, .ordinary]),
      make(1, image, channels: 4, filters: 6, recipes: [.scattered, .ordinary]),
    ]
    let large =
      effort == .quick
      ? [make(1, Windows([4, 3], [2, 2], low: [1, 1], high: [1, 1]), channels: 5, filters: 34)]
      : [make(3, Windows([33, 31], [3, 3], low: [1, 1], high: [1, 1]), channels: 33, filters: 65)]
    guard code == .convolution else { return plain + large }
    let bias = EpilogueStep.bias(operand: 2)
    let chains: [[EpilogueStep]] = [
      [bias], [.relu], [bias, .relu], [bias, .gelu(approximate: false)], [bias, .sigmoid], [.silu], [bias, .tanh],
      [.gelu(approximate: true)], [.scale(-0.75)], [bias, .cast(.bfloat16), .relu],
    ]
    return plain + large + [make(2, image, channels: 3, filters: 16, constant: 1)]
      + chains.flatMap { chain in
        [
          make(1, Windows([3, 3], [2, 2]), channels: 2, filters: 5, epilogue: chain),
          make(1, Windows([3], [2], low: [1]), channels: 4, filters: 6, groups: 2, epilogue: chain, constant: 1),
        ]
      }
  }

  static func pool(_ code: OperationCode, _ effort: Effort) -> [Blueprint] {
    func make(
      _ batch: Int, _ windows: Windows, channels: Int, _ values: ValueRecipe = .ordinary, y: ValueRecipe = .ordinary
    ) -> Blueprint {
      let (from, to) = ([batch] + windows.extents + [channels], [batch] + windows.counts + [channels])
      let (inputs, result, recipes): ([[Int]], [Int], [ValueRecipe]) =
        switch code {
        case .maxPoolGradient: ([to, from, to], from, [.ordinary, values, y])
        case .averagePoolGradient: ([to], from, [values])
        default: ([from], to, [values])
        }
      return Blueprint(
        inputs: inputs, results: [result], recipes: recipes,
        attributes: [Attribute("size", .ints(windows.size))] + windows.attributes, isDenseOnly: true)
    }
    let overlapping = Windows([5, 6], [3, 2], strides: [2, 1], low: [1, 0], high: [1, 1])
    let side = Windows([4, 4], [2, 2], strides: [2, 2])
    let apart = Windows([6, 7], [2, 2], strides: [3, 2], low: [1, 0], high: [0, 1])
    let shapes = [
      make(2, Windows([7], [3], strides: [2]), channels: 3), make(2, side, channels: 1), make(1, side, channels: 35),
      make(2, overlapping, channels: 4), make(0, side, channels: 2),
      make(1, Windows([4, 3, 5], [2, 2, 3]), channels: 2),
      make(2, apart, channels: 3), make(1, Windows([5, 7], [2, 3], strides: [2, 3]), channels: 70),
      make(1, Windows([4, 4], [4, 4]), channels: effort == .quick ? 37 : 1031),
    ]
    // Elements that are the largest of their windows, some of them together.
    let equal: [ValueRecipe] = [.constants([1, 2, 3, 2, 1]), .constants([2, 3, 2])]
    return shapes + [
      make(2, overlapping, channels: 3, equal[0], y: equal[1]),
      make(1, side, channels: 4, .constant(2), y: .constant(2)),
      make(1, side, channels: 67, equal[0], y: equal[1]), make(1, apart, channels: 32, equal[0], y: equal[1]),
      make(1, side, channels: 5, .scattered, y: .scattered),
    ]
  }
}
