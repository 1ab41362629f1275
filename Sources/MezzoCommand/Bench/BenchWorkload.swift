import Mezzo

/// Work that is measured, ready to run: everything that may be done in advance is done.
protocol BenchWorkload {
  /// Back to the state after it was made. For what changes nothing, nothing.
  mutating func reset() throws

  /// Once more from the input, until the result can be read.
  ///
  /// - Returns: of training, the loss before the update.
  mutating func iterate() throws -> Double?

  /// Of the last result; `nil` of training, whose losses are its check.
  var result: Tensor? { get }
}

/// A workload by its name.
struct BenchKind: Sendable {
  var name: String
  var title: String
  /// What it can be asked to be.
  var parameters: [String]
  var make: @Sendable (BenchParameters, BenchSetting) throws -> any BenchWorkload
  /// Multiplications and additions in products and convolutions of one iteration; `nil` where there are none.
  var operations: @Sendable (BenchParameters) throws -> Double?
  /// Whether the files that it needs are there.
  var isReady: @Sendable (BenchParameters) -> Bool = { _ in true }
  /// Whether it has products with weights that may be in int8.
  var takesInt8 = false

  static let all = [
    DenseTraining.kind, ConvolutionTraining.kind, SentenceEmbedding.kind, EncoderTraining.kind,
    DenseInference.activation, DenseInference.chain, RowWork.normalization,
    RowWork.softmax, RowWork.gelu,
  ]

  /// What it may be computed in.
  static let variants = ["float32", "mixed_bfloat16", "mixed_float16", "float64", int8]
  static let int8 = "int8"

  var variants: [String] { Self.variants.filter { $0 != Self.int8 || takesInt8 } }

  static func named(_ name: String) throws(BenchError) -> BenchKind {
    guard let kind = all.first(where: { $0.name == name }) else {
      throw .unknownWorkload(name, known: all.map(\.name))
    }
    return kind
  }
}

/// How a workload is to be computed.
struct BenchSetting {
  var policy: DTypePolicy
  var runtime: Runtime
  var seed: UInt64

  init(_ kind: BenchKind, variant: String, runtime: Runtime, seed: UInt64) throws {
    guard kind.variants.contains(variant) else {
      throw BenchError.unknownVariant(variant, known: kind.variants)
    }
    policy = try DTypePolicy(variant == BenchKind.int8 ? "int8_from_mixed_bfloat16" : variant)
    self.runtime = runtime
    self.seed = seed
  }

  func stream(_ tensor: Int) -> BenchStream { BenchStream(seed: seed, tensor: tensor) }

  /// What data comes in.
  func input(_ tensor: Tensor) throws -> Tensor {
    try policy.computeDType.map { try tensor.cast(to: $0) } ?? tensor
  }

  /// A built model with these weights, by path; the others begin as their layers say.
  /// - Parameter drawsWeights: whether variables that are not among `weights` begin as a layer wants them, and not with 0.
  func model(
    _ layer: any Layer, inputs: ModelInputs<TensorType>, weights: [String: Tensor], drawsWeights: Bool = true
  ) throws -> Model {
    let model = Model(layer, runtime: runtime)
    try model.build(inputs: inputs, drawsWeights: drawsWeights)
    var variables = try model.variables
    for (path, tensor) in weights {
      guard let type = variables[path]?.type else {
        throw LayerError.unknownVariables(expected: variables.paths, found: [path])
      }
      variables.set(path, try tensor.cast(to: type.dtype), isTrainable: variables.isTrainable(path))
    }
    try model.setVariables(variables)
    return model
  }
}
