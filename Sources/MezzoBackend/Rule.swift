public import MezzoPolicy

/// One thing that a backend can do, as data: which operation on which dtypes, under which condition, how exact, how fast.
public struct Rule: Sendable, CustomStringConvertible {
  public var name: String
  public var code: OperationCode
  public var signature: RuleSignature
  /// `nil`: always.
  public var condition: RuleExpression?
  public var accumulator: DType
  public var numerics: Numerics
  public var traits: Traits
  public var epilogue: EpilogueMask
  public var cost: Cost
  /// What the rule took when it was measured; `nil`: nobody measured it.
  public var measured: MeasuredCost?
  /// Bytes that every data pointer must be aligned to; 0: the element's size.
  public var alignment: Int
  /// The rule's place in the backend's own table.
  public var index: Int

  public init(
    name: String, code: OperationCode, signature: RuleSignature, condition: RuleExpression? = nil,
    accumulator: DType = .float32, numerics: Numerics = .strict, traits: Traits = [], epilogue: EpilogueMask = [],
    cost: Cost = Cost(), alignment: Int = 0, index: Int
  ) {
    self.name = name
    self.code = code
    self.signature = signature
    self.condition = condition
    self.accumulator = accumulator
    self.numerics = numerics
    self.traits = traits
    self.epilogue = epilogue
    self.cost = cost
    self.alignment = alignment
    self.index = index
  }

  /// What intermediate values are aligned to, and whatever else a rule reads that asks for it: a cache line.
  public static let guaranteedAlignment = 64

  /// Whether it asks for data aligned to more than its elements, which tensors that lie in files are not.
  public var asksForAlignment: Bool { alignment > 1 || condition?.asksForAlignment == true }

  public struct Traits: OptionSet, Sendable {
    public let rawValue: UInt32
    public init(rawValue: UInt32) { self.rawValue = rawValue }
    public static let deterministic = Traits(rawValue: 1)
    public static let reentrant = Traits(rawValue: 2)
    public static let inPlace = Traits(rawValue: 4)
    public static let prepacks = Traits(rawValue: 8)
    public static let ownThreads = Traits(rawValue: 16)
    public static let asynchronous = Traits(rawValue: 32)
    public static let quantized = Traits(rawValue: 64)
  }

  /// Bit `kind` is set for each epilogue step, numbered as in the ABI, that the rule can take.
  public struct EpilogueMask: OptionSet, Sendable {
    public let rawValue: UInt32
    public init(rawValue: UInt32) { self.rawValue = rawValue }

    public func contains(_ step: EpilogueStep) -> Bool { rawValue & (1 << step.abiKind) != 0 }
  }

  /// Nanoseconds and rates; 0 leaves a term out.
  public struct Cost: Sendable {
    public var fixed: Double
    public var operationsPerNanosecond: Double
    public var bytesPerNanosecond: Double
    /// Of packing; 0: not stated.
    public var packedBytesPerNanosecond: Double

    public init(
      fixed: Double = 0, operationsPerNanosecond: Double = 0, bytesPerNanosecond: Double = 0,
      packedBytesPerNanosecond: Double = 0
    ) {
      self.fixed = fixed
      self.operationsPerNanosecond = operationsPerNanosecond
      self.bytesPerNanosecond = bytesPerNanosecond
      self.packedBytesPerNanosecond = packedBytesPerNanosecond
    }

    public func estimate(operations: Double, bytes: Double) -> Double {
      var nanoseconds = max(fixed, 0)
      if operationsPerNanosecond > 0 { nanoseconds += operations / operationsPerNanosecond }
      if bytesPerNanosecond > 0 { nanoseconds += bytes / bytesPerNanosecond }
      return nanoseconds
    }
  }

  public var description: String { "\(name): \(code) \(signature)" }
}

/// Whether a rule takes a request, and if not, what decided.
public enum RuleVerdict: Sendable, Equatable {
  case matches
  case differs(BackendError.Why, String)
}

extension Rule {
  /// How many leading steps of the request's epilogue this rule can take.
  public func epiloguePrefix(_ request: OperationRequest) -> Int {
    request.epilogue.prefix { epilogue.contains($0) }.count
  }

  public func match(_ request: OperationRequest, threads: Int) -> RuleVerdict {
    guard code == request.code else { return .differs(.operation, "is for \(code), not \(request.code)") }
    var bindings: RuleBindings
    switch signature.bind(inputs: Array(request.ownInputs), results: request.results) {
    case .success(let bound): bindings = bound
    case .failure(let mismatch): return .differs(mismatch.why, mismatch.message)
    }
    if !accumulator.accumulatesAtLeast(request.accumulator) {
      return .differs(.accumulator, "accumulates in \(accumulator.name), \(request.accumulator.name) is wanted")
    }
    if let lacking = numerics.lacking(of: request.numerics) { return .differs(.numerics, lacking) }
    if let message = imprecision(request) { return .differs(.numerics, message) }
    if let message = layoutMismatch(request) { return .differs(.layout, message) }
    if alignment > Self.guaranteedAlignment {
      return .differs(
        .alignment, "wants data aligned to \(alignment) bytes, Mezzo promises \(Self.guaranteedAlignment)")
    }
    guard let condition else { return .matches }
    bindings.bind(attributesOf: request)
    return condition.verdict(bindings, threads: threads)
  }
}

extension Rule {
  private func imprecision(_ request: OperationRequest) -> String? {
    let unit = request.results.first?.dtype.epsilon ?? 0
    guard numerics.relativeError > unit && unit > 0 else { return nil }
    return "has a relative error up to \(numerics.relativeError), at most \(unit) is wanted"
  }

  private func layoutMismatch(_ request: OperationRequest) -> String? {
    for (index, operand) in (request.inputs + request.results).enumerated() {
      if let defect = operand.layoutDefect { return "operand \(index): \(defect)" }
      if operand.quantization != nil && !traits.contains(.quantized) {
        return "operand \(index) is quantized, which the rule does not take"
      }
      if operand.packKey != nil && !traits.contains(.prepacks) {
        return "operand \(index) is there in a packed form alone, which the rule does not take"
      }
    }
    return nil
  }
}

extension DType {
  /// Whether sums kept in this dtype are at least as exact as sums kept in `other`.
  func accumulatesAtLeast(_ other: DType) -> Bool {
    self == other || self == .float64 || (self == .float32 && other != .float64)
  }
}
