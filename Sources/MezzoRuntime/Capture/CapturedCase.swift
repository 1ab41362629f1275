public import MezzoBackend
public import MezzoGraph
import MezzoPolicy

/// One execution of one operation, with all that it takes to repeat it elsewhere: what was asked, the operands, the results,
/// and who made them.
///
/// ```swift
/// for (number, found) in recorder.cases.enumerated() { try found.write(to: "bug-\(number).mezzocase") }
/// ```
public struct CapturedCase: Sendable, Hashable {
  /// As the backend was asked, with the steps of the epilogue that it did and no others.
  public var request: OperationRequest
  /// The bytes of each input from its first element to its last, gaps between them included.
  public var operands: [[UInt8]]
  /// Likewise of the results that were computed.
  public var results: [[UInt8]]
  public var source: Source

  /// Where the operation was, and who computed it.
  public struct Source: Sendable, Hashable, Codable {
    /// The path of the layer; empty outside any layer.
    public var layer: String
    public var phase: Graph.Phase
    public var backend: String
    public var backendVersion: String
    public var rule: String
    /// What the backend could use.
    public var threads: Int

    public init(
      layer: String, phase: Graph.Phase, backend: String, backendVersion: String, rule: String, threads: Int
    ) {
      self.layer = layer
      self.phase = phase
      self.backend = backend
      self.backendVersion = backendVersion
      self.rule = rule
      self.threads = threads
    }
  }

  public init(request: OperationRequest, operands: [[UInt8]], results: [[UInt8]], source: Source) {
    self.request = request
    self.operands = operands
    self.results = results
    self.source = source
  }
}

extension Operand {
  /// Bytes from the first element to the last; `nil` where no memory has room for them, or where they lie before the first
  /// one or in parts of a byte.
  public var checkedSpan: Int? {
    guard let width = dtype.byteWidth, strides.count == shape.count, shape.allSatisfy({ $0 >= 0 }),
      strides.allSatisfy({ $0 >= 0 })
    else { return nil }
    if shape.contains(0) { return 0 }
    var last = 0
    for (extent, stride) in zip(shape, strides) {
      let (distance, isTooFar) = (extent - 1).multipliedReportingOverflow(by: stride)
      let (sum, isTooLarge) = last.addingReportingOverflow(distance)
      if isTooFar || isTooLarge { return nil }
      last = sum
    }
    let (bytes, overflow) = last.multipliedReportingOverflow(by: width)
    return overflow || bytes > .max - width ? nil : bytes + width
  }
}
