public import MezzoPolicy

/// How the elements of an operand stand for values: `value = (element − zero) · scale`, as in the ABI's `mezzo_quant`.
public struct OperandQuantization: Hashable, Sendable {
  public var scale: DType
  /// `nil`: all zero points are 0.
  public var zero: DType?
  /// `nil`: one scale for the whole operand.
  public var axis: Int?
  /// Elements along `axis` that share a scale, for each place along the other axes; `nil`: one scale for each index of `axis`.
  public var group: Int?

  public init(scale: DType, zero: DType? = nil, axis: Int? = nil, group: Int? = nil) {
    self.scale = scale
    self.zero = zero
    self.axis = axis
    self.group = group
  }

  /// The shape of the scales, and of the zero points; `nil` where axis or group do not fit an operand of `shape`.
  public func scaleShape(_ shape: [Int]) -> [Int]? {
    guard let axis else { return group == nil ? [] : nil }
    guard shape.indices.contains(axis) else { return nil }
    guard let group else { return [shape[axis]] }
    guard group > 0 else { return nil }
    var scales = shape
    scales[axis] = shape[axis] / group + (shape[axis] % group == 0 ? 0 : 1)
    return scales
  }
}
