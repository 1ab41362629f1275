import MezzoBackend

/// Cases of the optimizers' updates and of random numbers.
enum UpdateBlueprints {
  private static let shapes: [[Int]] = [[], [0], [1], [37], [5, 3], [2, 3, 5]]

  static let sgd = shapes.flatMap { shape in
    [(momentum: 0.0, nesterov: 0, apply: 1.0), (0.9, 0, 1), (0.9, 1, 1), (0.9, 1, 0)].map { momentum, nesterov, apply in
      Blueprint(
        inputs: [shape, shape, shape, [], []], results: [shape, shape],
        recipes: [.ordinary, .ordinary, .ordinary, .constant(0.05), .constant(apply)],
        attributes: [Attribute("momentum", .float(momentum)), Attribute("nesterov", .int(nesterov))])
    }
  }

  static let adam = shapes.flatMap { shape in
    [(step: 1.0, decay: 0.0, apply: 1.0), (1000, 0.01, 1), (3, 0.01, 0)].map { step, decay, apply in
      Blueprint(
        inputs: [shape, shape, shape, shape, [], [], []], results: [shape, shape, shape],
        recipes: [.ordinary, .ordinary, .positive, .ordinary, .constant(0.01), .constant(step), .constant(apply)],
        attributes: [
          Attribute("beta1", .float(0.9)), Attribute("beta2", .float(0.999)), Attribute("epsilon", .float(1e-7)),
          Attribute("weight_decay", .float(decay)),
        ])
    }
  }

  static func random(_ effort: Effort) -> [Blueprint] {
    // Seeds and steps with something in their upper halves, and a negative one.
    let keys: [[Double]] = [[0, 0], [1, 2], [-1, 1], [0x1_2345_6789, 0x9_8765_4321]]
    return keys.flatMap { key in
      (Blueprint.shapes + [[effort == .quick ? 1031 : 100_003]]).map { shape in
        Blueprint(
          inputs: [[2]], results: [shape], recipes: [.constants(key)],
          attributes: [Attribute("stream", .int(shape.count))])
      }
    }
  }
}
