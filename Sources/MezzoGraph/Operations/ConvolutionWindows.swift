import MezzoBackend

/// How the windows of a convolution or of pooling lie over the axes behind the batch: one number an axis.
public struct ConvolutionWindows: Hashable, Sendable {
  /// How far a window lies from the next.
  public var strides: [Int]
  /// What lies before and behind an extent.
  public var low: [Int]
  public var high: [Int]
  /// How far elements of one window lie from each other.
  public var dilations: [Int]

  public init(strides: [Int], low: [Int], high: [Int], dilations: [Int]) {
    self.strides = strides
    self.low = low
    self.high = high
    self.dilations = dilations
  }

  var attributes: [Attribute] {
    [Attribute("strides", .ints(strides)), Attribute("low", .ints(low)), Attribute("high", .ints(high))]
  }

  var dilated: [Attribute] { attributes + [Attribute("dilations", .ints(dilations))] }

  private var isValid: Bool {
    [low.count, high.count, dilations.count].allSatisfy { $0 == strides.count } && !strides.isEmpty
      && (strides + dilations).allSatisfy { $0 > 0 && $0 <= Int32.max }
      && (low + high).allSatisfy { $0 >= 0 && $0 <= Int32.max }
  }

  /// How many windows of `size` there are along each of `extents`.
  ///
  /// - Throws: `GraphError` of kind `attribute` for numbers that are no windows, and where not one window fits.
  func counts(_ extents: [Int], size: [Int], _ operation: String) throws(GraphError) -> [Int] {
    guard isValid, size.count == strides.count, extents.count == strides.count,
      size.allSatisfy({ $0 > 0 && $0 <= Int32.max })
    else {
      throw GraphError(
        .attribute(
          operation: operation,
          expected: "positive sizes, strides and dilations and amounts of at least 0, one an axis",
          found: "\(size), \(self)"))
    }
    var counts: [Int] = []
    for axis in extents.indices {
      let (span, overflow) = (size[axis] - 1).multipliedReportingOverflow(by: dilations[axis])
      let (room, overflowToo) = extents[axis].addingReportingOverflow(low[axis] + high[axis])
      guard !overflow, !overflowToo, room > span else {
        throw GraphError(
          .attribute(
            operation: operation, expected: "windows that fit into \(extents)", found: "\(size), \(self)"))
      }
      counts.append((room - span - 1) / strides[axis] + 1)
    }
    return counts
  }
}
