package import MezzoBackend
import MezzoPlugins
import MezzoPolicy

/// What an operation costs, as far as its shapes tell: the numbers that rules' rates divide.
package enum CostModel {
  /// What the rule declares for one run of the operation.
  package static func estimate(_ request: OperationRequest, _ rule: Rule) -> Double {
    rule.cost.estimate(operations: operations(request), bytes: bytes(request))
  }

  /// What the rule declares, corrected by what was measured of it, the way to its function, and what it leaves over.
  /// - Parameter tuned: what this very request was measured to take, instead of all that.
  static func estimate(_ request: OperationRequest, _ rule: Rule, _ kind: CallKind, tuned: Double? = nil) -> Double {
    // The steps of the epilogue that the rule leaves over are passes of their own over the result.
    let left = request.epilogue.count - rule.epiloguePrefix(request)
    let passes = Double(left) * request.results.reduce(0) { $0 + conversion($1, to: $1) }
    if let tuned { return tuned + passes }
    return estimate(request, rule) * (rule.measured?.correction ?? 1) + CallOverhead.nanoseconds(kind) + passes
  }

  /// A conversion or copy of an operand: its bytes read and written at the speed of a cache, and one call.
  static func conversion(_ operand: Operand, to other: Operand) -> Double {
    200 + (bytes(operand) + bytes(other)) / 20
  }

  /// What is computed from constants alone is computed once for very many runs.
  static let constantShare = 1.0 / 1000

  package static func operations(_ request: OperationRequest) -> Double {
    let elements = request.results.map(count).max() ?? 0
    let read = request.inputs.map(count).max() ?? 0
    switch request.code {
    case .matmul, .quantizedMatmul: return 2 * elements * Double(request.inputs[0].shape.last ?? 1)
    case .convolution: return 2 * elements * perResult(request.inputs[1])
    case .convolutionInputGradient: return 2 * count(request.inputs[0]) * perResult(request.inputs[1])
    case .convolutionKernelGradient: return 2 * count(request.inputs[1]) * perResult(request.results[0])
    case .exp, .log, .sqrt, .erf, .tanh, .sigmoid, .gelu, .randomUniform, .log1p, .expm1, .softplus, .geluGradient,
      .layerNorm, .layerNormGradient, .softmaxGradient:
      return 10 * elements
    case .attention: return 4 * count(request.inputs[3]) * Double(request.inputs[0].shape.last ?? 1)
    case .attentionGradient: return 10 * count(request.inputs[4]) * Double(request.inputs[1].shape.last ?? 1)
    case .softmax, .logSoftmax, .sparseCrossEntropy: return 15 * read
    case .reduceSum, .reduceMean, .reduceMax, .argMax, .allFinite, .windowSum: return read
    case .sgdUpdate: return 4 * elements
    case .adamUpdate: return 12 * elements
    default: return elements
    }
  }

  /// Products that a kernel takes for one element of a convolution's result.
  private static func perResult(_ kernel: Operand) -> Double {
    kernel.shape.dropLast().reduce(1.0) { $0 * Double($1) }
  }

  package static func bytes(_ request: OperationRequest) -> Double {
    (request.inputs + request.results).reduce(0) { $0 + bytes($1) }
  }

  private static func bytes(_ operand: Operand) -> Double {
    // A repeated axis is read from where it was read before.
    let distinct = zip(operand.shape, operand.strides).reduce(1.0) { $1.1 == 0 ? $0 : $0 * Double($1.0) }
    return distinct * Double(operand.dtype.bitWidth ?? 8) / 8
  }

  private static func count(_ operand: Operand) -> Double { operand.shape.reduce(1.0) { $0 * Double($1) } }
}
