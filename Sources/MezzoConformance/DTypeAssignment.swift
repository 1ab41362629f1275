import MezzoBackend
import MezzoPolicy

/// Dtypes for the operands and results of an operation.
struct DTypeAssignment {
  var inputs: [DType]
  var results: [DType]

  /// Dtypes that cross the plugin boundary and fill whole bytes.
  static let stored: [DType] = [
    .bool, .int8, .int16, .int32, .int64, .uint8, .uint16, .uint32, .uint64, .float8E4M3FN, .float8E5M2, .float16,
    .bfloat16, .float32, .float64,
  ]
  private static let floats = stored.filter(\.isFloatingPoint)
  private static let indices: [DType] = [.int32, .int64]

  /// Everything that the meaning of `code` admits; a rule's signature then takes some of it.
  static func all(_ code: OperationCode) -> [DTypeAssignment] {
    switch code {
    case .matmul, .convolution, .convolutionInputGradient, .convolutionKernelGradient:
      return stored.flatMap { a in
        stored.flatMap { b in stored.map { c in DTypeAssignment(inputs: [a, b], results: [c]) } }
      }
    case .cast, .reduceSum, .reduceMean, .reduceMax:
      return stored.flatMap { x in stored.map { y in DTypeAssignment(inputs: [x], results: [y]) } }
    case .add, .subtract, .multiply, .divide, .maximum, .minimum, .reluGradient, .concatenate, .geluGradient,
      .softmaxGradient:
      return stored.map { DTypeAssignment(inputs: [$0, $0], results: [$0]) }
    case .equal, .less, .lessEqual, .logicalAnd:
      return stored.map { DTypeAssignment(inputs: [$0, $0], results: [.bool]) }
    case .select: return stored.map { DTypeAssignment(inputs: [.bool, $0, $0], results: [$0]) }
    case .negate, .abs, .exp, .log, .sqrt, .erf, .tanh, .sigmoid, .relu, .gelu, .softmax, .logSoftmax, .log1p, .expm1,
      .softplus, .pad, .slice, .windowSum, .maxPool, .averagePool, .averagePoolGradient:
      return stored.map { DTypeAssignment(inputs: [$0], results: [$0]) }
    case .maxPoolGradient: return stored.map { DTypeAssignment(inputs: [$0, $0, $0], results: [$0]) }
    case .argMax: return stored.map { DTypeAssignment(inputs: [$0], results: [.int32]) }
    case .allFinite: return stored.map { DTypeAssignment(inputs: [$0], results: [.bool]) }
    case .oneHot: return indices.flatMap { label in stored.map { DTypeAssignment(inputs: [label], results: [$0]) } }
    case .sparseCrossEntropy:
      return floats.flatMap { logits in
        indices.map { DTypeAssignment(inputs: [logits, $0], results: [logits == .float64 ? .float64 : .float32]) }
      }
    case .gather:
      return floats.flatMap { table in indices.map { DTypeAssignment(inputs: [table, $0], results: [table]) } }
    case .scatterAdd:
      return floats.flatMap { x in
        indices.flatMap { index in floats.map { DTypeAssignment(inputs: [x, index], results: [$0]) } }
      }
    case .layerNorm:
      return rows.map { DTypeAssignment(inputs: [$0, $0, $1, $1], results: [$0]) }
    case .layerNormGradient:
      return rows.map { DTypeAssignment(inputs: [$0, $0, $1], results: [$0, $1, $1]) }
    case .attention:
      return floats.flatMap { x in
        [DType.float32, .float64].map { DTypeAssignment(inputs: [x, x, x, $0], results: [x, $0]) }
      }
    case .attentionGradient:
      return floats.flatMap { x in
        [DType.float32, .float64].map { DTypeAssignment(inputs: [x, x, x, x, $0, x, $0], results: [x, x, x]) }
      }
    case .quantize:
      return floats.flatMap { x in
        [DType.float32, .float64].map { DTypeAssignment(inputs: [x, $0], results: [.int8, $0, .int8]) }
      }
    case .quantizedMatmul:
      return floats.flatMap { y in
        [DType.float32, .float64].map { DTypeAssignment(inputs: [.int8, .int8, $0, $0, .int8], results: [y]) }
      }
    case .randomUniform: return [DTypeAssignment(inputs: [.int64], results: [.float32])]
    case .sgdUpdate:
      return combinations(3).map {
        DTypeAssignment(inputs: $0 + [.float64, .bool], results: Array($0.prefix(2)))
      }
    case .adamUpdate:
      return combinations(4).map {
        DTypeAssignment(inputs: $0 + [.float64, .int64, .bool], results: Array($0.prefix(3)))
      }
    }
  }

  /// The dtypes of rows, and of vectors beside them.
  private static let rows = floats.flatMap { row in floats.map { (row, $0) } }

  /// Every list of `count` floats that has at most two different dtypes: enough to see that each is read as its own.
  private static func combinations(_ count: Int) -> [[DType]] {
    var lists: [[DType]] = [[]]
    for _ in 0..<count { lists = lists.flatMap { list in floats.map { list + [$0] } } }
    return lists.filter { Set($0).count <= 2 }
  }
}
