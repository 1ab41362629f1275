public import MezzoBackend
public import MezzoPolicy

/// Which operations work in a dtype of their own, whatever their operands have: “softmax in float32 here”.
///
/// An operation with an entry has its floating-point operands cast to the entry's dtype, works in it, and has its
/// results cast back to the dtypes that they would have had. Its gradient works in the same dtype.
///
/// ```swift
/// let precision = try OperationPrecision([.softmax: .float32])
/// let y = try trace.withPrecision(precision) { try x.softmax() }   // float16 in, float16 out
/// ```
public struct OperationPrecision: Sendable, Hashable {
  /// The dtype of each operation that has one of its own.
  public let dtypes: [OperationCode: DType]

  /// No exceptions: every operation works in the dtype of its operands.
  public static let ofOperands = OperationPrecision(unchecked: [:])

  /// The operations that can be given a dtype: those that compute with floating-point operands.
  ///
  /// Not casts, which say themselves what they give, nor what only moves elements; not the updates of variables, which work in the dtypes of what
  /// they store; not the check for finite values, which must see them as they are.
  public static let operations: [OperationCode] = OperationCode.allCases.filter { code in
    switch code {
    case .cast, .logicalAnd, .allFinite, .oneHot, .gather, .randomUniform, .sgdUpdate, .adamUpdate, .pad, .slice,
      .concatenate:
      false
    default: true
    }
  }

  /// The dtypes that backends compute in.
  public static let workingDTypes: [DType] = [.float16, .bfloat16, .float32, .float64]

  /// - Throws: `GraphError` of kind `operation` for an operation that is not among ``operations``, of kind `attribute`
  ///   for a dtype that is not among ``workingDTypes``.
  public init(_ dtypes: [OperationCode: DType]) throws(GraphError) {
    for (code, dtype) in dtypes {
      guard Self.operations.contains(code) else { throw Self.unknownOperation(code.name) }
      try Self.check(dtype, of: code.name)
    }
    self.dtypes = dtypes
  }

  /// What a policy says about single operations.
  ///
  /// Its `operationDTypes` as they are. Its accumulator dtype for products and its reduction dtype for sums, means,
  /// softmax, log-softmax and cross-entropy are the least that those must work in, and an entry is made only for more
  /// than the float32 that every backend accumulates in anyway. An operation that is named itself follows its name.
  ///
  /// - Throws: `GraphError` of kind `operation` for a name that is not that of one of ``operations``, of kind
  ///   `attribute` for a dtype that is not among ``workingDTypes``.
  public init(policy: DTypePolicy) throws(GraphError) {
    var dtypes: [OperationCode: DType] = [:]
    if policy.accumulatorDType == .float64 {
      for code in Self.products { dtypes[code] = .float64 }
    }
    if policy.reductionDType == .float64 {
      for code in Self.reductions { dtypes[code] = .float64 }
    }
    for (name, dtype) in policy.operationDTypes {
      guard let code = Self.operations.first(where: { $0.name == name }) else { throw Self.unknownOperation(name) }
      try Self.check(dtype, of: name)
      dtypes[code] = dtype
    }
    self.dtypes = dtypes
  }

  private init(unchecked dtypes: [OperationCode: DType]) { self.dtypes = dtypes }

  /// What `operation` works in, if that is not left to its operands.
  func dtype(of operation: some Operation) -> DType? {
    guard !dtypes.isEmpty, case .backend(let code, _) = operation.lowering else { return nil }
    return dtypes[code]
  }

  private static let products: [OperationCode] = [
    .matmul, .convolution, .convolutionInputGradient, .convolutionKernelGradient,
  ]

  private static let reductions: [OperationCode] = [
    .reduceSum, .reduceMean, .softmax, .logSoftmax, .sparseCrossEntropy,
  ]

  private static func check(_ dtype: DType, of name: String) throws(GraphError) {
    guard workingDTypes.contains(dtype) else {
      let known = workingDTypes.map(\.name).joined(separator: ", ")
      throw GraphError(.attribute(operation: name, expected: "to work in one of \(known)", found: dtype.name))
    }
  }

  private static func unknownOperation(_ name: String) -> GraphError {
    GraphError(.operation(name: name, known: operations.map(\.name).sorted()))
  }
}

/// An operation of a layer whose floating operands were cast to a dtype of its own.
public struct OperationCast: Sendable, Hashable {
  /// The path of the layer.
  public let layer: String
  /// The operation's name.
  public let operation: String
  public let from: DType
  public let to: DType
}
