public import MezzoBackend

/// A value put before, behind and between the elements along each axis, in any dtype; negative numbers before and
/// behind cut off.
///
/// An axis of extent n becomes `low + n + (n − 1) · interior + high`.
public struct Pad: Operation {
  public static let name = "pad"
  public var low: [Int]
  public var high: [Int]
  public var interior: [Int]
  private var bits: UInt64

  /// - Parameters:
  ///   - low, high: one number an axis.
  ///   - interior: one an axis, at least 0; by default 0.
  public init(low: [Int], high: [Int], interior: [Int]? = nil, value: Double = 0) {
    self.low = low
    self.high = high
    self.interior = interior ?? Array(repeating: 0, count: low.count)
    bits = value.bitPattern
  }

  /// What is put there, rounded to the operand's dtype.
  public var value: Double { Double(bitPattern: bits) }

  public var lowering: Lowering {
    .backend(
      .pad,
      [
        Attribute("low", .ints(low)), Attribute("high", .ints(high)), Attribute("interior", .ints(interior)),
        Attribute("value", .float(value)),
      ])
  }

  public func resultTypes(_ operands: [TensorType]) throws(GraphError) -> [TensorType] {
    try requireCount(operands, 1)
    let shape = operands[0].shape
    guard [low.count, high.count, interior.count].allSatisfy({ $0 == shape.count }) else {
      throw wrongShape("an operand of rank \(low.count)", operands)
    }
    guard interior.allSatisfy({ $0 >= 0 }) else {
      throw GraphError(
        .attribute(operation: Self.name, expected: "0 or more between elements", found: "\(interior)"))
    }
    var padded: [Int] = []
    for axis in shape.indices {
      let (between, overflow) = max(shape[axis] - 1, 0).multipliedReportingOverflow(by: interior[axis])
      var extent = between
      var isTooLarge = overflow
      for term in [shape[axis], low[axis], high[axis]] {
        let sum = extent.addingReportingOverflow(term)
        extent = sum.partialValue
        isTooLarge = isTooLarge || sum.overflow
      }
      guard !isTooLarge, extent >= 0 else {
        throw GraphError(
          .attribute(
            operation: Self.name, expected: "to leave an extent of 0 or more of axis \(axis) of \(operands[0])",
            found: "\(low[axis]) before and \(high[axis]) behind"))
      }
      padded.append(extent)
    }
    return [TensorType(operands[0].dtype, padded)]
  }

  public func gradient(_ context: GradientContext) throws(GraphError) -> [SymbolicTensor?] {
    let (x, g) = (context.operands[0], try context.only())
    guard !x.shape.contains(0) else { return [try x.trace.constant(0, dtype: x.dtype).broadcast(to: x.shape)] }
    let within = try g.padded(low: low.map { -$0 }, high: high.map { -$0 })
    return [
      try within.sliced(start: low.map { _ in 0 }, count: x.shape, step: interior.map { $0 + 1 })
    ]
  }
}

extension SymbolicTensor {
  /// `value` put before, behind and between the elements along each axis; negative numbers before and behind cut off.
  ///
  /// - Parameters:
  ///   - low, high: one number an axis.
  ///   - interior: one an axis; by default nothing goes between.
  public func padded(
    low: [Int], high: [Int], interior: [Int]? = nil, value: Double = 0
  ) throws(GraphError) -> SymbolicTensor {
    let isNothing = (low + high + (interior ?? [])).allSatisfy { $0 == 0 } && low.count == rank && high.count == rank
    return isNothing ? self : try apply(Pad(low: low, high: high, interior: interior, value: value))
  }
}
