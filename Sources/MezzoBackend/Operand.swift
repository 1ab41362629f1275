public import MezzoPolicy

/// One operand or result as a backend sees it: final extents, and where its elements lie.
public struct Operand: Hashable, Sendable {
  public var dtype: DType
  public var shape: [Int]
  /// In elements; 0 repeats along an axis.
  public var strides: [Int]
  /// The content stays the same between executions, so that it may be packed once.
  public var isConstant: Bool
  /// How elements stand for values; `nil`: they are the values.
  public var quantization: OperandQuantization?
  /// The operand is there in the packed form of this key alone; `nil`: as its strides say.
  public var packKey: [UInt64]?

  /// - Parameter strides: by default those of row-major order, in which each row begins with a byte.
  public init(
    dtype: DType, shape: [Int], strides: [Int]? = nil, isConstant: Bool = false,
    quantization: OperandQuantization? = nil, packKey: [UInt64]? = nil
  ) {
    self.dtype = dtype
    self.shape = shape
    self.strides = strides ?? Self.denseStrides(dtype, shape)
    self.isConstant = isConstant
    self.quantization = quantization
    self.packKey = packKey
  }

  public var type: TensorType { TensorType(dtype, shape) }

  /// Whether the elements lie in row-major order without gaps; strides of axes with extent 1 do not matter.
  public var isDense: Bool {
    guard strides.count == shape.count else { return false }
    if shape.contains(0) { return true }
    return zip(shape, zip(strides, Self.denseStrides(dtype, shape))).allSatisfy { $0 == 1 || $1.0 == $1.1 }
  }

  public func dense() -> Operand {
    var operand = self
    operand.strides = Self.denseStrides(dtype, shape)
    return operand
  }

  /// Why the elements cannot lie like this, `nil` if they can: those that are less than a byte lie side by side in rows that
  /// begin with a byte.
  var layoutDefect: String? {
    guard let bits = dtype.bitWidth, bits < 8, !shape.contains(0), strides.count == shape.count else { return nil }
    let perByte = 8 / bits
    for axis in shape.indices where shape[axis] > 1 {
      let isLast = axis == shape.count - 1
      guard isLast ? strides[axis] == 1 : strides[axis] % perByte == 0 else {
        return "\(dtype.name) lies in strides of 1 along the last axis, multiples of \(perByte) else, not \(strides)"
      }
    }
    return nil
  }

  /// Row-major, with rows of less than a whole number of bytes filled up.
  private static func denseStrides(_ dtype: DType, _ shape: [Int]) -> [Int] {
    guard let bits = dtype.bitWidth, bits < 8, let last = shape.last else { return rowMajorStrides(shape) }
    let perByte = 8 / bits
    return rowMajorStrides(shape.dropLast() + [(last + perByte - 1) / perByte * perByte])
  }
}
