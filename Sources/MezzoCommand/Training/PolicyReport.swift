import Mezzo

/// What a policy means for layers, losses and backends.
struct PolicyReport: Encodable, Sendable {
  var name: String
  var computeDType: OrNull<String>
  var variableDType: OrNull<String>
  /// Whether training scales the loss by itself.
  var lossScaling: Bool
  var meaning: String
  /// What layers cast.
  var layers: String
  /// Who takes a product of it; `nil` unless asked for.
  var matmul: Matmul?

  struct Matmul: Encodable, Sendable {
    var request: String
    /// `null` where no backend takes it.
    var backend: OrNull<String>
    var rule: OrNull<String>
    var casts: [String]
    var why: String
    fileprivate(set) var text: String

    private enum CodingKeys: String, CodingKey { case request, backend, rule, casts, why }
  }

  static let named: [DTypePolicy] = [
    .float32, .mixedBFloat16, .mixedFloat16, .bfloat16, .float16, .float64, .infer,
  ]

  init(_ policy: DTypePolicy, withMatmul: Bool) {
    name = policy.name
    computeDType = OrNull(policy.computeDType?.name)
    variableDType = OrNull(policy.variableDType?.name)
    lossScaling = policy.computeDType == .float16
    meaning = Self.meaning(policy)
    layers = Self.layers(policy)
    matmul = withMatmul ? policy.computeDType.map(Matmul.init) : nil
  }

  private static func meaning(_ policy: DTypePolicy) -> String {
    switch (policy.computeDType, policy.variableDType) {
    case (.float16, .float32):
      "Half the bytes of each activation; its range ends at 65504, so that the loss is scaled."
    case (.bfloat16, .float32): "Half the bytes of each activation, the range of float32, 8 bits of precision."
    case (.float32, .float32): "The usual one: exact enough for almost all training."
    case (.float64, .float64): "Twice the memory of float32; for checking others against."
    case (.float16, .float16): "No float32 weights: updates below a part in 2048 of a weight are lost."
    case (.bfloat16, .bfloat16): "No float32 weights: updates below a part in 256 of a weight are lost."
    case (nil, nil): "Each layer takes the dtype of its first input for both."
    case (let compute?, _) where !compute.isFloatingPoint:
      "For single layers that need it; the global policy and Dense want a floating dtype."
    default: "One dtype for both."
    }
  }

  private static func layers(_ policy: DTypePolicy) -> String {
    guard let compute = policy.computeDType, let variable = policy.variableDType else {
      return "cast nothing: the first input decides"
    }
    guard compute.isFloatingPoint else { return "cast nothing: casts are from floating dtypes to floating dtypes" }
    let variables = compute == variable ? "variables are used as they are" : "variables are read as \(compute)"
    return "cast floating-point inputs to \(compute), integers stay; \(variables)"
  }
}

extension PolicyReport.Matmul {
  /// A layer of 512 units on a batch of 128 images of MNIST's size.
  init(_ dtype: DType) {
    let request = OperationRequest(
      .matmul,
      inputs: [Operand(dtype: dtype, shape: [128, 784]), Operand(dtype: dtype, shape: [784, 512])],
      results: [Operand(dtype: dtype, shape: [128, 512])])
    self.request = request.description
    do {
      let record = try Runtime.shared.router.route(request, origin: Graph.Origin(layer: "", phase: .forward)).record
      backend = OrNull(record.backend)
      rule = OrNull(record.rule)
      casts = record.casts
      why = record.why
      let goal = "\(record.request) goes to \(record.backend)/\(record.rule)"
      text = ([goal] + RouteTable.casts(record.casts) + [record.why]).joined(separator: "; ")
    } catch {
      backend = OrNull(nil)
      rule = OrNull(nil)
      casts = []
      why = "\(error)"
      text = "no backend takes \(request)"
    }
  }
}
